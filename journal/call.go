package journal

import (
	"hash/maphash"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
)

// Call says how one action of a request that moves no record data fared, or one action of any request that was denied
// or refused. Denials are summed across sessions (denials.go), the chatty rest over this one (summary.go); a call
// with Each is a record of its own.
func (l *Log) Call(c *access.Call) {
	l.who, l.client = c.Identity, c.Client
	now := l.journal.opt.Now()
	switch {
	case c.Decision != nil && c.Decision.Verdict != access.Allow:
		if due := l.journal.denials.add(l, c, now); !due.IsZero() {
			l.denialDue = earliest(l.denialDue, due)
		}
	case c.Each || c.Decision != nil && c.Decision.Record == access.Each:
		l.journal.Append(l.callRecord(c, now))
	default:
		l.sumCall(c, now)
	}
}

// callRecord is the record of one call. More of them may be added to it.
func (l *Log) callRecord(c *access.Call, now time.Time) *access.Record {
	r := &access.Record{
		Time:          timestamppb.New(now),
		EndTime:       timestamppb.New(now),
		Requests:      proto.Int64(1),
		RequestBytes:  proto.Int64(c.BytesIn),
		ResponseBytes: proto.Int64(c.BytesOut),
		ThrottleMs:    int64(c.Throttle),
	}
	l.describeCall(r, c)
	l.nameWho(r, c.Identity, c.Client)
	return r
}

// describeCall says what the call was, without its figures and without whose it was.
func (l *Log) describeCall(r *access.Record, c *access.Call) {
	r.Kind = KindAccess
	r.Operation = c.Action.Operation.String()
	r.ResourceType = c.Action.Type.String()
	r.Resource = c.Action.Name
	r.Outcome = outcomeOf(c)
	if c.Error != 0 {
		r.Error = l.journal.opt.ErrorName(c.Error)
	}
	nameMany(r, c)
	if c.Hidden {
		r.Severity = informational // every listing of who may not see all would alarm somebody
	}
	if c.Broker >= 0 {
		r.Broker = proto.Int32(c.Broker)
	}
	nameTopicID(r, c.Action.TopicID)
	l.nameCall(r, c.Request)
	judge(r, c.Decision)
}

// nameMany lists the resources of a call that names many, if no call of the same record named more.
func nameMany(r *access.Record, c *access.Call) {
	if n := int64(max(c.Count, len(c.Names))); len(c.Names) > 0 && n > r.ResourceCount {
		r.ResourceCount = n
		r.Resources = append([]string(nil), c.Names[:min(len(c.Names), maxResources)]...)
	}
}

func outcomeOf(c *access.Call) string {
	d := c.Decision
	switch {
	case d != nil && d.Enforced && d.Verdict == access.Deny:
		return OutcomeDenied
	case d != nil && d.Enforced && d.Verdict == access.Refuse:
		return OutcomeRefused
	case c.Failed || c.Error != 0:
		return OutcomeFailed
	}
	return OutcomeReleased
}

// addCall adds another call to a record that stands for several.
func addCall(r *access.Record, now time.Time, c *access.Call) {
	*r.Requests++
	r.Count = *r.Requests
	*r.RequestBytes += c.BytesIn
	*r.ResponseBytes += c.BytesOut
	nameTrace(r, c.Trace)
	nameMany(r, c)
	prolong(r, now, c.Throttle)
}

// prolong moves the end of a record that nobody else has seen yet.
func prolong(r *access.Record, now time.Time, throttle int32) {
	r.ThrottleMs = max(r.ThrottleMs, int64(throttle))
	r.EndTime.Seconds, r.EndTime.Nanos = now.Unix(), int32(now.Nanosecond())
}

var nameSeed = maphash.MakeSeed()

// namesOf tells calls apart that name many. What answers hide is one, whatever it is each time: groups come and go.
func namesOf(c *access.Call) uint64 {
	if c.Hidden {
		return 0
	}
	return hashNames(c.Names)
}

// hashNames tells lists of names apart without keeping them: the seed is random, so that nobody can make two collide.
func hashNames(names []string) uint64 {
	if len(names) == 0 {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(nameSeed)
	for _, name := range names {
		h.WriteString(name)
		h.WriteByte(0)
	}
	return h.Sum64()
}
