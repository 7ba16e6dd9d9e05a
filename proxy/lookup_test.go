package proxy

import (
	"encoding/binary"
	"testing"
	"time"

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
// connection before its heartbeat is decided; once.
func TestStreamsTopicsAreLookedUp(t *testing.T) {
	beat := kmsg.NewPtrStreamsGroupHeartbeatRequest()
	beat.Group, beat.MemberID = "g", "m"
	beat.Topology = &kmsg.StreamsGroupHeartbeatRequestTopology{Subtopologies: []kmsg.StreamsGroupHeartbeatRequestTopologySubtopology{
		{SourceTopics: []string{"in"}, StateChangelogTopics: []kmsg.TopicInfo{{Topic: "g-changelog"}}}}}
	q := framed(beat, 0)
	fine := kmsg.NewPtrStreamsGroupHeartbeatResponse()
	fine.MemberEpoch = 1
	denied := kmsg.NewPtrStreamsGroupHeartbeatResponse()
	denied.ErrorCode, denied.Status = 29, []kmsg.StreamsGroupHeartbeatResponseStatus{}

	for _, c := range []struct {
		name  string
		known []access.Topic
		want  *kmsg.StreamsGroupHeartbeatResponse
	}{
		{"it exists", []access.Topic{{Name: "g-changelog", ID: [16]byte{9}}}, fine},
		{"it does not", nil, denied},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) { o.Policy = noCreate{} })
			l.ask(q)
			l.asksForNames("g-changelog")
			l.answersNames(c.known...)
			a := to(q, answered(c.want, 0, true))
			for range 2 { // the second time nothing is looked up
				if c.want == fine {
					l.asked(q)
					l.answer(a)
				}
				l.answered(a)
				l.ask(q)
			}
		})
	}
}

// asksForNames wants a lookup by name next, which creates nothing.
func (l *line) asksForNames(names ...string) {
	l.t.Helper()
	l.accept()
	_ = l.broker.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 1<<16)
	n, err := readFrame(l.broker, buf)
	if err != nil {
		l.t.Fatal("no lookup came:", err)
	}
	if key, version := binary.BigEndian.Uint16(buf[4:]), binary.BigEndian.Uint16(buf[6:]); key != 3 || version != metadataByID {
		l.t.Fatalf("a request with key %d, version %d of %d bytes came in place of a lookup", key, version, n)
	}
	m := kmsg.NewPtrMetadataRequest()
	m.SetVersion(metadataByID)
	at := 4 + 8 + 2 + int(binary.BigEndian.Uint16(buf[12:])) + 1 // behind the client id and the header's tags
	if err := m.ReadFrom(buf[at:n]); err != nil {
		l.t.Fatal(err)
	}
	if m.AllowAutoTopicCreation || len(m.Topics) != len(names) {
		l.t.Fatalf("the lookup is %+v", m)
	}
	for i, name := range names {
		if got := m.Topics[i].Topic; got == nil || *got != name || m.Topics[i].TopicID != [16]byte{} {
			l.t.Errorf("topic %d of the lookup is %v, want %s", i, got, name)
		}
	}
}

// answersNames answers a lookup: a name that is not known has an error.
func (l *line) answersNames(known ...access.Topic) {
	l.t.Helper()
	r := kmsg.NewPtrMetadataResponse()
	for _, topic := range known {
		t := kmsg.NewMetadataResponseTopic()
		t.Topic, t.TopicID = &topic.Name, topic.ID
		r.Topics = append(r.Topics, t)
	}
	missing := kmsg.NewMetadataResponseTopic()
	missing.Topic, missing.ErrorCode = kmsg.StringPtr("other"), 3
	r.Topics = append(r.Topics, missing)
	frame := answered(r, metadataByID, true)
	binary.BigEndian.PutUint32(frame[4:], ownCorrelation)
	l.answer(frame)
}
