package telemetry

import (
	"context"

	"doorkeeper/journal"
)

// readers is the one goroutine that follows the journal: it counts by principal and topic, and makes spans of findings.
// It queues nothing; where it is left behind, the journal says so with a gap, and the counts lack what was in it.
type readers struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (r *readers) start(j *journal.Journal, named *talkers, exports *Exporters) {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.done = cancel, make(chan struct{})
	from := j.Head()
	go func() {
		defer close(r.done)
		for record := range j.Follow(ctx, from) {
			named.add(record)
			if exports != nil && record.Kind == journal.KindFinding {
				exports.tracing.finding(record)
			}
		}
	}()
}

func (r *readers) stop() {
	if r.cancel != nil {
		r.cancel()
		<-r.done
	}
}
