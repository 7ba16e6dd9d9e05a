package journal

import "doorkeeper/access"

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
	if f.span != s || f.correlation != s.Correlation || f.requests == 0 {
		f.requests++
		f.span, f.correlation = s, s.Correlation
	}
	if repeated {
		f.retried = true
		return
	}
	f.countWrite(w, good)
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

// countWrite adds a batch, good or not: outcome says which.
func (f *flow) countWrite(w *access.Write, good bool) {
	f.batches++
	f.messages += int64(w.Messages)
	f.bytes += w.Bytes
	f.estimated = f.estimated || w.Estimated
	if !good {
		return
	}
	if f.first < 0 {
		f.first = w.First
	}
	f.last = w.Last
	if !w.HasLast {
		f.last = w.First + max(int64(w.Messages), 1) - 1
	}
	f.lastAhead = f.last
	f.digest.add(w.First, w.CRC)
}
