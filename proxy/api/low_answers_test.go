package api

import (
	"bytes"
	"errors"
	"testing"

	"doorkeeper/cluster"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answered gives an answer to a request, and returns the frames before and after.
func answered(t *testing.T, x *Exchange, q kmsg.Request, r kmsg.Response) (before, after []byte) {
	t.Helper()
	derived(t, x, q)
	r.SetVersion(x.Version)
	before = r.AppendTo([]byte{0, 0, 0, 1})
	after, err := x.Respond(nil, before)
	if err != nil {
		t.Fatal(err)
	}
	return before, after
}

func TestMetadataTeaches(t *testing.T) {
	x := highExchange(t, int16(kmsg.Metadata), 12)
	defer x.Free()
	r := &kmsg.MetadataResponse{
		ClusterID: ptr("MkU3"),
		Brokers:   []kmsg.MetadataResponseBroker{{NodeID: 1, Host: "b1", Port: 9092, Rack: ptr("r")}, {NodeID: 2, Host: "b2", Port: 9093}},
		Topics: []kmsg.MetadataResponseTopic{
			{Topic: ptr("a"), TopicID: idOfA},
			{Topic: ptr("missing"), ErrorCode: 3},
			{TopicID: idOfB, ErrorCode: 100},
		},
	}
	if bytes.Contains(derivedAnswer(t, x, &kmsg.MetadataRequest{}, r), []byte("b1")) {
		t.Error("b1 is in the answer")
	}
	c := x.Env.Cluster
	if c.ID() != "MkU3" {
		t.Errorf("cluster id %q", c.ID())
	}
	for _, want := range []cluster.Node{{ID: 1, Host: "b1", Port: 9092, Rack: "r"}, {ID: 2, Host: "b2", Port: 9093}} {
		if n, ok := c.Node(want.ID); !ok || n != want {
			t.Errorf("node %d: %+v", want.ID, n)
		}
	}
	if a := c.TopicByID(idOfA); a == nil || a.Name != "a" {
		t.Errorf("topic a: %+v", a)
	}
	if b := c.TopicByID(idOfB); b != nil {
		t.Errorf("an id without a name: %+v", b)
	}
	if m := c.TopicByName([]byte("missing")); m != nil {
		t.Errorf("a topic that is not there: %+v", m)
	}
}

// derivedAnswer is answered without the frame before.
func derivedAnswer(t *testing.T, x *Exchange, q kmsg.Request, r kmsg.Response) []byte {
	t.Helper()
	r.SetVersion(x.Version)
	derived(t, x, q)
	frame := []byte{0, 0, 0, 1}
	if x.Version >= 9 {
		frame = append(frame, 0)
	}
	out, err := x.Respond(nil, r.AppendTo(frame))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A topic that a Metadata answer showed is not created by the next request; one that only a request named may be.
func TestMetadataAsksForCreationUntilATopicWasSeen(t *testing.T) {
	x := highExchange(t, int16(kmsg.Metadata), 12)
	defer x.Free()
	x.Env.Cluster.Intern("x")
	q := &kmsg.MetadataRequest{AllowAutoTopicCreation: true, Topics: metadataTopics("x")}
	if d := cmp.Diff([]string{"DESCRIBE TOPIC x", "CREATE TOPIC x"}, derived(t, x, q)); d != "" {
		t.Error(d)
	}
	derivedAnswer(t, x, q, &kmsg.MetadataResponse{Topics: []kmsg.MetadataResponseTopic{{Topic: ptr("x"), TopicID: idOfA}}})
	if d := cmp.Diff([]string{"DESCRIBE TOPIC x"}, derived(t, x, q)); d != "" {
		t.Error(d)
	}
}

func TestCreateTopicsTeaches(t *testing.T) {
	for _, validateOnly := range []bool{false, true} {
		x := highExchange(t, int16(kmsg.CreateTopics), 7)
		q := &kmsg.CreateTopicsRequest{ValidateOnly: validateOnly, Topics: []kmsg.CreateTopicsRequestTopic{{Topic: "x"}, {Topic: "y"}}}
		r := &kmsg.CreateTopicsResponse{Topics: []kmsg.CreateTopicsResponseTopic{
			{Topic: "x", TopicID: idOfA}, {Topic: "y", TopicID: idOfB, ErrorCode: 36}}}
		r.SetVersion(7)
		derived(t, x, q)
		if _, err := x.Respond(nil, r.AppendTo([]byte{0, 0, 0, 1, 0})); err != nil {
			t.Fatal(err)
		}
		if got := x.Env.Cluster.TopicByID(idOfA) != nil; got == validateOnly {
			t.Errorf("validate only %v: learned %v", validateOnly, got)
		}
		if x.Env.Cluster.TopicByID(idOfB) != nil {
			t.Error("a topic that was not created is known")
		}
		x.Free()
	}
}

// What is no address is not rewritten, and then not a byte changes.
func TestCoordinatorErrorsPassUntouched(t *testing.T) {
	for v := int16(0); v <= findCoordinatorRow.Max; v++ {
		x := highExchange(t, int16(kmsg.FindCoordinator), v)
		r := &kmsg.FindCoordinatorResponse{ErrorCode: 15, NodeID: -1, Port: -1, Coordinators: []kmsg.FindCoordinatorResponseCoordinator{
			{Key: "g", NodeID: -1, Port: -1, ErrorCode: 15}}}
		r.SetVersion(v)
		header := []byte{0, 0, 0, 1}
		if v >= 3 {
			header = append(header, 0)
		}
		frame := r.AppendTo(header)
		derived(t, x, &kmsg.FindCoordinatorRequest{CoordinatorKey: "g", CoordinatorKeys: []string{"g"}})
		out, err := x.Respond(nil, frame)
		if err != nil {
			t.Fatal(err)
		}
		if &out[0] != &frame[0] || !bytes.Equal(out, r.AppendTo(bytes.Clone(header))) {
			t.Errorf("v%d: changed", v)
		}
		if x.Actions[0].Error != 15 {
			t.Errorf("v%d: error %d", v, x.Actions[0].Error)
		}
		if _, known := x.Env.Cluster.Node(-1); known {
			t.Errorf("v%d: node -1 is known", v)
		}
		x.Free()
	}
}

// lost is a Route without addresses.
type lost struct{}

var errLost = errors.New("no port left")

func (lost) Advertise(int32, string, int32) (string, int32, error) { return "", 0, errLost }

// same is a Route that changes nothing, as a transparent one.
type same struct{}

func (same) Advertise(_ int32, host string, port int32) (string, int32, error) {
	return host, port, nil
}

func TestAnswersWithoutAnAddressDoNotPass(t *testing.T) {
	for _, c := range addressed {
		x := highExchange(t, c.q.Key(), 0)
		x.Env.Route = lost{}
		x.Env.Cluster.Learn([]cluster.Node{{ID: 1, Host: "b1", Port: 9092}}, "")
		derived(t, x, c.q)
		if _, err := x.Respond(nil, c.r.AppendTo([]byte{0, 0, 0, 1})); !errors.Is(err, errLost) {
			t.Errorf("%s: %v", x.API.Name(), err)
		}
		x.Free()
	}
}

func TestAnswersPassWhereAddressesStay(t *testing.T) {
	for _, c := range addressed {
		x := highExchange(t, c.q.Key(), 0)
		x.Env.Route = same{}
		x.Env.Cluster.Learn([]cluster.Node{{ID: 1, Host: "b1", Port: 9092}}, "")
		if before, after := answered(t, x, c.q, c.r); &before[0] != &after[0] {
			t.Errorf("%s: written anew", x.API.Name())
		}
		x.Free()
	}
}

// addressed are answers of version 0 with addresses.
var addressed = []struct {
	q kmsg.Request
	r kmsg.Response
}{
	{&kmsg.MetadataRequest{}, &kmsg.MetadataResponse{Brokers: []kmsg.MetadataResponseBroker{{NodeID: 1, Host: "b1", Port: 9092}}}},
	{&kmsg.FindCoordinatorRequest{}, &kmsg.FindCoordinatorResponse{NodeID: 1, Host: "b1", Port: 9092}},
	{&kmsg.DescribeConfigsRequest{}, &kmsg.DescribeConfigsResponse{Resources: []kmsg.DescribeConfigsResponseResource{{
		ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: "1",
		Configs: []kmsg.DescribeConfigsResponseResourceConfig{{Name: "advertised.listeners", Value: ptr("PLAIN://b1:9092")}}}}}},
}

func TestDescribeConfigsHidesBrokers(t *testing.T) {
	for _, c := range []struct {
		resource, name string
		typ            kmsg.ConfigResourceType
		value, want    string
	}{
		{"1", "advertised.listeners", kmsg.ConfigResourceTypeBroker, "PLAIN://b1.internal:9092,SSL://[::1]:9093", "PLAIN://proxy.test:20001,SSL://proxy.test:20001"},
		{"1", "listeners", kmsg.ConfigResourceTypeBroker, "PLAIN://:9092", "PLAIN://proxy.test:20001"},
		{"1", "listeners", kmsg.ConfigResourceTypeBroker, "b1.internal:9092", ""},
		{"1", "advertised.host.name", kmsg.ConfigResourceTypeBroker, "b1.internal", "proxy.test"},
		{"1", "advertised.port", kmsg.ConfigResourceTypeBroker, "9092", "20001"},
		{"1", "controller.quorum.voters", kmsg.ConfigResourceTypeBroker, "1@b1.internal:9093", ""},
		{"1", "controller.quorum.bootstrap.servers", kmsg.ConfigResourceTypeBroker, "b1.internal:9093", ""},
		{"1", "zookeeper.connect", kmsg.ConfigResourceTypeBroker, "zk.internal:2181", ""},
		{"1", "log.dirs", kmsg.ConfigResourceTypeBroker, "/var/kafka", "/var/kafka"},
		{"7", "listeners", kmsg.ConfigResourceTypeBroker, "PLAIN://b7.internal:9092", ""},
		{"", "listeners", kmsg.ConfigResourceTypeBroker, "PLAIN://b7.internal:9092", ""},
		{"1", "listeners", kmsg.ConfigResourceTypeTopic, "PLAIN://not.a.broker:9092", "PLAIN://not.a.broker:9092"},
	} {
		for v := int16(0); v <= describeConfigsRow.Max; v++ {
			got := describedConfig(t, v, c.typ, c.resource, c.name, c.value)
			if *got.Value != c.want {
				t.Errorf("v%d %s of %q: %q became %q, want %q", v, c.name, c.resource, c.value, *got.Value, c.want)
			}
			if v >= 1 && *got.ConfigSynonyms[0].Value != c.want {
				t.Errorf("v%d %s of %q: synonym %q", v, c.name, c.resource, *got.ConfigSynonyms[0].Value)
			}
			if v >= 1 && got.ConfigSynonyms[1].Value != nil {
				t.Errorf("v%d %s: a value that was not told is %q", v, c.name, *got.ConfigSynonyms[1].Value)
			}
		}
	}
}

func describedConfig(t *testing.T, version int16, typ kmsg.ConfigResourceType, resource, name, value string) kmsg.DescribeConfigsResponseResourceConfig {
	t.Helper()
	x := highExchange(t, int16(kmsg.DescribeConfigs), version)
	defer x.Free()
	x.Env.Cluster.Learn([]cluster.Node{{ID: 1, Host: "b1.internal", Port: 9092}}, "")
	r := &kmsg.DescribeConfigsResponse{Resources: []kmsg.DescribeConfigsResponseResource{{
		ResourceType: typ, ResourceName: resource,
		Configs: []kmsg.DescribeConfigsResponseResourceConfig{{Name: name, Value: &value,
			ConfigSynonyms: []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{{Name: name, Value: &value}, {Name: name}}}}}}}
	r.SetVersion(version)
	header := []byte{0, 0, 0, 1}
	if version >= 4 {
		header = append(header, 0)
	}
	derived(t, x, &kmsg.DescribeConfigsRequest{})
	out, err := x.Respond(nil, r.AppendTo(bytes.Clone(header)))
	if err != nil {
		t.Fatal(err)
	}
	got := kmsg.NewPtrDescribeConfigsResponse()
	got.SetVersion(version)
	if err := got.ReadFrom(out[len(header):]); err != nil {
		t.Fatal(err)
	}
	return got.Resources[0].Configs[0]
}

func TestHostPort(t *testing.T) {
	for want, host := range map[string]string{"b1:9092": "b1", "[::1]:9092": "::1", "10.0.0.1:9092": "10.0.0.1"} {
		if got := hostPort(host, 9092); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Deleting and the like must be one record each; what clients do all day is summed.
func TestEachCallIsARecordOfItsOwn(t *testing.T) {
	for _, c := range []struct {
		key  kmsg.Key
		each bool
	}{
		{kmsg.CreateTopics, true}, {kmsg.DeleteTopics, true}, {kmsg.DeleteRecords, true}, {kmsg.WriteTxnMarkers, true},
		{kmsg.CreateACLs, true}, {kmsg.DeleteACLs, true}, {kmsg.AlterConfigs, true},
		{kmsg.Metadata, false}, {kmsg.Heartbeat, false}, {kmsg.OffsetCommit, false}, {kmsg.ApiVersions, false},
	} {
		if a := Lookup(int16(c.key)); a.Each != c.each {
			t.Errorf("%s: %v", a.Name(), a.Each)
		}
	}
}
