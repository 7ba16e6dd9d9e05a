package api

import "doorkeeper/journal"

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
