package api

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"doorkeeper/access"
	"doorkeeper/cluster"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// hides denies everything that is about a resource in whose name payroll stands, everything about the cluster, and, as the
// engine does, topics without a name.
type hides struct{}

func (hides) Decide(_ *access.Request, a *access.Action) *access.Decision {
	if a.Type == access.ResCluster || a.Type == access.ResTopic && a.Name == "" || strings.Contains(a.Name, hidden) {
		return &access.Decision{Verdict: access.Deny, Enforced: true}
	}
	return allowed
}

func (hides) Epoch(*access.Identity) uint64 { return 0 }

const hidden = "payroll"

var (
	openID    = [16]byte{0xaa, 0xaa, 0xaa, 0xaa, 1}
	hiddenID  = [16]byte{0xbb, 0xbb, 0xbb, 0xbb, 2}
	foreignID = [16]byte{0xcc, 0xcc, 0xcc, 0xcc, 3} // that nobody knows
)

// notAsked are the fields that name nothing that anybody is asked about, by kmsg's names, or by the last of them.
var notAsked = map[string]string{
	"ClientSoftwareName":    "what the client says of itself",
	"ClientSoftwareVersion": "what the client says of itself",
	"ClusterID":             "which cluster the client means: the broker says whether it is that",
	"InstanceID":            "a member's",
	"MemberID":              "a member's",
	"Rack":                  "where a client is",
	"RackID":                "where a client is",
	"Reason":                "for people",
	"Mechanism":             "nobody has authenticated yet",
	"StatesFilter":          "states",
	"StateFilters":          "states",
	"TypesFilter":           "kinds of groups",
	"Protocol":              "how members divide partitions",
	"ProtocolType":          "how members divide partitions",
	"Protocols.Name":        "how members divide partitions",
	"ServerAssignor":        "how the broker divides partitions",
	"SubtopologyID":         "the application's own word",
	"ProcessID":             "the application's own word",
	"ClientTags.Key":        "the application's own word",
	"ClientTags.Value":      "the application's own word",
	"Partitions.Metadata":   "a client's note beside an offset",
	"UserEndpoint.Host":     "an application's own address",
	"Configs.Name":          "a setting, of a resource that is asked about",
	"Configs.Key":           "a setting, of a resource that is asked about",
	"Configs.Value":         "a setting, of a resource that is asked about",
	"ConfigNames":           "settings, of resources that are asked about",

	"ConsumerGroupHeartbeat.SubscribedTopicRegex":                   "all topics are asked about",
	"ConsumerGroupHeartbeat.Topics.TopicID":                         "what a member owns already: Kafka asks nothing",
	"CreateDelegationToken.Renewers.PrincipalName":                  "Kafka asks nothing: the token is the owner's to give",
	"CreateDelegationToken.Renewers.PrincipalType":                  "Kafka asks nothing: the token is the owner's to give",
	"CreateDelegationToken.OwnerPrincipalType":                      "the name beside it is asked about",
	"DescribeDelegationToken.Owners.PrincipalName":                  "of the answer each token is asked about",
	"DescribeDelegationToken.Owners.PrincipalType":                  "the name beside it is asked about",
	"DescribeTopicPartitions.Cursor.Topic":                          "where the page begins: what is on it is asked about",
	"Fetch.ForgottenTopics.Topic":                                   "leaves the session",
	"Fetch.ForgottenTopics.TopicID":                                 "leaves the session",
	"Fetch.Topics.Partitions.ReplicaDirectoryID":                    "a follower's disk",
	"ListTransactions.TransactionalIDPattern":                       "of the answer each is asked about",
	"ShareFetch.ForgottenTopicsData.TopicID":                        "leaves the session",
	"StreamsGroupHeartbeat.Topology.Subtopologies.SourceTopicRegex": "all topics are asked about",
	"StreamsGroupTopologyDescriptionUpdate.TopologyDescription.":    "for people who look at the group: Kafka asks for the group alone",
}

// free says whether a field names nothing that is asked about.
func free(path string) bool {
	if notAsked[path] != "" {
		return true
	}
	for known := range notAsked {
		switch {
		case strings.HasSuffix(known, ".") && strings.HasPrefix(path, known), strings.HasSuffix(path, "."+known):
			return true
		}
	}
	return false
}

// Every field of every request that has room for a name is either asked about or stands above: a new one fails here until
// somebody has decided what it is.
func TestEveryNameIsAsked(t *testing.T) {
	c, used := twoTopics(t), map[string]bool{}
	for _, a := range Table {
		if a == nil || a.Key == int16(kmsg.Produce) { // see proxy: its frames are not held
			continue
		}
		for _, field := range nameFields(reflect.TypeOf(kmsg.RequestForKey(a.Key)).Elem(), kmsg.Key(a.Key).Name()) {
			for v := int16(0); v <= a.Max; v++ {
				for seed := range uint64(12) {
					q := kmsg.RequestForKey(a.Key)
					m := mixer{rand.New(rand.NewPCG(seed, uint64(v))), field}
					m.fill(reflect.ValueOf(q).Elem(), kmsg.Key(a.Key).Name())
					what := slips(t, c, q, v)
					if what != "" && !free(field) {
						t.Fatalf("%s of v%d goes to the broker with what is denied", field, v)
					}
					used[field] = used[field] || what != ""
				}
			}
		}
	}
	for known := range notAsked {
		ok := false
		for field := range used {
			ok = ok || field == known || strings.HasSuffix(field, "."+known) || strings.HasSuffix(known, ".") && strings.HasPrefix(field, known)
		}
		if !ok {
			t.Errorf("%s: nothing of that name goes to a broker", known)
		}
	}
}

// Nothing that is denied is named in what goes to the broker, whatever the request looks like: names of what may and of what
// may not be named, twice, by name, id or both, or not at all, in lists that are null, empty or long.
func TestNothingDeniedIsForwarded(t *testing.T) {
	c := twoTopics(t)
	for _, a := range Table {
		if a == nil || a.Key == int16(kmsg.Produce) {
			continue
		}
		for v := int16(0); v <= a.Max; v++ {
			for seed := range uint64(60) {
				q := kmsg.RequestForKey(a.Key)
				m := mixer{rand.New(rand.NewPCG(seed, uint64(v))), ""}
				m.fill(reflect.ValueOf(q).Elem(), kmsg.Key(a.Key).Name())
				overlooked(q)
				if what := slips(t, c, q, v); what != "" {
					t.Fatalf("%s v%d: %q goes to the broker: %+v", a.Name(), v, what, q)
				}
			}
		}
	}
}

// overlooked takes out names that a broker does not read: those of a Metadata request in which any topic has an id.
func overlooked(q kmsg.Request) {
	m, ok := q.(*kmsg.MetadataRequest)
	if !ok {
		return
	}
	for i := range m.Topics {
		if m.Topics[i].TopicID != [16]byte{} {
			for i := range m.Topics {
				m.Topics[i].Topic = nil
			}
		}
	}
}

// twoTopics is a cluster of a topic that may be named, and of one that may not.
func twoTopics(t *testing.T) *cluster.Cluster {
	c, _, err := cluster.Open(cluster.Options{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.LearnTopics([]access.Topic{{Name: "orders", ID: openID}, {Name: hidden, ID: hiddenID}})
	return c
}

// slips passes a request on, and returns what is denied and goes to the broker.
func slips(t *testing.T, c *cluster.Cluster, q kmsg.Request, v int16) string {
	t.Helper()
	x := NewExchange()
	defer x.Free()
	x.API, x.Request.API, x.Version = Lookup(q.Key()), q.Key(), v
	x.Session, x.Client, x.Identity = &access.Session{}, &access.Client{}, &access.Identity{Principal: "User:alice"}
	x.Env = &Env{Cluster: c, Route: shift{}, Decider: hides{}}
	q.SetVersion(v)
	body := q.AppendTo(nil)
	if x.Decode(body) != nil || x.Derive() != nil {
		return ""
	}
	for range x.Questions() {
		x.Hear(nil)
	}
	if x.Enforce() != nil || x.Local() != nil {
		return ""
	}
	goes := body
	if x.Edited() {
		goes = x.AppendEdited(nil, body)
	}
	for _, what := range []string{hidden, string(hiddenID[:]), string(foreignID[:])} {
		if bytes.Contains(goes, []byte(what)) {
			return what
		}
	}
	return ""
}

// nameFields lists the fields of a message that have room for a name or an id.
func nameFields(typ reflect.Type, path string) (list []string) {
	switch typ.Kind() {
	case reflect.String, reflect.Array:
		return []string{path}
	case reflect.Slice, reflect.Pointer:
		return nameFields(typ.Elem(), path)
	case reflect.Struct:
		for i := range typ.NumField() {
			if f := typ.Field(i); f.Type != reflect.TypeFor[kmsg.Tags]() {
				list = append(list, nameFields(f.Type, path+"."+f.Name)...)
			}
		}
	}
	return list
}

// A mixer makes requests of few names: with one field, what is denied stands in it and nowhere else; without one, anywhere
// where it counts.
type mixer struct {
	*rand.Rand
	only string
}

func (m mixer) name(path string) string {
	switch {
	case m.only == path:
		return hidden
	case strings.HasSuffix(path, "PrincipalType"):
		return "User"
	case m.only != "", free(path):
		return "orders"
	}
	return []string{"orders", "orders", hidden, hidden + "-2", "", "Payroll"}[m.IntN(6)]
}

func (m mixer) id(path string) [16]byte {
	switch {
	case m.only == path:
		return hiddenID
	case m.only != "", free(path):
		return openID
	}
	return [][16]byte{openID, openID, hiddenID, foreignID, {}, {}}[m.IntN(6)]
}

func (m mixer) length() int {
	if m.only != "" {
		return 1 + m.IntN(2)
	}
	return []int{-1, 0, 1, 2, 2, 3, 6}[m.IntN(7)]
}

func (m mixer) fill(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(m.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		switch v.SetInt(int64(m.IntN(5) - 1)); {
		case strings.HasSuffix(path, ".CoordinatorType"):
			v.SetInt(int64(m.IntN(2))) // of the others a broker is asked about itself, or has none
		case strings.HasSuffix(path, ".ResourceType"):
			v.SetInt(int64([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64}[m.IntN(12)]))
		}
	case reflect.String:
		v.SetString(m.name(path))
	case reflect.Array:
		id := m.id(path)
		reflect.Copy(v, reflect.ValueOf(id))
	case reflect.Slice:
		n := m.length()
		if strings.HasSuffix(path, ".Partitions") {
			n = max(n, 1) // of a topic without partitions a broker does nothing
		}
		if n < 0 {
			return // null
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			m.fill(v.Index(i), path)
		}
	case reflect.Pointer:
		if m.only != "" || m.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			m.fill(v.Elem(), path)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Name != "Version" && f.Type != reflect.TypeFor[kmsg.Tags]() {
				m.fill(v.Field(i), path+"."+f.Name)
			}
		}
	}
}
