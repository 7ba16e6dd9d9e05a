package api

import "time"

// A ledger knows which bytes of a connection's response stream are record data, so that what was handed to the
// client's socket can be counted in bytes of record data. Positions count the stream's bytes from its start.
type ledger struct {
	runs     []run
	first    int // runs[first:] are not yet released in full
	released int64
}

type run struct {
	start, end int64
	tariff     Tariff // what it was taken from, nil: nothing
	messages   int64
}

// add notes record data at [start, start+n). Starts never go back. What was charged for is a run of its own, so that it
// can be given back.
func (l *ledger) add(start, n int64, t Tariff, messages int64) {
	if n <= 0 {
		return
	}
	if last := len(l.runs) - 1; t == nil && last >= l.first && l.runs[last].end == start && l.runs[last].tariff == nil {
		l.runs[last].end += n
		return
	}
	l.runs = append(l.runs, run{start, start + n, t, messages})
}

// forfeit gives back what was charged for and will not be released. Of a batch of which a byte is out, its messages count.
func (l *ledger) forfeit(at time.Time) {
	for i := l.first; i < len(l.runs); i++ {
		r := &l.runs[i]
		if r.tariff == nil {
			continue
		}
		if l.released > r.start {
			r.messages = 0
		}
		r.tariff.Refund(r.end-max(r.start, l.released), r.messages, at)
	}
	l.runs, l.first = nil, 0
}

// release moves the released position n bytes on and returns how many of them were record data.
func (l *ledger) release(n int64) (data int64) {
	to := l.released + n
	for l.first < len(l.runs) {
		r := &l.runs[l.first]
		if r.start >= to {
			break
		}
		upto := min(r.end, to)
		data += upto - max(r.start, l.released)
		if upto < r.end {
			break
		}
		r.tariff = nil
		l.first++
	}
	l.released = to
	if l.first == len(l.runs) {
		l.runs, l.first = l.runs[:0], 0
	}
	return data
}
