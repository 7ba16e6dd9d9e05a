package api

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"doorkeeper/access"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What Apache Kafka 4.3.1 with StandardAuthorizer answered to users with different rights, stored by test/kafka
// (equivalence), is an oracle for denials that needs no broker: who may do all is answered by the broker; what of that
// answer is about a request that was cut is left of it; and what anybody else got must come out.

type storedAPI struct {
	API   string
	Key   int16
	Cases []storedCase
}

type storedCase struct {
	Mode, Script string
	Step         int
	Request      any
	Answers      []struct {
		To       map[string]string
		Response any
	}
}

// storedRights are those of the users, as test/kafka/equivalence/rights_test.go has them: operation, type, name; a name
// that ends in "*" is a prefix, "!" is a denial.
var storedRights = map[string]string{
	"none": "",
	"some": "ALL TOPIC open-*, ALL GROUP open-*, ALL TRANSACTIONAL_ID open-*, !ALL TOPIC open-denied, !READ TOPIC open-unread," +
		"!DESCRIBE GROUP open-denied, READ TOPIC shut-read",
	"describer":  "DESCRIBE TOPIC open-*, DESCRIBE GROUP open-*, DESCRIBE TRANSACTIONAL_ID open-*, DESCRIBE CLUSTER *",
	"reader":     "READ TOPIC open-*, READ GROUP open-*",
	"writer":     "WRITE TOPIC open-*, WRITE TRANSACTIONAL_ID open-*, IDEMPOTENT_WRITE CLUSTER *",
	"changer":    "CREATE TOPIC open-*, DELETE TOPIC open-*, DELETE GROUP open-*, ALTER TOPIC open-*",
	"configurer": "ALTER_CONFIGS TOPIC open-*, ALTER_CONFIGS GROUP open-*, DESCRIBE TOPIC open-*, CREATE TOPIC open-*, ALTER_CONFIGS CLUSTER *",
	"operator":   "CREATE CLUSTER *, ALTER CLUSTER *, DESCRIBE CLUSTER *, CLUSTER_ACTION CLUSTER *, DESCRIBE_CONFIGS CLUSTER *",
}

// storedAbove are the operations that allow another one too (AclEntry, StandardAuthorizerData).
var storedAbove = map[string][]string{"DESCRIBE": {"READ", "WRITE", "DELETE", "ALTER"}, "DESCRIBE_CONFIGS": {"ALTER_CONFIGS"}}

// An acl decides as a broker's authorizer does.
type acl string

func (l acl) Decide(_ *access.Request, a *access.Action) *access.Decision {
	op := a.Operation.String()
	if a.Operation == access.OpNone || !l.has("!", op, a) && (l.has("", op, a) || slices.ContainsFunc(storedAbove[op], func(o string) bool { return l.has("", o, a) })) {
		return allowed
	}
	return &access.Decision{Verdict: access.Deny, Enforced: true}
}

func (acl) Epoch(*access.Identity) uint64 { return 0 }

func (l acl) has(sign, op string, a *access.Action) bool {
	for _, rule := range strings.Split(string(l), ",") {
		f := strings.Fields(rule)
		if len(f) != 3 || strings.HasPrefix(f[0], "!") != (sign == "!") || f[1] != a.Type.String() {
			continue
		}
		prefix, isPrefix := strings.CutSuffix(f[2], "*")
		named := a.Name == f[2] || isPrefix && strings.HasPrefix(a.Name, prefix)
		if o := strings.TrimPrefix(f[0], "!"); named && (o == op || o == "ALL") {
			return true
		}
	}
	return false
}

// storedApart are the cases, by API, script and mode, of which the answer to who may do all does not say what a broker
// without ACLs would answer to somebody else, or of which the answers are different, and why.
var storedApart = map[string]string{
	"ListOffsets/as a follower":                          "a follower's replica id needs CLUSTER_ACTION here",
	"OffsetForLeaderEpoch/as a follower":                 "a follower's replica id needs CLUSTER_ACTION here",
	"InitProducerID":                                     "WRITE on any topic would do, which nobody can be asked; the ids were counted",
	"DescribeGroups/with a member":                       "the member had left for those who came later",
	"AlterConfigs/of topics and groups/denied":           "a topic and a group have one name",
	"AlterConfigs/of topics and groups/mixed":            "a topic and a group have one name",
	"DescribeConfigs/of topics and groups/mixed":         "a topic and a group have one name",
	"DeleteACLs/plain/allowed":                           "who came first deleted them",
	"CreateDelegationToken":                              "whose token it is, the broker says",
	"RenewDelegationToken":                               "whose token it is, the broker says",
	"ExpireDelegationToken":                              "whose token it is, the broker says",
	"DeleteGroups/plain/allowed":                         "a group of this name was there only for who came first",
	"DescribeShareGroupOffsets/of all topics":            "the offsets grew while the cases ran",
	"IncrementalAlterConfigs/of topics and groups/mixed": "a topic and a group have one name",
	"DescribeTopicPartitions/a few partitions":           "a page of fewer topics holds others",
	"ConsumerGroupHeartbeat/regular expression":          "a broker resolves it with the member's rights; here it is all topics or none",
	"DescribeUserSCRAMCredentials/all":                   "Kafka 4.3 never answers: it fails while it writes the denial",
	"GetTelemetrySubscriptions":                          "its id is drawn",
	"StreamsGroupHeartbeat/with internal topics":         "a broker that may not create says so in a status; here the heartbeat is denied",
}

func TestStoredDenials(t *testing.T) {
	held, met := 0, map[string]bool{}
	for _, a := range slices.Concat(lowRows, highRows) {
		path := fmt.Sprintf("../../test/kafka/testdata/equivalence/%02d_%s.json", a.Key, kmsg.NameForKey(a.Key))
		text, err := os.ReadFile(filepath.FromSlash(path))
		if os.IsNotExist(err) {
			continue // of Kafka 4.4
		}
		if err != nil {
			t.Fatal(err)
		}
		var s storedAPI
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		for i := range s.Cases {
			c := &s.Cases[i]
			apart := false
			for _, name := range []string{s.API, s.API + "/" + c.Script, s.API + "/" + c.Script + "/" + c.Mode} {
				_, is := storedApart[name]
				apart, met[name] = apart || is, true
			}
			if !apart {
				held += c.holds(t, a)
			}
		}
	}
	for name := range storedApart {
		if !met[name] {
			t.Errorf("there is no case %s", name)
		}
	}
	t.Logf("%d answers are as stored", held)
	if held < 6000 {
		t.Errorf("only %d answers were held against what is stored", held)
	}
}

// holds holds every answer of a case against what comes out here, and says how many there were.
func (c *storedCase) holds(t *testing.T, a *API) (held int) {
	for _, answer := range c.Answers {
		for user, versions := range answer.To {
			for _, v := range storedVersions(t, versions) {
				all := c.answerTo("all", v, t)
				if user == "all" || all == nil || partial(answer.Response) || partial(all) || partial(c.Request) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s/%d/v%d/%s", a.Name(), c.Mode, c.Script, c.Step, v, user), func(t *testing.T) {
					c.hold(t, a, v, user, all, answer.Response)
				})
				held++
			}
		}
	}
	return held
}

func (c *storedCase) hold(t *testing.T, a *API, v int16, user string, all, want any) {
	x := highExchange(t, a.Key, v)
	x.Session.Broker = 1
	x.Env.Decider = acl(storedRights[user])
	x.Env.Refer = func(*access.Call) *access.Reference { return access.Taken(storedRecord) }
	x.Identity = &access.Identity{Principal: "User:" + user, Source: access.Observed}
	q := zero(kmsg.RequestForKey(a.Key))
	storedInto(t, reflect.ValueOf(q).Elem(), c.Request)
	x.Env.Cluster.LearnTopics(storedTopics)
	for _, id := range idsIn(reflect.ValueOf(q).Elem()) {
		if name := strings.TrimRight(string(id[:]), "\x00"); strings.HasPrefix(name, "ID(") && !strings.HasSuffix(name, "-lost)") {
			x.Env.Cluster.LearnTopics([]access.Topic{{Name: strings.TrimSuffix(name[3:], ")"), ID: id}})
		}
	}
	derived(t, x, q)
	named := namesIn(reflect.ValueOf(x.Body).Elem())
	for _, question := range x.Questions() {
		x.Hear(storedExistence(question))
	}
	if err := x.Enforce(); err != nil {
		t.Fatal(err)
	}
	got := x.Local()
	if got == nil {
		r := zero(kmsg.ResponseForKey(a.Key))
		storedInto(t, reflect.ValueOf(r).Elem(), all)
		left := namesIn(reflect.ValueOf(x.Body).Elem())
		without(reflect.ValueOf(r).Elem(), slices.DeleteFunc(named, func(n string) bool { return slices.Contains(left, n) }))
		r.SetVersion(v)
		frame, err := x.Respond(nil, frameOf(r))
		if err != nil {
			t.Fatal(err)
		}
		got = kmsg.ResponseForKey(a.Key)
		got.SetVersion(v)
		head := 4
		if got.IsFlexible() {
			head = 5
		}
		if err := got.ReadFrom(frame[head:]); err != nil {
			t.Fatal(err)
		}
	}
	expected := zero(kmsg.ResponseForKey(a.Key))
	storedInto(t, reflect.ValueOf(expected).Elem(), want)
	if d := cmp.Diff(alike(t, expected, v), alike(t, got, v)); d != "" {
		t.Errorf("(-stored +got):\n%s", d)
	}
}

// storedTopics are those that are there.
var storedTopics = func() (all []access.Topic) {
	for _, name := range []string{"open-a", "open-b", "shut-a", "shut-b", "open-denied", "open-unread", "shut-read"} {
		all = append(all, access.Topic{Name: name, ID: storedID("ID(" + name + ")")})
	}
	return all
}()

// storedExistence answers which topics are there, each with two partitions; about anything else it is silent.
func storedExistence(q kmsg.Request) kmsg.Response {
	r := kmsg.ResponseForKey(q.Key())
	m, is := q.(*kmsg.MetadataRequest)
	if !is {
		return r
	}
	for i := range m.Topics {
		t := mdTopic{Topic: m.Topics[i].Topic, ErrorCode: errUnknownTopic}
		// the old ones were made for each case anew
		if strings.Contains(*t.Topic, "-old-") || slices.ContainsFunc(storedTopics, func(s access.Topic) bool { return s.Name == *t.Topic }) {
			t = has(*t.Topic, 0, 1)
		}
		r.(*kmsg.MetadataResponse).Topics = append(r.(*kmsg.MetadataResponse).Topics, t)
	}
	return r
}

// zero is a message of the same type without defaults: what is not stored is 0.
func zero[M any](m M) M { return reflect.New(reflect.TypeOf(m).Elem()).Interface().(M) }

// answerTo is what a user got in a version, nil if that is not stored.
func (c *storedCase) answerTo(user string, v int16, t *testing.T) any {
	for _, a := range c.Answers {
		if slices.Contains(storedVersions(t, a.To[user]), v) {
			return a.Response
		}
	}
	return nil
}

func storedVersions(t *testing.T, s string) (all []int16) {
	for _, part := range strings.Split(s, ",") {
		if part == "" {
			continue
		}
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil {
			t.Fatalf("versions %q", s)
		}
		for v := from; v <= to; v++ {
			all = append(all, int16(v))
		}
	}
	return all
}

// partial says whether a message is stored in part only, or none came.
func partial(v any) bool {
	text, err := json.Marshal(v)
	_, isMap := v.(map[string]any)
	return err != nil || !isMap || regexp.MustCompile(`"and \d+ more"`).Match(text)
}

// storedInto fills a message from its stored form: numbers that were not kept are 1, words of which only it is known that
// they were set are "SET".
func storedInto(t *testing.T, to reflect.Value, v any) {
	t.Helper()
	if v == nil {
		return
	}
	if to.Kind() == reflect.Pointer {
		to.Set(reflect.New(to.Type().Elem()))
		storedInto(t, to.Elem(), v)
		return
	}
	s, isString := v.(string)
	if u, ok := to.Addr().Interface().(encoding.TextUnmarshaler); ok && isString {
		if err := u.UnmarshalText([]byte(s)); err != nil {
			t.Fatal(err)
		}
		return
	}
	switch to.Kind() {
	case reflect.Struct:
		for name, x := range v.(map[string]any) {
			storedInto(t, to.FieldByName(name), x)
		}
	case reflect.Slice:
		if isString {
			raw, err := base64.StdEncoding.DecodeString(s)
			if err != nil || to.Type().Elem().Kind() != reflect.Uint8 {
				raw = []byte{1}
			}
			if to.Type().Elem().Kind() == reflect.Uint8 {
				to.SetBytes(raw)
			}
			return
		}
		list := v.([]any)
		to.Set(reflect.MakeSlice(to.Type(), len(list), len(list)))
		for i := range list {
			storedInto(t, to.Index(i), list[i])
		}
	case reflect.Array:
		to.Set(reflect.ValueOf(storedID(s)))
	case reflect.String:
		to.SetString(s)
	case reflect.Bool:
		to.SetBool(v.(bool))
	case reflect.Float64:
		to.SetFloat(v.(float64))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		to.SetUint(uint64(number(v)))
	default:
		to.SetInt(number(v))
	}
}

func number(v any) int64 {
	if f, ok := v.(float64); ok {
		return int64(f)
	}
	return 1
}

func storedID(s string) (id [16]byte) { copy(id[:], s); return id }

// namesIn are all words in a request, and its topic ids as words.
func namesIn(v reflect.Value) (all []string) {
	switch v.Kind() {
	case reflect.Array:
		if id := v.Interface().([16]byte); id != [16]byte{} {
			return []string{string(id[:])}
		}
	case reflect.String:
		return []string{v.String()}
	case reflect.Pointer:
		if !v.IsNil() {
			return namesIn(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, namesIn(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Type != reflect.TypeFor[kmsg.Tags]() {
				all = append(all, namesIn(v.Field(i))...)
			}
		}
	}
	return all
}

// without takes out of an answer what is about resources that the request does not name any more.
func without(v reflect.Value, gone []string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			without(v.Elem(), gone)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i).Type; f.Kind() == reflect.Slice && f.Elem().Kind() == reflect.Struct {
				without(v.Field(i), gone)
			}
		}
	case reflect.Slice:
		left := reflect.MakeSlice(v.Type(), 0, v.Len())
		for i := range v.Len() {
			if e := v.Index(i); !slices.Contains(gone, nameIn(e)) && !slices.Contains(gone, idIn(e)) {
				without(e, gone)
				left = reflect.Append(left, e)
			}
		}
		v.Set(left)
	}
}

// idsIn are the topic ids in a message.
func idsIn(v reflect.Value) (all [][16]byte) {
	switch v.Kind() {
	case reflect.Array:
		if id := v.Interface().([16]byte); id != [16]byte{} {
			return [][16]byte{id}
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, idsIn(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Type != reflect.TypeFor[kmsg.Tags]() {
				all = append(all, idsIn(v.Field(i))...)
			}
		}
	}
	return all
}

// idIn is the id of the topic that an entry is about, as a word.
func idIn(v reflect.Value) string {
	if f := v.FieldByName("TopicID"); f.IsValid() {
		id := f.Interface().([16]byte)
		return string(id[:])
	}
	return "no id"
}

func nameIn(v reflect.Value) string {
	for _, f := range []string{"Topic", "Group", "GroupID", "TransactionalID", "ResourceName", "Key"} {
		n := v.FieldByName(f)
		if n.IsValid() && n.Kind() == reflect.Pointer && !n.IsNil() {
			n = n.Elem()
		}
		if n.IsValid() && n.Kind() == reflect.String {
			return n.String()
		}
	}
	return "no name"
}

// storedUnordered are the APIs of which the order of an answer cannot be held against what is stored, and why.
var storedUnordered = map[string]string{
	"Metadata":             "all topics, and topics by id, stand in the order of ids that are drawn",
	"ListOffsets":          "what a broker answers of fewer topics stands in another order",
	"CreateTopics":         "names that were made for a case stand for others, of another hash",
	"DeleteTopics":         "a controller shuffles them",
	"DeleteGroups":         "groups stand in the order of their coordinator's partitions",
	"ShareGroupDescribe":   "topics stand in the order of ids that are drawn",
	"StreamsGroupDescribe": "topics stand in the order of ids that are drawn",
}

// storedRecord is a reference, which a broker's messages do not have.
const storedRecord = "01JD8Z2P6Q4V7M8X9T0R1S2W3Y"

var storedCitation = regexp.MustCompile(`^doorkeeper why ` + storedRecord + `$| \(doorkeeper why ` + storedRecord + `\)$`)

var storedRequest = regexp.MustCompile(`Request Request\(.*\) needs`)

// alike is an answer in the form in which it is stored: nothing that is zero, each look-alike once, lists in any
// order where storedUnordered says so; and the words that stand for addresses.
func alike(t *testing.T, r kmsg.Response, v int16) any {
	t.Helper()
	r.SetVersion(v)
	back := kmsg.ResponseForKey(r.Key())
	back.SetVersion(v)
	if err := back.ReadFrom(r.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(back)
	if err != nil {
		t.Fatal(err)
	}
	var m any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return reduced(m, storedUnordered[kmsg.NameForKey(r.Key())] == "")
}

func reduced(v any, ordered bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, x := range v {
			if x = reduced(x, ordered); x != nil && name != "Version" && name != "Host" && name != "Port" {
				out[name] = x
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		var list []string
		for _, x := range v {
			text, _ := json.Marshal(reduced(x, ordered))
			list = append(list, string(text))
		}
		if !ordered {
			slices.Sort(list)
		}
		if list = slices.Compact(list); len(list) == 0 {
			return nil
		}
		return list
	case string:
		if v = storedCitation.ReplaceAllString(v, ""); v == "" {
			return nil
		}
		return storedRequest.ReplaceAllString(v, "Request REQUEST needs")
	case float64:
		if v == 0 {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	}
	return v
}
