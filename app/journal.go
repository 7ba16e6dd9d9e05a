package app

import (
	"fmt"

	"doorkeeper/config"
	"doorkeeper/journal"
	"doorkeeper/protocol"
)

// openJournal opens the journal where the last process left it.
func (a *App) openJournal(c *config.Config) (err error) {
	r := &c.Records
	a.journal, err = journal.Open(a.state.journal(), journal.Options{
		Proxy: c.ProxyID, FlowInterval: r.FlowInterval, SummaryInterval: r.SummaryInterval,
		ClusterID: a.clusters.id, APIName: apiName, ErrorName: protocol.ErrorName,
		Durability: r.Durability, SyncInterval: r.SyncInterval,
		SegmentBytes: int64(r.Segment.MaxBytes), SegmentAge: r.Segment.MaxAge,
		OnFailure: journal.OnFailure{
			RefuseReads: r.OnFailure.Read == config.FailureRefuse, RefuseWrites: r.OnFailure.Write == config.FailureRefuse,
		},
	})
	if err != nil {
		return fmt.Errorf("%w: without a journal no access can be recorded; make room, or set state_dir", err)
	}
	return nil
}
