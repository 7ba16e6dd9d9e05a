package journal

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
	"doorkeeper/journal/recorder"
)

// Bounds of one Log. Beyond them the oldest flow or sum is recorded early: nothing is lost but compactness.
const (
	maxFlows     = 10_000
	maxSummaries = 1_000
	maxRanges    = 1_000 // acquired ranges of one flow
	maxResources = 100   // names that one record lists
)

// A Log makes the records of one session. It belongs to the session's response pump: no two calls at a time.
type Log struct {
	journal *Journal
	session *access.Session
	who     *access.Identity
	client  *access.Client

	flows flows     // open ones; see flow.go
	queue queue     // intended, not yet released; see release.go
	sums  summaries // see summary.go

	denialDue time.Time // when a sum of denials that this session added to ends

	// In the flight recorder; see held.go.
	party    *party
	tape     recorder.Tape
	dirty    []*flow // with figures on the tape alone
	unnoted  bool    // something was intended and found no room
	unsynced bool    // something was intended since the last Commit
}

// Session opens a session's log with its OPEN record; Close ends it with the CLOSE record. s is complete by now: what
// it says of addresses and broker goes into every record. who is what is known of the client so far, nil for nothing.
func (j *Journal) Session(s *access.Session, who *access.Identity) *Log {
	l := &Log{journal: j, session: s, who: who, flows: newFlows(), sums: newSummaries()}
	l.own(&access.Record{Kind: KindSession, Operation: OpOpen, Time: timestamppb.New(s.Opened)}, opened)
	return l
}

// Identify says who the session's own records (CLOSE, Event) are about from here on. Requests renew it: who speaks in
// the last Call, Fetched, Intend or Wrote counts, so that only what no request carries has to be told. nil changes
// nothing.
func (l *Log) Identify(who *access.Identity, client *access.Client) {
	if who != nil {
		l.who = who
	}
	if client != nil {
		l.client = client
	}
}

// Event appends a record of this session. What says where and who is filled in where it is empty.
func (l *Log) Event(r *access.Record) {
	l.nameWho(r, l.who, l.client)
	l.journal.Append(r)
}

// own is Event for the session's own records, OPEN and CLOSE.
func (l *Log) own(r *access.Record, upto uint64) {
	l.nameWho(r, l.who, l.client)
	if l.journal.recorder != nil && l.party == nil {
		l.under(l.who, l.client)
	}
	if l.party == nil {
		l.journal.Append(r)
		return
	}
	l.journal.append(r, &l.party.slot, upto)
}

// Tick records the flows and sums whose interval has ended by now.
func (l *Log) Tick(now time.Time) {
	l.tickFlows(now)
	l.tickSums(now)
	if !l.denialDue.IsZero() && !now.Before(l.denialDue) {
		l.denialDue = time.Time{}
		l.journal.denials.sweep(now)
	}
}

// Due says when Tick has something to do next; zero: nothing is waiting.
func (l *Log) Due() time.Time {
	return earliest(earliest(l.flows.due(), l.sums.due()), l.denialDue)
}

// earliest takes zero for never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// CloseInfo is how a session ended. Byte counts are the sockets' own, before TLS was taken off.
type CloseInfo struct {
	Cause       string
	Rule        string // what cut it, if something did, and why
	Reason      string
	ClientIn    int64
	ClientOut   int64
	BrokerIn    int64
	BrokerOut   int64
	ClientAcked int64 // bytes that the client's TCP acknowledged (TCP_INFO); -1: not known
}

// Close records what is open, then the end of the session. A batch that left in part counts as delivered, in a flow
// whose outcome is partial; one of which no byte left does not count. The Log is not used after it.
func (l *Log) Close(end CloseInfo) {
	l.abandon()
	l.finishAll()
	l.flushSums()

	r := &access.Record{
		Kind:       KindSession,
		Operation:  OpClose,
		Cause:      end.Cause,
		Rule:       end.Rule,
		Reason:     end.Reason,
		DurationMs: proto.Int64(l.journal.opt.Now().Sub(l.session.Opened).Milliseconds()),
		ClientIn:   proto.Int64(end.ClientIn),
		ClientOut:  proto.Int64(end.ClientOut),
		BrokerIn:   proto.Int64(end.BrokerIn),
		BrokerOut:  proto.Int64(end.BrokerOut),
	}
	l.nameConnections(r)
	if end.ClientAcked >= 0 {
		r.ClientAcked = proto.Int64(end.ClientAcked)
	}
	l.own(r, recorder.All)
	l.release()
}
