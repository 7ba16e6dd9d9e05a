package equivalence

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/test/kafka/truth"
)

// What two brokers that were told the same cannot say alike. Of such fields it is compared whether they are set. A field
// of one message alone is named with the message.
var differing = []struct {
	why    string
	fields []string
}{
	{"brokers draw ids", []string{"MemberID", "LeaderID", "ClusterID", "SubscriptionID", "TokenID", "HMAC", "SessionID",
		"IncarnationID", "ReplicaDirectoryID", "VoterDirectoryID"}},
	{"ids and epochs of producers depend on how often a request was tried again while a coordinator was busy",
		[]string{"ProducerID", "ProducerEpoch", "CoordinatorEpoch", "CurrentTxnStartOffset"}},
	{"clocks", []string{"LastTimestamp", "LastFetchTimestamp", "LastCaughtUpTimestamp", "StartTimestamp", "ExpiryTimestamp",
		"IssueTimestamp", "MaxTimestamp"}},
	{"processes have ports", []string{"DescribeQuorumResponseNodeListener.Port"}},
	{"disks", []string{"Dir", "Size", "TotalBytes", "UsableBytes"}},
	{"a cluster's metadata log has its own length", []string{"FinalizedFeaturesEpoch",
		"DescribeQuorumResponseTopicPartition.HighWatermark", "LogEndOffset"}},
}

var differingField = func() map[string]bool {
	all := map[string]bool{}
	for _, d := range differing {
		for _, f := range d.fields {
			all[f] = true
		}
	}
	return all
}()

// What may come in place of an answer.
const (
	closed = "closed" // the connection was
	silent = "silent" // nothing, for longer than a script waits
)

// canonical is a message as maps, lists and values, with the sides' own names in place of what differs by nature.
func (s *side) canonical(m any) any {
	return s.reduce(reflect.ValueOf(m).Elem(), "")
}

func (s *side) reduce(v reflect.Value, name string) any {
	if v.Type() == idType {
		return s.topicOf(v.Interface().([16]byte))
	}
	if differingField[name] {
		return isSet(v)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return s.reduce(v.Elem(), name)
	case reflect.Struct:
		return s.reduceStruct(v)
	case reflect.Slice:
		return s.reduceList(v, name)
	case reflect.String:
		return s.text(v.String())
	default:
		return v.Interface()
	}
}

func (s *side) reduceStruct(v reflect.Value) any {
	if t, ok := v.Interface().(kmsg.Tags); ok {
		if t.Len() > 0 {
			return fmt.Sprintf("%d unknown tags", t.Len())
		}
		return nil
	}
	fields := map[string]any{}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if name == "Version" || !v.Type().Field(i).IsExported() {
			continue
		}
		if differingField[v.Type().Name()+"."+name] {
			fields[name] = isSet(v.Field(i))
			continue
		}
		fields[name] = s.reduce(v.Field(i), name)
	}
	if fields["UnknownTags"] == nil {
		delete(fields, "UnknownTags")
	}
	s.hideAddress(v, fields)
	return fields
}

// hideAddress puts a word in place of the address under which this side's clients are to reach the broker. Any other
// address stays: it would be a leak.
func (s *side) hideAddress(v reflect.Value, fields map[string]any) {
	host, port := v.FieldByName("Host"), v.FieldByName("Port")
	if host.IsValid() && port.IsValid() && host.Kind() == reflect.String && port.Kind() == reflect.Int32 &&
		host.String() == s.host && int32(port.Int()) == s.port {
		fields["Host"], fields["Port"] = "BROKER", "PORT"
	}
}

func (s *side) reduceList(v reflect.Value, name string) any {
	if v.IsNil() {
		return nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if name == "RecordBatches" || name == "Records" {
			return batches(v.Bytes())
		}
		return base64.StdEncoding.EncodeToString(v.Bytes())
	}
	list := make([]any, v.Len())
	for i := range list {
		list[i] = s.reduce(v.Index(i), "")
	}
	return list
}

// batches says what record data holds, without the times in it.
func batches(p []byte) any {
	var all []string
	for _, b := range truth.Batches(p) {
		all = append(all, fmt.Sprintf("%d-%d of %d bytes", b.First, b.Last, b.Bytes))
	}
	return strings.Join(all, ", ")
}

func (s *side) topicOf(id [16]byte) string {
	if id == [16]byte{} {
		return ""
	}
	if name, ok := s.names[id]; ok {
		return "ID(" + name + ")"
	}
	for _, name := range slices.Concat(openTopics, shutTopics, lostTopics) {
		if id == madeID(name) {
			return "ID(" + name + ")"
		}
	}
	return "ID"
}

// javaRequest is an object that controllers print into their messages, with its address in memory. Doorkeeper prints
// something of that form with the API's name.
var javaRequest = regexp.MustCompile(`Request Request\(.*\) needs`)

// text puts names in place of topic ids that are part of a text.
func (s *side) text(text string) string {
	if !strings.ContainsAny(text, " :") {
		return text
	}
	text = javaRequest.ReplaceAllString(text, "Request REQUEST needs")
	for id, name := range s.names {
		text = strings.ReplaceAll(text, base64.RawURLEncoding.EncodeToString(id[:]), "ID("+name+")")
	}
	return text
}

func isSet(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return isSet(v.Elem())
	case reflect.Uint16:
		if v.Uint() == 0 {
			return 0
		}
		return "SET"
	case reflect.Int64, reflect.Int32, reflect.Int16:
		if v.Int() == 0 || v.Int() == -1 {
			return v.Int()
		}
		return "SET"
	case reflect.String, reflect.Slice:
		if v.Len() == 0 {
			return ""
		}
		return "SET"
	default:
		return v.Interface()
	}
}

// A difference is one place at which two answers are not the same.
type difference struct {
	path   string // e.g. Topics[1].Partitions[0].ErrorCode
	direct any    // what the broker with ACLs said
	door   any    // what came through doorkeeper
}

func (d difference) String() string {
	return fmt.Sprintf("%s: the broker %s, doorkeeper %s", d.path, compact(d.direct), compact(d.door))
}

func compact(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// diff finds where two canonical answers are not the same.
func diff(path string, a, b any, found *[]difference) {
	if left, ok := a.(map[string]any); ok {
		if right, ok := b.(map[string]any); ok {
			for _, name := range keysOf(left, right) {
				diff(strings.TrimPrefix(path+"."+name, "."), left[name], right[name], found)
			}
			return
		}
	}
	left, isList := a.([]any)
	right, isOther := b.([]any)
	if isList && isOther {
		diffLists(path, left, right, found)
		return
	}
	if !reflect.DeepEqual(a, b) {
		*found = append(*found, difference{path, a, b})
	}
}

// diffLists compares by place, or, where the elements have names and stand in another order, by name: the order is then
// one difference of its own.
func diffLists(path string, a, b []any, found *[]difference) {
	if reflect.DeepEqual(a, b) {
		return
	}
	if reflect.DeepEqual(ordered(a), ordered(b)) {
		*found = append(*found, difference{path + ".order", a, b})
		return
	}
	if len(a) != len(b) {
		*found = append(*found, difference{path, a, b})
		return
	}
	if names := namesOf(a); !slices.Equal(names, namesOf(b)) && slices.Equal(slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(namesOf(b)))) {
		*found = append(*found, difference{path + ".order", names, namesOf(b)})
		b = arranged(b, names)
	}
	for i := range a {
		diff(fmt.Sprintf("%s[%d]", path, i), a[i], b[i], found)
	}
}

// namesOf are what the elements of a list speak of.
func namesOf(list []any) []string {
	all := make([]string, len(list))
	for i := range list {
		fields, _ := list[i].(map[string]any)
		for _, name := range []string{"Topic", "TopicID", "Partition", "Group", "GroupID", "TransactionalID", "ResourceName"} {
			if x, is := fields[name]; is {
				all[i] += compact(x)
			}
		}
	}
	return all
}

// arranged returns list in the order of names.
func arranged(list []any, names []string) []any {
	left := map[string][]any{}
	for i, name := range namesOf(list) {
		left[name] = append(left[name], list[i])
	}
	out := make([]any, len(names))
	for i, name := range names {
		out[i], left[name] = left[name][0], left[name][1:]
	}
	return out
}

func ordered(list []any) []string {
	all := make([]string, len(list))
	for i := range list {
		all[i] = compact(list[i])
	}
	slices.Sort(all)
	return all
}

func keysOf(a, b map[string]any) []string {
	var all []string
	for name := range a {
		all = append(all, name)
	}
	for name := range b {
		if _, both := a[name]; !both {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}
