package api

import "strconv"

// maxTopicName is how long a topic's name may be, in UTF-16 code units.
const maxTopicName = 249

// invalidTopic says what is wrong with a topic's name, as Kafka's Topic.validate does; "" for a legal one.
func invalidTopic(name string) string {
	const is = "Topic name is invalid: "
	switch {
	case name == "":
		return is + "the empty string is not allowed"
	case name == "." || name == "..":
		return is + "'" + name + "' is not allowed"
	case javaLength(name) > maxTopicName:
		return is + "the length of '" + name + "' is longer than the max allowed length " + strconv.Itoa(maxTopicName)
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', 'A' <= c && c <= 'Z', c == '.', c == '_', c == '-':
		default:
			return is + "'" + name + "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
		}
	}
	return ""
}

// internalTopic says whether Kafka keeps the topic for itself (Topic.isInternal).
func internalTopic(name string) bool {
	return name == "__consumer_offsets" || name == "__transaction_state" || name == "__share_group_state"
}
