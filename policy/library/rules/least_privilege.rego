# Least privilege by catalog tags.
#
# A topic's tags stand in the catalog, where its owner keeps them. Who may do what stands in settings.access, by tag:
# a principal may read a topic if it holds `read` for every one of its tags, and write likewise. So another tag on a
# topic ("pii") can only take access away; and a topic without tags, or that the catalog does not know, is nobody's.
#
# Consumer groups and transactional ids are named in full. A prefix is one only where it is written as such, under
# group_prefixes and transactional_id_prefixes, and should end with a separator: "billing-", never "billing", which
# would also be billing2's.
package doorkeeper

# A principal that reads or writes a topic must be able to see it; the same holds for groups and transactional ids.
holds := {
	"READ": {"read"},
	"WRITE": {"write"},
	"DESCRIBE": {"read", "write"},
}

allow contains {"rule": "least_privilege", "reason": reason} if {
	input.action.resource.type == "TOPIC"
	some word in holds[input.action.operation]
	topic_tags := tags_of_topic
	count(topic_tags) > 0
	count(topic_tags - held(word)) == 0
	reason := sprintf("%s may %s what is tagged %s", [principal, word, concat(", ", sort(topic_tags))])
}

allow contains {"rule": "least_privilege", "reason": "the group is the principal's own"} if {
	input.action.resource.type == "GROUP"
	input.action.operation in {"READ", "DESCRIBE"}
	named(access, "groups", "group_prefixes")
}

allow contains {"rule": "least_privilege", "reason": "the transactional id is the principal's own"} if {
	input.action.resource.type == "TRANSACTIONAL_ID"
	input.action.operation in {"WRITE", "DESCRIBE"}
	named(access, "transactional_ids", "transactional_id_prefixes")
}

# Producers are idempotent by default: they ask for a producer id before they write anything.
allow contains {"rule": "least_privilege", "reason": "whoever writes may write idempotently"} if {
	input.action.resource.type == "CLUSTER"
	input.action.operation == "IDEMPOTENT_WRITE"
	count(held("write")) > 0
}

access := data.settings.access[principal]

held(word) := {tag | some tag in access[word]}

tags_of_topic := {tag | some tag in data.catalog.topics[input.action.resource.name].tags}

named(entry, names, _) if input.action.resource.name in entry[names]

named(entry, _, prefixes) if {
	some prefix in entry[prefixes]
	prefix != ""
	startswith(input.action.resource.name, prefix)
}
