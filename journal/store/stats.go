package store

import "time"

type counters struct {
	refused   int64
	rotations int64
	sealed    int64
	syncs     int64
	syncTime  time.Duration
	failures  int64
	removed   int64
}

// Stats are counters and gauges for telemetry.
type Stats struct {
	Head, Synced int64         // seqs
	Refused      int64         // records that could not be appended
	Segments     int64         // that hold records, now
	Bytes        int64         // on disk, with what is allocated ahead
	Rotations    int64         // segments begun
	Syncs        int64         // that had something to do
	SyncTime     time.Duration // all of them together
	Failures     int64         // failed syncs and allocations
	Removed      int64         // segments
}

// Stats takes a snapshot.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.stats
	out := Stats{
		Head: s.head.Load(), Synced: s.synced.Load(), Refused: c.refused, Rotations: c.rotations,
		Syncs: c.syncs, SyncTime: c.syncTime, Failures: c.failures, Removed: c.removed,
	}
	for i := range s.streams {
		st := &s.streams[i]
		for _, d := range st.done {
			out.Bytes += d.Size
		}
		written := st.written()
		out.Segments += int64(len(st.done) + len(written))
		for _, g := range written {
			out.Bytes += g.size
		}
		if st.active != nil && st.active.count == 0 {
			out.Bytes += st.active.size
		}
		if st.spare != nil {
			out.Bytes += st.spare.size
		}
	}
	return out
}
