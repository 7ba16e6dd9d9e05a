package app

import (
	"time"

	"doorkeeper/admin"
)

// A policy that loads may fail all the same: a rule that contradicts another, that never ends, that meets what it was not
// written for. Requests are refused then, and clients try again; people must hear of it before users call.

// complains is how often the log says so at most, and how long readiness shows a failure.
const complains = 10 * time.Second

// A complaint is what was said of failures last.
type complaint struct {
	at     time.Time
	errors uint64
	tried  uint64 // of the candidate
}

// complain tells the log of evaluations that failed. The goroutine that ends decrees alone calls it.
func (a *App) complain(now time.Time, said *complaint) {
	n := a.law.engine.Stats()
	if now.Sub(said.at) < complains || n.Errors == said.errors && n.Candidate.Errors == said.tried {
		return
	}
	if n.Errors > said.errors {
		a.log.Error("the policy fails: what it does not decide is refused", "times", n.Errors-said.errors, "last", n.Last.Reason)
	}
	if n.Candidate.Errors > said.tried {
		a.log.Warn("the candidate policy fails", "times", n.Candidate.Errors-said.tried, "last", n.Candidate.Last.Reason)
	}
	*said = complaint{now, n.Errors, n.Candidate.Errors}
}

// readyFailures adds that the policy fails at the moment. It takes the proxy out of no balancer: another one has the same
// policy.
func (l *law) readyFailures(now time.Time, r *admin.Readiness) {
	if last := l.engine.Stats().Last; last != nil && now.Sub(last.At) < complains && r.Checks["policy"] == "ok" {
		r.Checks["policy"] = "it fails, and what it does not decide is refused: " + last.Reason
	}
}
