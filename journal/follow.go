package journal

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
	"doorkeeper/journal/store"
)

// A Position is a place in a journal: after the record with this seq. The zero value is before the first.
type Position struct {
	Journal string
	Seq     int64
}

// String is "<journal>:<seq>", the form of the API's after parameter.
func (p Position) String() string { return p.Journal + ":" + strconv.FormatInt(p.Seq, 10) }

// ParsePosition reads what String writes; "" is the zero Position.
func ParsePosition(s string) (Position, error) {
	if s == "" {
		return Position{}, nil
	}
	name, number, ok := strings.Cut(s, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	if !ok || name == "" || err != nil || seq < 0 {
		return Position{}, fmt.Errorf("position %q is not <journal>:<seq>", s)
	}
	return Position{name, seq}, nil
}

// PositionOf is the position after r, also of a gap record that Follow made up.
func PositionOf(r *access.Record) Position { return Position{r.Journal, r.Seq} }

// followBatch is how many records a reader takes at a time, so that it holds the lock seldom.
const followBatch = 256

// Follow yields the records after a position, as they come, until ctx is done or the journal is closed and read to
// its end. The records are shared: read them, change nothing.
//
// Where records are gone already it yields a gap record in their place: kind gap, from_seq to to_seq, the seq and id
// of a record that is not in the journal (its seq is to_seq, so that its position is good to go on from). A position
// in another journal, as a reader keeps it over a restart, starts at the oldest record, with a gap record in front
// that names the other journal in its cause.
func (j *Journal) Follow(ctx context.Context, after Position) iter.Seq[*access.Record] {
	return func(yield func(*access.Record) bool) {
		wake := j.enter()
		defer j.leave(wake)
		r := reader{journal: j, after: after}
		defer r.closeDisk()
		j.syncSoon()
		for ctx.Err() == nil {
			records, closed := r.next()
			for _, record := range records {
				if ctx.Err() != nil || !yield(record) {
					return
				}
			}
			if len(records) > 0 {
				continue
			}
			if closed {
				return
			}
			select {
			case <-wake:
			case <-ctx.Done():
			}
		}
	}
}

func (j *Journal) enter() chan struct{} {
	wake := make(chan struct{}, 1)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.readers[wake] = struct{}{}
	return wake
}

func (j *Journal) leave(wake chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.readers, wake)
}

// wake is called with mu held. A reader that has not come round to its last call needs no second one.
func (j *Journal) wake() {
	for reader := range j.readers {
		select {
		case reader <- struct{}{}:
		default:
		}
	}
}

// A reader is one Follow's place.
type reader struct {
	journal  *Journal
	after    Position
	lastTime *timestamppb.Timestamp // of the last record read
	batch    []*access.Record

	disk   *store.Reader // nil: nothing was read from disk yet
	diskAt int64         // seq that it stands after
	gapTo  int64         // records in front of it are known to be missing, and that was said
}

// next returns the records from the reader's place on, none if there is nothing new, and whether the journal is
// closed. The slice is used again.
func (r *reader) next() (records []*access.Record, closed bool) {
	j := r.journal
	r.batch = r.batch[:0]
	j.mu.Lock()
	if r.after.Journal != j.id {
		r.enterJournal()
	}
	if r.after.Seq > j.head { // never given out: nothing to wait for but what comes
		r.after.Seq = j.head
	}
	limit, closed := j.visible(), j.closed
	oldest := j.head - int64(j.ring.n) + 1
	if j.disk != nil && r.after.Seq+1 < oldest {
		j.mu.Unlock()
		r.far(min(limit, oldest-1))
		if len(r.batch) == 0 && r.after.Seq < limit {
			return r.next()
		}
		return r.batch, closed
	}
	defer j.mu.Unlock()
	r.near(oldest, limit)
	return r.batch, closed
}

// near reads from the ring. mu is held.
func (r *reader) near(oldest, limit int64) {
	j := r.journal
	r.closeDisk()
	if r.after.Seq+1 < oldest {
		r.batch = append(r.batch, r.leftBehind(oldest))
		r.after.Seq = oldest - 1
	}
	for r.after.Seq < limit && len(r.batch) < followBatch {
		record := j.ring.at(int(r.after.Seq + 1 - oldest))
		r.batch = append(r.batch, record)
		r.after.Seq++
		r.lastTime = record.LoggedTime
	}
}

// visible is how far readers may read. What leaves the host is on disk first, so that no number stands for two records
// when a power cut takes the last of them; where the disk fails there is no such thing, and better that they are seen.
// mu is held.
func (j *Journal) visible() int64 {
	if j.disk == nil || j.closed || j.disk.Failing() {
		return j.head
	}
	return min(j.disk.Synced(), j.head)
}

// syncSoon begins a sync for a reader that has just come, and would wait for the next one.
func (j *Journal) syncSoon() {
	if j.disk != nil {
		j.disk.SyncSoon()
	}
}

// wakeAll tells readers that there may be more.
func (j *Journal) wakeAll() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.wake()
}

// enterJournal moves a reader of another journal to the beginning of this one.
func (r *reader) enterJournal() {
	old := r.after
	r.after = Position{Journal: r.journal.id}
	if old.Journal == "" {
		return
	}
	gap := r.journal.gapRecord()
	gap.Cause = "journal " + old.Journal + " has ended; read up to seq " + strconv.FormatInt(old.Seq, 10)
	r.batch = append(r.batch, gap)
}

// gapRecord makes a record for one reader alone. mu is held.
func (j *Journal) gapRecord() *access.Record {
	gap := &access.Record{Kind: KindGap}
	j.complete(gap)
	j.stamp(gap)
	return gap
}
