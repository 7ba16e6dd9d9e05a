package proxy

import (
	"testing"

	"doorkeeper/access"
	"doorkeeper/cluster"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// noCreation denies the creation of topics but one.
type noCreation struct{ but string }

func (n noCreation) Session(*access.Session) api.Decider { return n }

func (n noCreation) Decide(_ *access.Request, a *access.Action) *access.Decision {
	d := &access.Decision{Enforced: true}
	if a.Operation == access.OpCreate && a.Name != n.but {
		d.Verdict = access.Deny
	}
	return d
}

func (noCreation) Epoch(*access.Identity) uint64 { return 0 }

func metadataOf(create bool, names ...string) *kmsg.MetadataRequest {
	q := kmsg.NewPtrMetadataRequest()
	q.AllowAutoTopicCreation = create
	for _, n := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &n
		q.Topics = append(q.Topics, t)
	}
	return q
}

func metadataSays(codes map[string]int16, order ...string) *kmsg.MetadataResponse {
	r := kmsg.NewPtrMetadataResponse()
	r.ControllerID = 1
	for _, n := range order {
		t := kmsg.NewMetadataResponseTopic()
		t.Topic, t.ErrorCode = &n, codes[n]
		r.Topics = append(r.Topics, t)
	}
	return r
}

// A request that would create a topic without the right to goes on with the order not to. What else it may create is
// created by a request of ours, and the broker is asked once whether it creates topics at all.
func TestNothingIsCreatedWithoutTheRight(t *testing.T) {
	const version = 8
	l := newLine(t, relay.ModeAuto, func(s *ClusterSpec, o *Options) {
		o.Policy = noCreation{but: "mine"}
		s.Cluster.Learn([]cluster.Node{{ID: 1, Host: "b1", Port: 9092}}, "")
	})
	who := &access.Client{ID: "app"}
	create := metadataOf(true, "mine")
	create.SetVersion(4)
	config := kmsg.NewPtrDescribeConfigsRequest()
	config.SetVersion(1)
	config.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: "1", ConfigNames: []string{"auto.create.topics.enable"}}}
	told := kmsg.NewPtrDescribeConfigsResponse()
	told.Resources = []kmsg.DescribeConfigsResponseResource{{ResourceName: "1", ResourceType: kmsg.ConfigResourceTypeBroker,
		Configs: []kmsg.DescribeConfigsResponseResourceConfig{{Name: "auto.create.topics.enable", Value: kmsg.StringPtr("true")}}}}

	q := framed(metadataOf(true, "new", "mine"), version)
	l.ask(q)
	own, setting := ownFrame(create, who), ownFrame(config, who)
	l.asked(own, setting)
	missing := map[string]int16{"new": 3, "mine": 3}
	l.answer(to(own, answered(metadataSays(missing, "mine"), 4, false)), to(setting, answered(told, 1, false)))
	l.asked(framed(metadataOf(false, "new", "mine"), version))
	l.answer(to(q, answered(metadataSays(missing, "new", "mine"), version, false)))
	l.answered(to(q, answered(metadataSays(map[string]int16{"new": 29, "mine": 3}, "mine", "new"), version, false)))

	again := framed(metadataOf(true, "new"), version)
	l.ask(again)
	l.asked(framed(metadataOf(false, "new"), version))
	l.answer(to(again, answered(metadataSays(nil, "new"), version, false)))
	l.answered(to(again, answered(metadataSays(nil, "new"), version, false)))
}
