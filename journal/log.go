package journal

import (
	"time"

	"doorkeeper/access"
)

// A Log makes the records of one session. It belongs to the session's response pump: no two calls at a time.
type Log struct {
	journal *Journal
	session *access.Session
}

// CloseInfo is how a session ended. Byte counts are the sockets' own.
type CloseInfo struct {
	Cause                                     string
	ClientIn, ClientOut, BrokerIn, BrokerOut int64
	ClientAcked                               int64 // bytes that the client's TCP acknowledged, -1: not known
}

// Session opens a session's log with its OPEN record. Close writes the CLOSE record.
func (j *Journal) Session(s *access.Session) *Log { return &Log{journal: j, session: s} }

// Identify says who the session's records are about from here on, where no request says it: OPEN, CLOSE, Event.
// Requests that come after it (Call, Fetched, Intend, Wrote) renew it.
func (l *Log) Identify(who *access.Identity, client *access.Client) {}

// Intend announces a batch before any byte of it is released. b is copied.
func (l *Log) Intend(b *access.Batch) {}

// Released says that n more bytes of record data, in the order of the Intend calls, were handed to the kernel.
func (l *Log) Released(n int64) {}

// Fetched says that a read request was answered, after its batches were intended. throttle is in milliseconds.
func (l *Log) Fetched(r *access.Request, delivered bool, throttle int32) {}

// Acquired says that a share fetch acquired the offsets first to last.
func (l *Log) Acquired(s *access.Span, first, last int64) {}

// Wrote says how one partition of a Produce request fared.
func (l *Log) Wrote(w *access.Write) {}

// Call says how one action of another request fared.
func (l *Log) Call(c *access.Call) {}

// Event appends a record of this session. What says where and who is filled in where it is empty.
func (l *Log) Event(r *access.Record) {}

// Tick records the flows and sums whose interval has ended.
func (l *Log) Tick(now time.Time) {}

// Due says when Tick has something to do next; zero: nothing is waiting.
func (l *Log) Due() time.Time { return time.Time{} }

// Close records what is open, then the end of the session. The Log is not used after it.
func (l *Log) Close(end CloseInfo) {}
