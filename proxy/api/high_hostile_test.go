package api

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// everyOther denies resources whose name ends in an odd digit.
type everyOther struct{}

func (everyOther) Decide(_ *access.Request, a *access.Action) *access.Decision {
	if n := len(a.Name); n > 0 && a.Name[n-1] >= '0' && a.Name[n-1] <= '9' && a.Name[n-1]%2 == 1 {
		return &access.Decision{Verdict: access.Deny, Enforced: true}
	}
	return allowed
}

func (everyOther) Epoch(*access.Identity) uint64 { return 0 }

// large makes requests that name n resources each.
func large(n int) []kmsg.Request {
	names := numbered(n)
	partitions, producers, deleted := &kmsg.CreatePartitionsRequest{}, &kmsg.DescribeProducersRequest{}, &kmsg.OffsetDeleteRequest{Group: "g"}
	settings, topics := &kmsg.IncrementalAlterConfigsRequest{}, &kmsg.DescribeTopicPartitionsRequest{}
	offsets, altered, dropped := &kmsg.DescribeShareGroupOffsetsRequest{}, &kmsg.AlterShareGroupOffsetsRequest{GroupID: "g"}, &kmsg.DeleteShareGroupOffsetsRequest{GroupID: "g"}
	for _, t := range names {
		partitions.Topics = append(partitions.Topics, kmsg.CreatePartitionsRequestTopic{Topic: t})
		producers.Topics = append(producers.Topics, kmsg.DescribeProducersRequestTopic{Topic: t})
		deleted.Topics = append(deleted.Topics, kmsg.OffsetDeleteRequestTopic{Topic: t})
		settings.Resources = append(settings.Resources, alter{ResourceType: 2, ResourceName: t})
		topics.Topics = append(topics.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: t})
		offsets.Groups = append(offsets.Groups, dsGroup{GroupID: t, Topics: []dsTopic{}})
		altered.Topics = append(altered.Topics, asTopic{Topic: t})
		dropped.Topics = append(dropped.Topics, kmsg.DeleteShareGroupOffsetsRequestTopic{Topic: t})
	}
	return []kmsg.Request{partitions, producers, deleted, settings, topics, offsets, altered, dropped,
		&kmsg.DeleteGroupsRequest{Groups: names}, &kmsg.ConsumerGroupDescribeRequest{Groups: names}, &kmsg.ShareGroupDescribeRequest{GroupIDs: names},
		&kmsg.StreamsGroupDescribeRequest{Groups: names}, &kmsg.DescribeTransactionsRequest{TransactionalIDs: names}}
}

// As many resources as a request may name are parted: the denied ones do not reach the broker, and each stands in the
// answer.
func TestManyResourcesDenied(t *testing.T) {
	for _, q := range large(9999) { // and the group
		v := Lookup(q.Key()).Max
		x := highExchange(t, q.Key(), v)
		x.Env.Decider = everyOther{}
		derived(t, x, q)
		if err := x.Enforce(); err != nil || !x.Edited() {
			t.Fatalf("%s: error %v, edited %v", x.API.Name(), err, x.Edited())
		}
		whole, kept := len(q.AppendTo(nil)), len(x.AppendBody(nil))
		if kept > whole*6/10 || kept < whole*4/10 {
			t.Errorf("%s: the broker gets %d of %d bytes", x.API.Name(), kept, whole)
		}
		r := kmsg.ResponseForKey(q.Key())
		r.SetVersion(v)
		out, err := x.Respond(nil, frameOf(r))
		if err != nil {
			t.Fatal(err)
		}
		if perDenied := len(out) / 4999; perDenied < len("topic-1234") {
			t.Errorf("%s: an answer of %d bytes does not name each", x.API.Name(), len(out))
		}
		x.Free()
	}
}

func TestTooManyResourcesEnd(t *testing.T) {
	for _, q := range large(10_001) {
		v := Lookup(q.Key()).Max
		q.SetVersion(v)
		x := highExchange(t, q.Key(), v)
		x.Env.Decider = everyOther{}
		if err := x.Decode(q.AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
		if err := x.Derive(); !errors.Is(err, errTooMany) {
			t.Errorf("%s: %v", x.API.Name(), err)
		}
		most := 0 // of one kind
		x.calls(0, true, func(c *access.Call) {
			if c.Decision.Verdict != access.Refuse || len(c.Names) > foldOver {
				t.Errorf("%s: %v, %d names", x.API.Name(), c.Decision, len(c.Names))
			}
			most = max(most, c.Count)
		})
		if most != 10_001 {
			t.Errorf("%s: %d resources are accounted for", x.API.Name(), most)
		}
		x.Free()
	}
}

// Only internal topics that do not exist are created, so that nobody needs a right to those that do.
func TestStreamsCreateOnlyWhatIsMissing(t *testing.T) {
	q := streamsBeat(subtopology{StateChangelogTopics: []kmsg.TopicInfo{{Topic: "there"}, {Topic: "free"}, {Topic: "missing"}}})
	c := denialCase{q: q, denied: []string{"CREATE CLUSTER kafka-cluster", "CREATE TOPIC missing", "CREATE TOPIC there"}}
	for _, missing := range []bool{false, true} {
		x := highExchange(t, q.Key(), 0)
		x.Env.Decider = c.decider(true)
		derived(t, x, q)
		questions := x.Questions()
		if len(questions) != 1 {
			t.Fatalf("%d questions", len(questions))
		}
		m := questions[0].(*kmsg.MetadataRequest)
		if len(m.Topics) != 2 || *m.Topics[0].Topic != "missing" || *m.Topics[1].Topic != "there" || m.AllowAutoTopicCreation {
			t.Errorf("the question is %+v", m)
		}
		r := &kmsg.MetadataResponse{Topics: []kmsg.MetadataResponseTopic{{Topic: ptr("there")}, {Topic: ptr("missing")}}}
		if missing {
			r.Topics[1].ErrorCode = 3
		}
		x.Hear(r)
		if err := x.Enforce(); err != nil {
			t.Fatal(err)
		}
		if local := x.Local(); (local != nil) != missing {
			t.Errorf("one is missing: %v; answered here with %+v", missing, local)
		}
		if !missing {
			sameMessage(t, 0, x.AppendBody(nil), q)
		}
		x.Free()
	}
}

// A denied topic has its id in the answer of AlterShareGroupOffsets, as a broker writes it.
func TestAlteredShareOffsetsHaveIDs(t *testing.T) {
	q := &kmsg.AlterShareGroupOffsetsRequest{GroupID: "g", Topics: []asTopic{{Topic: "no", Partitions: []asPart{{}}}}}
	c := denialCase{denied: []string{"READ TOPIC no"}}
	x := highExchange(t, q.Key(), 0)
	x.Env.Decider = c.decider(true)
	x.Env.Cluster.LearnTopics([]access.Topic{{Name: "no", ID: [16]byte{5}}})
	derived(t, x, q)
	if err := x.Enforce(); err != nil {
		t.Fatal(err)
	}
	out, err := x.Respond(nil, frameOf(&kmsg.AlterShareGroupOffsetsResponse{}))
	if err != nil {
		t.Fatal(err)
	}
	sameMessage(t, 0, out[5:], &kmsg.AlterShareGroupOffsetsResponse{Topics: []asAnswer{
		{Topic: "no", TopicID: [16]byte{5}, Partitions: []asResult{{ErrorCode: 29, ErrorMessage: ptr(saysTopic)}}}}})
}

// Answers of a broker that do not fit what was asked (fewer, more, others) lose no denial and show nothing of what was
// taken out.
func TestOddAnswersKeepDenials(t *testing.T) {
	q := &kmsg.DescribeTransactionsRequest{TransactionalIDs: []string{"a", "no", "b"}}
	c := denialCase{denied: []string{"DESCRIBE TRANSACTIONAL_ID no"}}
	for name, states := range map[string]struct{ answer, want []txn }{
		"none": {nil, []txn{{TransactionalID: "no", ErrorCode: 53}}},
		"one":  {[]txn{{TransactionalID: "a"}}, []txn{{TransactionalID: "a"}, {TransactionalID: "no", ErrorCode: 53}}},
		"more": {[]txn{{TransactionalID: "a"}, {TransactionalID: "b"}, {TransactionalID: "c"}},
			[]txn{{TransactionalID: "a"}, {TransactionalID: "no", ErrorCode: 53}, {TransactionalID: "b"}, {TransactionalID: "c"}}},
	} {
		t.Run(name, func(t *testing.T) {
			x := highExchange(t, q.Key(), 0)
			x.Env.Decider = c.decider(true)
			derived(t, x, q)
			if err := x.Enforce(); err != nil {
				t.Fatal(err)
			}
			out, err := x.Respond(nil, frameOf(&kmsg.DescribeTransactionsResponse{TransactionStates: states.answer}))
			if err != nil {
				t.Fatal(err)
			}
			sameMessage(t, 0, out[5:], &kmsg.DescribeTransactionsResponse{TransactionStates: states.want})
		})
	}
}

// A group that is hidden for a topic's sake is recorded with the error that the client got.
func TestHiddenGroupsAreRecorded(t *testing.T) {
	c := denialCase{denied: []string{"DESCRIBE TOPIC hidden"}}
	q := &kmsg.ConsumerGroupDescribeRequest{Groups: []string{"g", "h"}}
	x := highExchange(t, q.Key(), 1)
	x.Env.Decider = c.decider(true)
	derived(t, x, q)
	r := &kmsg.ConsumerGroupDescribeResponse{Version: 1, Groups: []cgroup{{Group: "g", Members: []cmember{{Assignment: assigned("hidden")}}}, {Group: "h"}}}
	if _, err := x.Respond(nil, frameOf(r)); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(x.Actions[0].Error, x.Actions[1].Error); got != "29 0" {
		t.Errorf("errors %s, want 29 for the one that was hidden", got)
	}
}

// manyAnswered are answers that name n resources which the request does not.
func manyAnswered(n int) (all []kmsg.Response) {
	list, described := &kmsg.ListTransactionsResponse{}, &kmsg.DescribeTransactionsResponse{TransactionStates: []txn{{TransactionalID: "t"}}}
	page, tokens := &kmsg.DescribeTopicPartitionsResponse{}, &kmsg.DescribeDelegationTokenResponse{}
	topology, offsets := &sttopology{Subtopologies: []stsub{{}}}, dsAnswer{GroupID: "g"}
	names := numbered(n)
	for _, name := range names {
		list.TransactionStates = append(list.TransactionStates, listed{TransactionalID: name})
		described.TransactionStates[0].Topics = append(described.TransactionStates[0].Topics, txnTopic{Topic: name})
		page.Topics = append(page.Topics, shown(name, noBits))
		offsets.Topics = append(offsets.Topics, dsResult{Topic: name})
	}
	for _, name := range names[:n/10] { // each is learned by itself
		tokens.TokenDetails = append(tokens.TokenDetails, token(name, "bob"))
	}
	topology.Subtopologies[0].SourceTopics = names
	return []kmsg.Response{list, described, page, tokens,
		&kmsg.ConsumerGroupDescribeResponse{Groups: []cgroup{{Group: "g", Members: []cmember{{Assignment: assigned(names...)}}}}},
		&kmsg.ShareGroupDescribeResponse{Groups: []sgroup{{GroupID: "g", Members: []smember{{Assignment: shareAssigned(names...)}}}}},
		&kmsg.StreamsGroupDescribeResponse{Groups: []stgroup{{Group: "g", Topology: topology}}},
		&kmsg.DescribeShareGroupOffsetsResponse{Groups: []dsAnswer{offsets}}}
}

// What bounds the filtering of an answer is the policy's time alone: a large cluster's lists pass, and a slow policy ends
// the connection rather than show what it could not decide.
func TestAnswersAreFilteredInTime(t *testing.T) {
	for _, r := range manyAnswered(12_000) {
		v := Lookup(r.Key()).Max
		r.SetVersion(v)
		for _, takes := range []time.Duration{10 * time.Microsecond, time.Millisecond} {
			clock := time.Unix(1, 0)
			x := highExchange(t, r.Key(), v)
			x.Env.Decider = &counts{clock: &clock, takes: takes}
			x.Env.Now = func() time.Time { return clock }
			x.Body = kmsg.RequestForKey(r.Key())
			in := frameOf(r)
			out, err := x.Respond(nil, in)
			switch slow := takes == time.Millisecond; {
			case slow && !errors.Is(err, errFilter) && !errors.Is(err, errRefused):
				t.Errorf("%s: decided in %v: %v", x.API.Name(), clock.Sub(time.Unix(1, 0)), err)
			case !slow && (err != nil || &out[0] != &in[0]):
				t.Errorf("%s: error %v, or changed although all may be shown", x.API.Name(), err)
			case clock.Sub(time.Unix(1, 0)) > filterTime+10*time.Millisecond:
				t.Errorf("%s took %v of the policy's time", x.API.Name(), clock.Sub(time.Unix(1, 0)))
			}
			x.Free()
		}
	}
}
