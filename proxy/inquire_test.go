package proxy

import (
	"testing"

	"doorkeeper/access"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// noCreate is a policy under which nothing may be created.
type noCreate struct{}

func (n noCreate) Session(*access.Session) api.Decider { return n }

func (noCreate) Decide(_ *access.Request, a *access.Action) *access.Decision {
	d := &access.Decision{Enforced: true}
	if a.Operation == access.OpCreate {
		d.Verdict = access.Deny
	}
	return d
}

func (noCreate) Epoch(*access.Identity) uint64 { return 0 }

// Whether the internal topics of a streams application exist, and so need not be created, is asked on the client's own
// connection before its heartbeat is decided.
func TestStreamsTopicsAreAskedFor(t *testing.T) {
	beat := kmsg.NewPtrStreamsGroupHeartbeatRequest()
	beat.Group, beat.MemberID = "g", "m"
	beat.Topology = &kmsg.StreamsGroupHeartbeatRequestTopology{Subtopologies: []kmsg.StreamsGroupHeartbeatRequestTopologySubtopology{
		{SourceTopics: []string{"in"}, StateChangelogTopics: []kmsg.TopicInfo{{Topic: "g-changelog"}}}}}
	q := framed(beat, 0)
	fine := kmsg.NewPtrStreamsGroupHeartbeatResponse()
	fine.MemberEpoch = 1
	denied := kmsg.NewPtrStreamsGroupHeartbeatResponse()
	denied.ErrorCode, denied.Status = 29, []kmsg.StreamsGroupHeartbeatResponseStatus{}

	question := kmsg.NewPtrMetadataRequest() // creates nothing
	question.SetVersion(4)
	question.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("g-changelog")}}
	asked := ownFrame(question, &access.Client{ID: "app"})

	for _, c := range []struct {
		name string
		code int16 // what the broker says of the topic
		want *kmsg.StreamsGroupHeartbeatResponse
	}{
		{"it exists", 0, fine},
		{"it has no leader", 5, fine},
		{"it does not exist", 3, denied},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) { o.Policy = noCreate{} })
			l.ask(q)
			l.asked(asked)
			r := kmsg.NewPtrMetadataResponse()
			r.Topics = []kmsg.MetadataResponseTopic{{Topic: kmsg.StringPtr("g-changelog"), ErrorCode: c.code}}
			l.answer(to(asked, answered(r, 4, false)))
			a := to(q, answered(c.want, 0, true))
			if c.want == fine {
				l.asked(q)
				l.answer(a)
				l.answered(a)
				return
			}
			l.cited(a)
		})
	}
}
