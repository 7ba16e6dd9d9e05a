package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"doorkeeper/access"
	"doorkeeper/cluster"
	"doorkeeper/journal"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// highAnswered passes an answer through Respond as it comes over the wire, and returns both frames.
func highAnswered(t *testing.T, x *Exchange, r kmsg.Response) (in, out []byte) {
	t.Helper()
	r.SetVersion(x.Version)
	in = frameOf(r)
	x.Body = kmsg.RequestForKey(x.API.Key)
	x.Body.SetVersion(x.Version)
	out, err := x.Respond(nil, in)
	if err != nil {
		t.Fatal(err)
	}
	return in, out
}

// frameOf is an answer without its length bytes: correlation id, tags in flexible versions, body.
func frameOf(r kmsg.Response) []byte {
	frame := []byte{0, 0, 0, 9}
	if r.IsFlexible() {
		frame = append(frame, 0)
	}
	return r.AppendTo(frame)
}

func TestDescribeClusterRewritesBrokers(t *testing.T) {
	for v := int16(0); v <= describeClusterRow.Max; v++ {
		r := kmsg.NewPtrDescribeClusterResponse()
		r.ClusterID, r.ControllerID = "cid", 1
		r.Brokers = []kmsg.DescribeClusterResponseBroker{
			{NodeID: 1, Host: "b1.kafka", Port: 9092, Rack: ptr("r1")},
			{NodeID: 2, Host: "b2.kafka", Port: 9093, IsFenced: true},
			{NodeID: 3, Host: "", Port: -1},
		}
		r.UnknownTags.Set(77, []byte("kept"))
		x := highExchange(t, r.Key(), v)
		_, out := highAnswered(t, x, r)

		r.Brokers[0].Host, r.Brokers[0].Port = "proxy.test", 20001
		r.Brokers[1].Host, r.Brokers[1].Port = "proxy.test", 20002
		if !bytes.Equal(out, frameOf(r)) {
			t.Errorf("v%d: something else changed, or an address did not:\n%q\nwant\n%q", v, out, frameOf(r))
		}
		want := []cluster.Node{{ID: 1, Host: "b1.kafka", Port: 9092, Rack: "r1"}, {ID: 2, Host: "b2.kafka", Port: 9093}}
		if d := cmp.Diff(want, x.Env.Cluster.Nodes()); d != "" {
			t.Errorf("v%d: learned (-want +got):\n%s", v, d)
		}
		if x.Env.Cluster.ID() != "cid" {
			t.Errorf("v%d: cluster id %q", v, x.Env.Cluster.ID())
		}
	}
}

func TestDescribeClusterWithoutChange(t *testing.T) {
	r := kmsg.NewPtrDescribeClusterResponse()
	r.Brokers = []kmsg.DescribeClusterResponseBroker{{NodeID: 1, Host: "b1.kafka", Port: 9092}}
	x := highExchange(t, r.Key(), 1)
	x.Env.Route = same{}
	in, out := highAnswered(t, x, r)
	if &in[0] != &out[0] {
		t.Error("the frame was copied although nothing changed")
	}
}

func TestDescribeClusterWithoutAddress(t *testing.T) {
	r := kmsg.NewPtrDescribeClusterResponse()
	r.Brokers = []kmsg.DescribeClusterResponseBroker{{NodeID: 1, Host: "b1.kafka", Port: 9092}}
	x := highExchange(t, r.Key(), 0)
	x.Env.Route = lost{}
	x.Body = kmsg.NewPtrDescribeClusterRequest()
	if _, err := x.Respond(nil, frameOf(r)); !errors.Is(err, errLost) {
		t.Errorf("error %v, want %v: the answer must not pass", err, errLost)
	}
}

func TestControllersStayHidden(t *testing.T) {
	quorum := kmsg.NewPtrDescribeQuorumResponse()
	quorum.Topics = []kmsg.DescribeQuorumResponseTopic{{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumResponseTopicPartition{{LeaderID: 9, HighWatermark: 12}}}}
	quorum.Nodes = []kmsg.DescribeQuorumResponseNode{{NodeID: 9, Listeners: []kmsg.DescribeQuorumResponseNodeListener{
		{Name: "CONTROLLER", Host: "secret-host", Port: 9094}, {Name: "TLS", Host: "secret-host", Port: 9095}}}}
	listed := kmsg.NewPtrDescribeClusterResponse()
	listed.EndpointType = endpointController
	listed.Brokers = []kmsg.DescribeClusterResponseBroker{{NodeID: 9, Host: "secret-host", Port: 9094}}

	for _, c := range []struct {
		r    kmsg.Response
		from int16
		hide func()
	}{
		{quorum, 2, func() {
			for i := range quorum.Nodes[0].Listeners {
				quorum.Nodes[0].Listeners[i].Host, quorum.Nodes[0].Listeners[i].Port = "", 0
			}
		}},
		{listed, 1, func() { listed.Brokers[0].Host, listed.Brokers[0].Port = "", 0 }},
	} {
		for v := c.from; v <= Lookup(c.r.Key()).Max; v++ {
			x := highExchange(t, c.r.Key(), v)
			_, out := highAnswered(t, x, c.r)
			if bytes.Contains(out, []byte("secret-host")) {
				t.Errorf("%s v%d names the controller", x.API.Name(), v)
			}
			if n := x.Env.Cluster.Nodes(); len(n) > 0 {
				t.Errorf("%s v%d: learned %v", x.API.Name(), v, n)
			}
			c.hide()
			if want := frameOf(c.r); !bytes.Equal(out, want) {
				t.Errorf("%s v%d: something else changed: %q, want %q", x.API.Name(), v, out, want)
			}
		}
	}
	for v := int16(0); v < 2; v++ {
		x := highExchange(t, quorum.Key(), v)
		if in, out := highAnswered(t, x, quorum); &in[0] != &out[0] {
			t.Errorf("DescribeQuorum v%d has no addresses, and was rewritten", v)
		}
	}
}

func TestUserEndpointsPass(t *testing.T) {
	beat := kmsg.NewPtrStreamsGroupHeartbeatResponse()
	beat.PartitionsByUserEndpoint = []kmsg.StreamsGroupHeartbeatResponsePartitionsByUserEndpoint{{UserEndpoint: kmsg.Endpoint{Host: "app", Port: 80}}}
	desc := kmsg.NewPtrStreamsGroupDescribeResponse()
	desc.Groups = []kmsg.StreamsGroupDescribeResponseGroup{{Members: []kmsg.StreamsGroupDescribeResponseGroupMember{
		{UserEndpoint: &kmsg.StreamsGroupDescribeResponseGroupMemberUserEndpoint{Host: "app", Port: 80}}}}}
	for _, r := range []kmsg.Response{beat, desc} {
		for v := int16(0); v <= Lookup(r.Key()).Max; v++ {
			x := highExchange(t, r.Key(), v)
			if in, out := highAnswered(t, x, r); &in[0] != &out[0] || !bytes.Contains(out, []byte("app")) {
				t.Errorf("%s v%d was rewritten", x.API.Name(), v)
			}
		}
	}
}

func TestTopicsAreLearned(t *testing.T) {
	id := [16]byte{1, 2, 3}
	part := kmsg.Assignment{TopicPartitions: []kmsg.AssignmentTopicPartition{{Topic: "orders", TopicID: id}}}
	for _, r := range []kmsg.Response{
		&kmsg.DescribeTopicPartitionsResponse{Topics: []kmsg.DescribeTopicPartitionsResponseTopic{{Topic: ptr("orders"), TopicID: id}}},
		&kmsg.ConsumerGroupDescribeResponse{Groups: []kmsg.ConsumerGroupDescribeResponseGroup{{
			Members: []kmsg.ConsumerGroupDescribeResponseGroupMember{{Assignment: part}}}}},
		&kmsg.ConsumerGroupDescribeResponse{Groups: []kmsg.ConsumerGroupDescribeResponseGroup{{
			Members: []kmsg.ConsumerGroupDescribeResponseGroupMember{{TargetAssignment: part}}}}},
		&kmsg.ShareGroupDescribeResponse{Groups: []kmsg.ShareGroupDescribeResponseGroup{{Members: []kmsg.ShareGroupDescribeResponseGroupMember{{
			Assignment: kmsg.ShareGroupDescribeResponseGroupMemberAssignment{
				TopicPartitions: []kmsg.ShareGroupDescribeResponseGroupMemberAssignmentTopicPartition{{Topic: "orders", TopicID: id}}}}}}}},
		&kmsg.DescribeShareGroupOffsetsResponse{Groups: []kmsg.DescribeShareGroupOffsetsResponseGroup{{
			Topics: []kmsg.DescribeShareGroupOffsetsResponseGroupTopic{{Topic: "orders", TopicID: id}}}}},
		&kmsg.AlterShareGroupOffsetsResponse{Topics: []kmsg.AlterShareGroupOffsetsResponseTopic{{Topic: "orders", TopicID: id}}},
		&kmsg.DeleteShareGroupOffsetsResponse{Topics: []kmsg.DeleteShareGroupOffsetsResponseTopic{{Topic: "orders", TopicID: id}}},
	} {
		for v := int16(0); v <= Lookup(r.Key()).Max; v++ {
			x := highExchange(t, r.Key(), v)
			in, out := highAnswered(t, x, r)
			if got := x.Env.Cluster.TopicByID(id); got == nil || got.Name != "orders" {
				t.Errorf("%s v%d: learned %v", x.API.Name(), v, got)
			}
			if &in[0] != &out[0] {
				t.Errorf("%s v%d was rewritten", x.API.Name(), v)
			}
		}
	}
}

func TestHalfPairsAreNotLearned(t *testing.T) {
	id := [16]byte{1, 2, 3}
	r := &kmsg.DescribeTopicPartitionsResponse{Topics: []kmsg.DescribeTopicPartitionsResponseTopic{
		{TopicID: id}, {Topic: ptr("")}, {Topic: ptr("hidden"), ErrorCode: 29}, {Topic: ptr("odd"), TopicID: id, ErrorCode: 3}}}
	x := highExchange(t, r.Key(), 0)
	highAnswered(t, x, r)
	for _, name := range []string{"", "hidden", "odd"} {
		if got := x.Env.Cluster.TopicByName([]byte(name)); got != nil {
			t.Errorf("learned %+v", got)
		}
	}
}

func TestTokenOwnersAreLearned(t *testing.T) {
	for v := int16(0); v <= createDelegationTokenRow.Max; v++ {
		x := highExchange(t, int16(kmsg.CreateDelegationToken), v)
		highAnswered(t, x, &kmsg.CreateDelegationTokenResponse{PrincipalType: "User", PrincipalName: "bob", TokenID: "tok", HMAC: []byte("h")})
		if owner, _ := x.Env.Cluster.TokenOwner("tok"); owner != "User:bob" {
			t.Errorf("create v%d: owner %q", v, owner)
		}
	}
	for v := int16(0); v <= describeDelegationTokenRow.Max; v++ {
		x := highExchange(t, int16(kmsg.DescribeDelegationToken), v)
		highAnswered(t, x, &kmsg.DescribeDelegationTokenResponse{TokenDetails: []kmsg.DescribeDelegationTokenResponseTokenDetail{
			{PrincipalType: "User", PrincipalName: "bob", TokenID: "t1"}, {PrincipalType: "User", PrincipalName: "eve", TokenID: "t2"}}})
		for id, want := range map[string]string{"t1": "User:bob", "t2": "User:eve"} {
			if owner, _ := x.Env.Cluster.TokenOwner(id); owner != want {
				t.Errorf("describe v%d: owner of %s %q, want %q", v, id, owner, want)
			}
		}
	}
	x := highExchange(t, int16(kmsg.CreateDelegationToken), 3)
	highAnswered(t, x, &kmsg.CreateDelegationTokenResponse{ErrorCode: 65, PrincipalType: "User", PrincipalName: "bob", TokenID: "failed"})
	if owner, ok := x.Env.Cluster.TokenOwner("failed"); ok {
		t.Errorf("learned %q from an error", owner)
	}
}

// Salted passwords, HMACs, settings' values and telemetry are in requests and answers, and nowhere else: not in what is
// kept of them for the record, not in an error.
func TestSecretsStayOnTheWire(t *testing.T) {
	const secret = "s3cr3t-s3cr3t"
	raw := []byte(secret)
	for _, q := range []kmsg.Request{
		&kmsg.AlterUserSCRAMCredentialsRequest{Upsertions: []kmsg.AlterUserSCRAMCredentialsRequestUpsertion{{Name: "bob", Salt: raw, SaltedPassword: raw}}},
		&kmsg.RenewDelegationTokenRequest{HMAC: raw},
		&kmsg.ExpireDelegationTokenRequest{HMAC: raw},
		&kmsg.IncrementalAlterConfigsRequest{Resources: []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeBroker,
			ResourceName: "1", Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: "ssl.keystore.password", Value: ptr(secret)}}}}},
		&kmsg.PushTelemetryRequest{Metrics: raw},
	} {
		for v := int16(0); v <= Lookup(q.Key()).Max; v++ {
			x := highExchange(t, q.Key(), v)
			derived(t, x, q)
			noSecret(t, x, secret)
			body := q.AppendTo(nil)
			for n := range body {
				if err := x.Decode(body[:n]); err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("%s v%d: error %v", x.API.Name(), v, err)
				}
			}
		}
	}
	for _, r := range []kmsg.Response{
		&kmsg.CreateDelegationTokenResponse{PrincipalType: "User", PrincipalName: "bob", TokenID: "tok", HMAC: raw},
		&kmsg.DescribeDelegationTokenResponse{TokenDetails: []kmsg.DescribeDelegationTokenResponseTokenDetail{
			{PrincipalType: "User", PrincipalName: "bob", TokenID: "tok", HMAC: raw}}},
	} {
		for v := int16(0); v <= Lookup(r.Key()).Max; v++ {
			x := highExchange(t, r.Key(), v)
			x.AskCluster(access.OpDescribe)
			highAnswered(t, x, r)
			noSecret(t, x, secret)
			frame := frameOf(r)
			for n := 5; n < len(frame); n++ {
				if _, err := x.Respond(nil, frame[:n]); err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("%s v%d: error %v", x.API.Name(), v, err)
				}
			}
		}
	}
}

// noSecret looks through what a record is made of (the actions, and the request's own fields), and through the records.
func noSecret(t *testing.T, x *Exchange, secret string) {
	t.Helper()
	for _, s := range append(recorded(x), fmt.Sprintf("%+v", x.Actions), fmt.Sprintf("%+v", x.Request)) {
		if strings.Contains(s, secret) {
			t.Errorf("%s v%d: %s", x.API.Name(), x.Version, s)
		}
	}
}

// recorded accounts for a request in a journal of its own and returns the records, as JSON.
func recorded(x *Exchange) (list []string) {
	j := journal.New(journal.Options{})
	log := j.Session(x.Session, nil)
	log.Identify(x.Identity, x.Client)
	x.Account(log, 100, false)
	log.Close(journal.CloseInfo{})
	j.Close()
	for r := range j.Follow(context.Background(), journal.Position{}) {
		list = append(list, string(access.AppendJSON(nil, r)))
	}
	return list
}

// Who reads that somebody changed passwords must read whose.
func TestPasswordChangeNamesUsers(t *testing.T) {
	x := highExchange(t, int16(kmsg.AlterUserSCRAMCredentials), 0)
	derived(t, x, &kmsg.AlterUserSCRAMCredentialsRequest{Upsertions: []kmsg.AlterUserSCRAMCredentialsRequestUpsertion{{Name: "bob"}}})
	all := strings.Join(recorded(x), "\n")
	for _, want := range []string{`"resource_type":"CLUSTER"`, `"resource_type":"USER","resource":"User:bob"`} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s in:\n%s", want, all)
		}
	}
}
