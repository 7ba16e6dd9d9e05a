package journal

import (
	"doorkeeper/access"
	"doorkeeper/journal/recorder"
)

// Wrote says how one partition of a Produce request fared: one call a batch, after the broker's answer. Offsets are
// those that the broker assigned. Where a request names a partition more than once, only the last counts: the caller
// tells of that one alone.
func (l *Log) Wrote(w *access.Write) {
	s := w.Span
	l.who, l.client = s.Identity, s.Client
	now := l.journal.opt.Now()
	good := w.Error == 0 && !w.Unknown
	repeated := good && l.journal.retries.repeated(l.session.Cluster, &w.Batch)

	f := l.writeFlow(w, repeated)
	if f.start.IsZero() {
		l.begin(f, now)
	}
	f.end = now
	f.throttle = max(f.throttle, w.Throttle)
	opens := f.span != s || f.correlation != s.Correlation || f.requests == 0
	if opens {
		f.span, f.correlation = s, s.Correlation
	}
	b := written(w, good)
	b.Flags |= bit(opens, flagOpens) | bit(repeated, flagRepeated)
	f.countWrite(&b)
	if !repeated && good {
		f.lastAhead = b.Last
	}
	l.noteDone(f, &b)
	l.fold()
	if repeated {
		return
	}
	if s.Decision != nil && s.Decision.Record == access.Each {
		l.finish(f)
	}
}

// writeFlow finds the flow that a write continues. Successes do by their offsets, as reads do: where others write in
// between, each run is a flow of its own, for "who wrote offset n" must have one answer. Failures and acks=0 have no
// offsets: they add up until the interval ends.
func (l *Log) writeFlow(w *access.Write, repeated bool) *flow {
	s := w.Span
	key := keyOf(s, writing)
	switch {
	case w.Unknown:
		key.direction = writeUnknown
	case w.Error != 0:
		key.direction, key.error = writeFailed, w.Error
	}
	epoch := w.Epoch
	if epoch < 0 {
		epoch = s.LeaderEpoch
	}
	f := l.flows.byKey[key]
	if f != nil {
		contiguous := key.direction != writing || repeated || f.lastAhead < 0 || w.First == f.lastAhead+1
		if f.sameContext(s, epoch) && contiguous {
			f.learn(s, epoch)
			return f
		}
		l.finish(f)
	}
	return l.openFlow(key, s, epoch)
}

// written is what is noted of a write.
func written(w *access.Write, good bool) recorder.Batch {
	last := w.Last
	if !w.HasLast {
		last = w.First + max(int64(w.Messages), 1) - 1
	}
	return recorder.Batch{
		First: w.First, Last: last, Size: w.Bytes, CRC: w.CRC, Messages: w.Messages,
		Flags: flagWrite | bit(w.Estimated, flagEstimated) | bit(!good, flagBad),
	}
}

// countWrite adds a batch, good or not: outcome says which.
func (t *totals) countWrite(b *recorder.Batch) {
	if b.Flags&flagOpens != 0 {
		t.requests++
	}
	if b.Flags&flagRepeated != 0 {
		t.retried = true
		return
	}
	t.batches++
	t.messages += int64(b.Messages)
	t.bytes += b.Size
	t.estimated = t.estimated || b.Flags&flagEstimated != 0
	if b.Flags&flagBad != 0 {
		return
	}
	if t.first < 0 {
		t.first = b.First
	}
	t.last = b.Last
	t.digest.add(b.First, b.CRC)
}
