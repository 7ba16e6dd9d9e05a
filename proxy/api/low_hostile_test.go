package api

import (
	"errors"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/cluster"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lowLarge makes requests that name n resources each, each in its highest version but where names end before.
func lowLarge(n int) map[kmsg.Request]int16 {
	names := numbered(n)
	offsets, epochs, md := &kmsg.ListOffsetsRequest{ReplicaID: -1}, &kmsg.OffsetForLeaderEpochRequest{ReplicaID: -1}, &kmsg.MetadataRequest{}
	commits, txns, fetches := &kmsg.OffsetCommitRequest{Group: "g"}, &kmsg.TxnOffsetCommitRequest{Group: "g", TransactionalID: "t"}, &kmsg.OffsetFetchRequest{Group: "g"}
	created, records, settings := &kmsg.CreateTopicsRequest{}, &kmsg.DeleteRecordsRequest{}, &kmsg.DescribeConfigsRequest{}
	altered, groups := &kmsg.AlterConfigsRequest{}, &kmsg.OffsetFetchRequest{}
	for _, t := range names {
		offsets.Topics = append(offsets.Topics, kmsg.ListOffsetsRequestTopic{Topic: t})
		epochs.Topics = append(epochs.Topics, kmsg.OffsetForLeaderEpochRequestTopic{Topic: t})
		md.Topics = append(md.Topics, kmsg.MetadataRequestTopic{Topic: &t})
		commits.Topics = append(commits.Topics, ocTopic{Topic: t})
		txns.Topics = append(txns.Topics, tcTopic{Topic: t})
		fetches.Topics = append(fetches.Topics, ofTopic{Topic: t})
		groups.Groups = append(groups.Groups, ogGroup{Group: t, Topics: []ogTopic{}})
		created.Topics = append(created.Topics, ctTopic{Topic: t})
		records.Topics = append(records.Topics, drTopic{Topic: t, Partitions: []drPart{{}}})
		settings.Resources = append(settings.Resources, dcAsk{ResourceType: ofTopicType, ResourceName: t})
		altered.Resources = append(altered.Resources, acAsk{ResourceType: ofTopicType, ResourceName: t})
	}
	return map[kmsg.Request]int16{offsets: 10, epochs: 4, md: 13, commits: 9, txns: 5, fetches: 7, groups: 9, created: 7, records: 2,
		settings: 4, altered: 2, &kmsg.DeleteTopicsRequest{TopicNames: names[:n/2]}: 5,
		&kmsg.DescribeGroupsRequest{Groups: names}: 6, &kmsg.FindCoordinatorRequest{CoordinatorKeys: names}: 6}
}

// notTheCluster is everyOther without the cluster's rights, which would stand for those on each resource.
type notTheCluster struct{ everyOther }

func (d notTheCluster) Decide(q *access.Request, a *access.Action) *access.Decision {
	if a.Type == access.ResCluster {
		return &access.Decision{Verdict: access.Deny, Enforced: true}
	}
	return d.everyOther.Decide(q, a)
}

// As many resources as a request may name are parted: the denied ones do not reach the broker.
func TestManyResourcesDeniedLow(t *testing.T) {
	for q, v := range lowLarge(9998) { // and a group and a transactional id
		x := highExchange(t, q.Key(), v)
		x.Env.Decider = notTheCluster{}
		derived(t, x, q)
		if err := x.Enforce(); err != nil || !x.Edited() {
			t.Fatalf("%s: error %v, edited %v", x.API.Name(), err, x.Edited())
		}
		whole, kept := len(q.AppendTo(nil)), len(x.AppendBody(nil))
		if kept > whole*6/10 || kept < whole*4/10 {
			t.Errorf("%s: the broker gets %d of %d bytes", x.API.Name(), kept, whole)
		}
		x.Free()
	}
	for q, v := range lowLarge(20002) {
		x := highExchange(t, q.Key(), v)
		q.SetVersion(v)
		if err := x.Decode(q.AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
		x.Env.Decider = &counts{}
		if err := x.Derive(); !errors.Is(err, errTooMany) {
			t.Errorf("%s: 20002 resources: %v", x.API.Name(), err)
		}
		x.Free()
	}
}

// A cluster of many topics, of which a policy takes its time for each: the connection ends.
func TestAllTopicsEndInTime(t *testing.T) {
	clock := time.Unix(1, 0)
	x := highExchange(t, int16(kmsg.Metadata), 12)
	x.Env.Decider = &counts{clock: &clock, takes: 10 * time.Millisecond}
	x.Env.Now = func() time.Time { return clock }
	derived(t, x, &kmsg.MetadataRequest{})
	r := &kmsg.MetadataResponse{}
	r.SetVersion(12)
	for _, n := range numbered(1000) {
		r.Topics = append(r.Topics, there(n, idOfA))
	}
	if _, err := x.Respond(nil, frameOf(r)); !errors.Is(err, errFilter) {
		t.Errorf("%v", err)
	}
}

// What a broker says of its setting decides between 29 and 3, and is asked for once in a while.
func TestAutoCreation(t *testing.T) {
	c, _, err := cluster.Open(cluster.Options{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.Learn([]cluster.Node{{ID: 1, Host: "b1", Port: 9092}, {ID: 2, Host: "b2", Port: 9092}}, "")
	denies := says{map[string]access.Verdict{createInCluster: access.Deny, "CREATE TOPIC new": access.Deny}, true}
	setting := func(value string) kmsg.Response {
		return &kmsg.DescribeConfigsResponse{Resources: []dcAnswer{{ErrorCode: 42}, {ErrorCode: 0,
			Configs: []kmsg.DescribeConfigsResponseResourceConfig{{Name: "auto.create.topics.enable", Value: &value}}}}}
	}
	for _, s := range []struct {
		name   string
		known  *AutoCreate
		answer kmsg.Response
		want   int16
	}{
		{"it does", new(AutoCreate), setting("true"), 29},
		{"it does not", new(AutoCreate), setting("false"), 3},
		{"it does not say", new(AutoCreate), &kmsg.DescribeConfigsResponse{Resources: []dcAnswer{{ErrorCode: 31}}}, 29},
	} {
		for i, at := range []int{0, 599, 601} {
			x := highExchange(t, int16(kmsg.Metadata), 12)
			x.Env.Cluster, x.Env.Decider, x.Env.AutoCreate = c, denies, s.known
			x.Session.Broker, x.Received = -1, time.Unix(int64(at), 0)
			derived(t, x, creating("new"))
			questions := x.Questions()
			if want := i != 1; want != (len(questions) == 1) {
				t.Fatalf("%s: at %d s: asked %+v", s.name, at, questions)
			}
			if i != 1 {
				sameMessage(t, 1, questions[0].AppendTo(nil), &kmsg.DescribeConfigsRequest{Resources: []dcAsk{
					{ResourceType: ofBroker, ResourceName: "1", ConfigNames: []string{"auto.create.topics.enable"}},
					{ResourceType: ofBroker, ResourceName: "2", ConfigNames: []string{"auto.create.topics.enable"}}}})
				x.Hear(s.answer)
			}
			if err := x.Enforce(); err != nil {
				t.Fatal(err)
			}
			r := told(not("new", 3))
			r.SetVersion(12)
			out, err := x.Respond(nil, frameOf(r))
			if err != nil {
				t.Fatal(err)
			}
			sameMessage(t, 12, out[5:], told(not("new", s.want)))
			x.Free()
		}
	}
}

// The errors of what was denied stand on record, of a mixture as of an answer of ours.
func TestDenialsAreOnRecordWithTheirErrors(t *testing.T) {
	for _, topics := range [][]string{{"a"}, {"a", "b"}} {
		x := highExchange(t, int16(kmsg.ListOffsets), 7)
		x.Env.Decider = says{map[string]access.Verdict{"DESCRIBE TOPIC a": access.Deny}, true}
		derived(t, x, listOffsets(-1, topics...))
		if err := x.Enforce(); err != nil {
			t.Fatal(err)
		}
		if x.Local() == nil {
			r := &kmsg.ListOffsetsResponse{Topics: []kmsg.ListOffsetsResponseTopic{listedOffsets("b", 3)}}
			r.SetVersion(7)
			if _, err := x.Respond(nil, frameOf(r)); err != nil {
				t.Fatal(err)
			}
		}
		var got []int16
		for i := range x.Actions {
			got = append(got, x.Actions[i].Error)
		}
		if d := cmp.Diff([]int16{29, 3}[:len(topics)], got); d != "" {
			t.Error(d)
		}
		x.Free()
	}
}
