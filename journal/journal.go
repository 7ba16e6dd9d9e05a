package journal

import (
	"crypto/rand"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
	"doorkeeper/journal/recorder"
	"doorkeeper/journal/store"
)

// Schema is the version of the record's public contract.
const Schema = 1

// Defaults of Options.
const (
	DefaultRing            = 1 << 16
	DefaultRingBytes       = 64 << 20
	DefaultFlowInterval    = time.Second
	DefaultSummaryInterval = time.Minute
)

// Options are fixed for the life of a journal. The zero value of each field means its default.
type Options struct {
	Proxy           string                      // for records that name none
	Ring            int                         // records that are kept for readers
	RingBytes       int64                       // and how many bytes of them, roughly
	FlowInterval    time.Duration               // a flow is recorded this long after its first release at the latest
	SummaryInterval time.Duration               // so long are chatty calls, empty fetches and repeated denials summed
	Now             func() time.Time            // with a monotonic reading; time.Now
	Entropy         io.Reader                   // of the ULIDs; crypto/rand
	ClusterID       func(cluster string) string // Kafka's own id of a configured cluster, "" while unknown
	APIName         func(key int16) string      // Kafka's name of an API; without it records show the number
	ErrorName       func(code int16) string     // Kafka's name of an error; without it records show the number

	// Of a journal on disk (Open).
	Durability   string    // Strict, Bounded (the default) or Permit
	OnFailure    OnFailure // what is refused while it cannot be written
	SegmentBytes int64
	SegmentAge   time.Duration
	SyncInterval time.Duration
	Sealed       func(store.Segment) // after each sealing, by a goroutine of the store: return soon
}

// A Journal numbers records and keeps the last of them. All methods may be called from any goroutine.
type Journal struct {
	opt Options
	id  string

	disk *store.Store // nil: in memory

	mu      sync.Mutex // guards all below
	entropy *ulid.MonotonicEntropy
	idTime  uint64 // milliseconds of the newest id
	ring    ring
	head    int64 // seq of the newest record
	counts  map[string]int64
	readers map[chan struct{}]struct{}
	losses  [2]loss // by stream
	lost    int64
	closed  bool

	recorder *recorder.Recorder // nil: what is open ends with the process

	stray   atomic.Int64
	retries *retries
	denials *denials
}

// New opens an empty journal in memory, which has a new identity: nothing is left of an earlier one.
func New(opt Options) *Journal {
	j := newJournal(opt)
	j.id = j.newID(j.opt.Now())
	return j
}

func newJournal(opt Options) *Journal {
	opt = opt.withDefaults()
	j := &Journal{
		opt:     opt,
		entropy: ulid.Monotonic(opt.Entropy, 0),
		ring:    newRing(opt.Ring, opt.RingBytes),
		counts:  make(map[string]int64),
		readers: make(map[chan struct{}]struct{}),
		retries: newRetries(),
	}
	j.denials = newDenials(j)
	return j
}

func (o Options) withDefaults() Options {
	if o.Ring <= 0 {
		o.Ring = DefaultRing
	}
	if o.RingBytes <= 0 {
		o.RingBytes = DefaultRingBytes
	}
	if o.FlowInterval <= 0 {
		o.FlowInterval = DefaultFlowInterval
	}
	if o.SummaryInterval <= 0 {
		o.SummaryInterval = DefaultSummaryInterval
	}
	if o.Durability == "" {
		o.Durability = Bounded
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	if o.ClusterID == nil {
		o.ClusterID = func(string) string { return "" }
	}
	if o.APIName == nil {
		o.APIName = decimal
	}
	if o.ErrorName == nil {
		o.ErrorName = decimal
	}
	return o
}

func decimal(n int16) string { return strconv.Itoa(int(n)) }

// ID is the journal's ULID: seq counts within it.
func (j *Journal) ID() string { return j.id }

// Append gives the record its place and keeps it. The record belongs to the journal from here on and is read by
// many: nobody may change it any more. Schema, journal, seq and logged time are set here; id, proxy, cluster id,
// severity and time where they are empty. Text that is not UTF-8 is made so.
//
// In a journal on disk the record survives the process from here on. One that cannot be written is counted, and a gap
// record says so as soon as there is room for it. After Close records are dropped.
func (j *Journal) Append(r *access.Record) { j.append(r, nil, 0) }

// append is Append for what stands in a slot of the flight recorder: the record takes up what the slot holds of batches
// before upto. False: it was not taken.
func (j *Journal) append(r *access.Record, held *recorder.Slot, upto uint64) bool {
	j.complete(r)
	size := access.Sanitize(r)
	r.Seq, r.LoggedTime = 0, nil
	var e *encoder
	if j.disk != nil {
		e = encoders.Get().(*encoder)
		defer e.free()
		e.body(r)
		if len(e.buf) > j.disk.Largest(streamOf(r))-maxPlace {
			cutDown(r)
			e.body(r)
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return false
	}
	if err := j.place(r, size, e, held, upto); err != nil {
		j.lose(r, err)
		return false
	}
	j.confess(streamOf(r))
	return true
}

// maxPlace is more than what a record needs for its place.
const maxPlace = 256

// cutDown makes a record that is larger than a segment fit: what it lists is left out, the rest is bounded.
func cutDown(r *access.Record) {
	r.Resources, r.Labels, r.Acquired = nil, nil, nil
	const most = 4 << 10
	if len(r.Reason) > most {
		r.Reason = strings.ToValidUTF8(r.Reason[:most], "") + " …"
	}
}

// place gives a record its number, writes it and keeps it for readers. mu is held.
func (j *Journal) place(r *access.Record, size int, e *encoder, held *recorder.Slot, upto uint64) error {
	r.Seq = j.head + 1
	named, timed := r.Id != "", r.Time != nil
	j.stamp(r)
	if err := j.write(r, e, named, timed, held, upto); err != nil {
		return err
	}
	j.head++
	j.counts[r.Kind]++
	j.ring.push(r, int64(size))
	if j.disk == nil { // else they are told when it is on disk
		j.wake()
	}
	return nil
}

// write writes a record, where the journal is on disk. The slot is marked before, and only if it will succeed: else the
// mark would name another record one day. mu is held.
func (j *Journal) write(r *access.Record, e *encoder, named, timed bool, held *recorder.Slot, upto uint64) error {
	if j.disk == nil {
		if held != nil {
			held.Recorded(r.Seq, upto)
		}
		return nil
	}
	payload := e.payload(r, named, timed)
	if held != nil {
		if err := j.disk.Fits(streamOf(r), len(payload)); err != nil {
			return err
		}
		held.Recorded(r.Seq, upto)
	}
	return j.disk.Append(streamOf(r), r.Seq, payload)
}

// complete fills in what every record has.
func (j *Journal) complete(r *access.Record) {
	r.Schema = Schema
	r.Journal = j.id
	if r.Severity == 0 {
		r.Severity = severity(r)
	}
	if r.Proxy == "" {
		r.Proxy = j.opt.Proxy
	}
	if r.ClusterId == "" && r.Cluster != "" {
		r.ClusterId = j.opt.ClusterID(r.Cluster)
	}
}

// OCSF severity ids.
const (
	informational = 1
	low           = 2
	medium        = 3
)

// severity is the OCSF severity_id of a record whose maker has no opinion: what was refused or denied stands out.
func severity(r *access.Record) int32 {
	switch {
	case r.Decision == access.Deny.String(), r.Kind == KindAuthn && r.Operation == OpFailure, r.Kind == KindGap:
		return medium
	case r.Decision == access.Refuse.String(), r.Outcome == OutcomeFailed:
		return low
	}
	return informational
}

// stamp gives the record its time and id. mu is held, so that both ascend as seq does; but an id that an answer has named
// before (Refer) is older.
func (j *Journal) stamp(r *access.Record) {
	now := j.opt.Now()
	if r.Id == "" {
		r.Id = j.newID(now)
	}
	r.LoggedTime = timestamppb.New(now)
	if r.Time == nil {
		r.Time = r.LoggedTime
	}
}

// newID is called with mu held, or before anyone else knows the journal. Ids ascend even when the clock goes back.
func (j *Journal) newID(now time.Time) string {
	j.idTime = max(j.idTime, ulid.Timestamp(now))
	id, err := ulid.New(j.idTime, j.entropy)
	if err != nil { // the random part cannot be counted up any further in this millisecond
		j.idTime++
		id = ulid.MustNew(j.idTime, j.entropy)
	}
	return id.String()
}

// Refer names the record under which a denial or refusal of a session is found, before it is accounted: the same Call with
// that reference is accounted afterwards.
func (j *Journal) Refer(s *access.Session, c *access.Call) *access.Reference {
	return j.denials.refer(s, c, j.opt.Now())
}

// reference draws the id of a record that is still to be written.
func (j *Journal) reference(now time.Time) *access.Reference {
	j.mu.Lock()
	defer j.mu.Unlock()
	return &access.Reference{ID: j.newID(now)}
}

// Head is the position of the newest record.
func (j *Journal) Head() Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	return Position{Journal: j.id, Seq: j.head}
}

// Close writes what is still being summed, refuses further records and lets every reader come to its end after it
// has read what is there. Sessions are to be closed before. An error says what may not be on disk.
func (j *Journal) Close() error {
	j.denials.flush()
	j.confessAll()
	j.mu.Lock()
	over := j.closed
	j.closed = true
	j.mu.Unlock()
	var err error
	if j.disk != nil && !over {
		err = j.disk.Close()
	}
	j.wakeAll()
	return err
}

// Tick writes the repeated denials whose summary interval has ended. Logs do it in their own Tick; calling it here,
// once a second or so, serves the time when no session is left to do so.
func (j *Journal) Tick(now time.Time) {
	j.denials.sweep(now)
	j.confessAll()
}

// Stats are counters and gauges for telemetry.
type Stats struct {
	Head    int64            // seq of the newest record
	Oldest  int64            // seq of the oldest record still kept, 0: none
	Bytes   int64            // that the kept ones need, roughly
	Readers int              // following now
	Stray   int64            // bytes that were released and never announced: 0, or something is wrong
	Lost    int64            // records that could not be written
	Kinds   map[string]int64 // records since the start, by kind
	Disk    *store.Stats     // nil: in memory
}

// Stats takes a snapshot.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := Stats{Head: j.head, Stray: j.stray.Load(), Bytes: j.ring.bytes, Readers: len(j.readers), Lost: j.lost, Kinds: make(map[string]int64, len(j.counts))}
	if j.ring.n > 0 {
		s.Oldest = j.head - int64(j.ring.n) + 1
	}
	for kind, n := range j.counts {
		s.Kinds[kind] = n
	}
	if j.disk != nil {
		disk := j.disk.Stats()
		s.Disk = &disk
	}
	return s
}
