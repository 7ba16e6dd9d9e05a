package api

import "doorkeeper/journal"

// Ended accounts for a request that ended its connection, or was cut short with it, before it went to the broker: what was
// decided of it, if anything was.
func (x *Exchange) Ended(log *journal.Log) {
	switch {
	case x.over != nil && len(x.Actions) > 0:
		x.refuseWhole(x.over)
		x.Account(log, 0, true)
	case x.Produces() || x.Streams():
		x.accountStopped(log, 0)
	case len(x.Actions)+len(x.excess) > 0:
		x.Account(log, 0, true)
	}
}

// Abandon accounts for a request whose connection ended before its answer came. What a Produce did nobody knows.
func (x *Exchange) Abandon(log *journal.Log) {
	switch {
	case x.enforced.local != nil:
		x.Account(log, 0, true)
	case x.Produces():
		x.ProduceUnanswered(log)
	case x.Streams():
		log.Fetched(&x.Request, false, 0)
		x.accountStopped(log, 0)
	default:
		x.Account(log, 0, true)
	}
}
