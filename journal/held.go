package journal

import (
	"net/netip"
	"sync"

	"doorkeeper/access"
	"doorkeeper/journal/recorder"
)

// This file keeps what a Log has open in the flight recorder as well. Without one nothing is held, and all below does
// nothing.

// A party is who a session's flows and sums are about: what their records have in common stands in the recorder once.
type party struct {
	slot     recorder.Slot
	who      *access.Identity
	client   *access.Client
	upstream netip.AddrPort
	open     int // flows and sums under it, and the session while it is the newest
}

// scratch is what a template is made with.
type scratch struct {
	record access.Record
	bytes  []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// largestTemplate is how long a template may be that is kept as it is. Names from the wire may be far longer: of those
// the recorder keeps the beginning.
const (
	largestTemplate = 32 << 10
	shortened       = 256
)

// template makes the bytes of a record that describe fills in.
func (c *scratch) template(describe func(*access.Record)) []byte {
	c.record.Reset()
	describe(&c.record)
	if access.Sanitize(&c.record) > largestTemplate {
		shorten(&c.record)
	}
	c.bytes = access.AppendProto(c.bytes[:0], &c.record)
	return c.bytes
}

// shorten cuts what may be long.
func shorten(r *access.Record) {
	for _, field := range []*string{&r.ClientId, &r.Software, &r.Group, &r.TransactionalId, &r.Resource, &r.Reason, &r.Rule, &r.TlsSubject, &r.Principal} {
		if len(*field) > shortened {
			*field = (*field)[:shortened]
		}
	}
	r.Labels, r.Resources = nil, nil
	access.Sanitize(r) // a letter may have been cut
}

// under returns the context that stands in the recorder for who and client, nil if there is no room for one. The newest
// context stands for the session itself: recovery writes the CLOSE record of a session that had none by it.
func (l *Log) under(who *access.Identity, client *access.Client) *party {
	old := l.party
	if old != nil && old.upstream == l.session.Upstream && sameIdentity(old.who, who) && sameClient(old.client, client) {
		return old
	}
	c := &party{who: who, client: client, upstream: l.session.Upstream, open: 1}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	template := s.template(func(r *access.Record) {
		l.nameWho(r, who, client)
		l.nameConnections(r)
	})
	if !l.take(&c.slot, recorder.Session, 0, template, 0) {
		return nil
	}
	l.party = c
	if old != nil {
		c.slot.Recorded(0, opened)
		old.slot.Become(recorder.Context)
		l.leave(old)
	}
	return c
}

// What a session's slot says is recorded: its OPEN record, its CLOSE record (recorder.All).
const opened = 1

// release gives up the session's own slot, at its end.
func (l *Log) release() {
	if c := l.party; c != nil {
		l.party = nil
		l.leave(c)
	}
}

// leave gives up a context when nothing is open under it any more.
func (l *Log) leave(c *party) {
	if c.open--; c.open == 0 {
		c.slot.Free()
	}
}

// take takes a slot. Where there is no room, the oldest flow is recorded to make some.
func (l *Log) take(s *recorder.Slot, kind recorder.Kind, context uint64, template []byte, figures int) bool {
	at := l.session.Opened.UnixNano()
	if l.journal.recorder.Take(s, kind, context, at, template, figures) {
		return true
	}
	if f := l.flows.oldest; f != nil {
		l.finish(f)
	}
	l.journal.recycle()
	return l.journal.recorder.Take(s, kind, context, at, template, figures)
}

// hold keeps a flow.
func (l *Log) hold(f *flow) {
	r := &f.request
	f.party = l.holdUnder(&f.slot, recorder.Flow, r.Identity, r.Client, func(r *access.Record) { f.describe(l, r) }, figuresSize)
}

// holdUnder takes a slot for what describe says, under the context of who and client, which it returns; nil: there is no
// room.
func (l *Log) holdUnder(
	s *recorder.Slot, kind recorder.Kind, who *access.Identity, client *access.Client, describe func(*access.Record), figures int,
) *party {
	if l.journal.recorder == nil {
		return nil
	}
	c := l.under(who, client)
	if c == nil {
		return nil
	}
	c.open++ // first: what makes room may close others
	t := scratches.Get().(*scratch)
	defer scratches.Put(t)
	if !l.take(s, kind, c.slot.Generation(), t.template(describe), figures) {
		l.leave(c)
		return nil
	}
	return c
}

// letGo gives up the place of a flow. recorded: what it held stands in a record now, or there was nothing to record.
func (l *Log) letGo(f *flow, recorded bool) {
	if !f.slot.Held() {
		return
	}
	if !recorded { // the journal did not take it: the recorder keeps it for the next start
		f.noteFigures()
		f.slot = recorder.Slot{}
		return
	}
	f.slot.Free()
	f.dirty = false
	l.leave(f.party)
	f.party = nil
	l.clearTape()
}

// clearTape gives up what is on the tape once nothing on it counts any more.
func (l *Log) clearTape() {
	if l.flows.n == 0 && l.queue.front() == nil {
		l.tape.Clear(l.journal.recorder)
		clear(l.dirty)
		l.dirty = l.dirty[:0]
	}
}

// Flags of a batch on the tape.
const (
	flagOpens     uint32 = 1 << iota // first of a request in its flow
	flagControl                      // as in intent
	flagCut                          //
	flagEstimated                    //
	flagWrite                        // a batch that the broker answered for
	flagBad                          // which it did not take, or nobody knows
	flagRepeated                     // or had taken before: it counts in nothing
	flagAcquired                     // no batch: offsets that a share group's member was given
)

// noteIntent puts a batch on the tape before it is released.
func (l *Log) noteIntent(i *intent) {
	if l.journal.recorder == nil {
		return
	}
	i.note = l.tape.Note(&i.flow.slot, &recorder.Batch{
		First: i.first, Last: i.last, Requested: i.requested, Size: i.size, CRC: i.crc, Messages: i.messages,
		Flags: bit(i.opens, flagOpens) | bit(i.control, flagControl) | bit(i.cut, flagCut) | bit(i.estimated, flagEstimated),
	})
	if i.note == nil {
		l.unnoted = true
	}
	l.unsynced = true
}

// noteDone puts something on the tape that is done already.
func (l *Log) noteDone(f *flow, b *recorder.Batch) {
	if l.journal.recorder == nil {
		return
	}
	if e := l.tape.Note(&f.slot, b); e != nil {
		e.Release(b.Size, f.end.UnixNano())
		l.counted(f, e)
	}
}

// counted says that the batch of a note is in the flow's figures.
func (l *Log) counted(f *flow, e *recorder.Batch) {
	if e == nil {
		return
	}
	f.counted = e.Index()
	if !f.dirty {
		f.dirty = true
		l.dirty = append(l.dirty, f)
	}
}

// fold notes the figures of all flows that have some on the tape alone, once its oldest block could be used again.
func (l *Log) fold() {
	if !l.tape.Spent(l.front()) {
		return
	}
	dirty := l.dirty
	l.dirty = nil
	for i, f := range dirty {
		switch {
		case !f.dirty:
		case len(f.acquired) == 0 || f.closing:
			f.noteFigures()
		case f.pending == 0: // ranges have no room in a note
			l.finish(f)
		default:
			l.split(f, f.end)
		}
		f.dirty = false
		dirty[i] = nil
	}
	l.dirty = dirty[:0]
	for l.tape.Spent(l.front()) {
		l.tape.Drop(l.journal.recorder)
	}
}

// front is the place on the tape of the first batch that is on its way.
func (l *Log) front() uint64 {
	switch i := l.queue.front(); {
	case i == nil:
		return l.tape.Next()
	case i.note == nil: // of those behind it nobody knows here
		return 0
	default:
		return i.note.Index()
	}
}

// noteFigures notes what the flow's batches on the tape have come to.
func (f *flow) noteFigures() {
	s := scratches.Get().(*scratch)
	s.bytes = f.appendFigures(s.bytes[:0], f.throttle)
	f.slot.Note(f.counted+1, s.bytes)
	scratches.Put(s)
}

// Commit is called before bytes of batches that were intended are handed over. What was intended stands in the flight
// recorder by now; with records.durability strict it is on disk when Commit returns. An error says that it is not: nothing
// may be released.
func (l *Log) Commit() error {
	if !l.unsynced {
		return nil
	}
	l.unsynced = false
	return l.journal.commit(l)
}
