package policy

import (
	"errors"
	"time"

	"doorkeeper/access"

	"github.com/open-policy-agent/opa/v1/rego"
)

// implied are the operations of which one, when allowed, allows another too, as in Kafka's authorizer.
var implied = map[access.Operation][]access.Operation{
	access.OpDescribe:        {access.OpRead, access.OpWrite, access.OpDelete, access.OpAlter},
	access.OpDescribeConfigs: {access.OpAlterConfigs},
}

// unruled is the decision about everything where there are no rules.
var unruled = &access.Decision{Verdict: access.Allow, Enforced: true}

// decide answers one action: what the running policy says, made a decision by the mode, and the candidate's word beside.
func (e *Engine) decide(s *snapshot, session *access.Session, r *access.Request, a *access.Action) *access.Decision {
	if s.running == nil {
		return unruled
	}
	now := e.now()
	d := e.ask(s, s.running, session, r, a, now)
	if s.candidate != nil {
		c := e.ask(s, s.candidate, session, r, a, now)
		d.Candidate = &access.Candidate{Verdict: c.Verdict, Rule: c.Rule, Reason: c.Reason, Policy: c.Policy}
	}
	if s.mode == Monitor {
		return watched(d)
	}
	return d
}

// watched is a decision in monitor mode: everything passes, and what would have been is said.
func watched(d *access.Decision) *access.Decision {
	w := *d
	w.Verdict, w.Enforced = access.Allow, true
	if d.Stops() {
		w.Would = &access.Would{Verdict: d.Verdict, Rule: d.Rule}
	}
	return &w
}

// ask asks one program about one action, and where it denies, about the actions that imply it.
func (e *Engine) ask(s *snapshot, p *program, session *access.Session, r *access.Request, a *access.Action, now time.Time) *access.Decision {
	if reason := unnameable(r, a); reason != "" {
		return &access.Decision{Verdict: access.Deny, Enforced: true, Reason: reason, Policy: p.revision}
	}
	if p.format == OPAKafka {
		if a.Operation == access.OpNone {
			return &access.Decision{Verdict: access.Allow, Enforced: true, Policy: p.revision}
		}
		return e.evaluate(s, p, session, r, a, now)
	}
	d := e.evaluate(s, p, session, r, a, now)
	if d.Verdict != access.Deny {
		return d
	}
	for _, op := range implied[a.Operation] {
		stronger := *a
		stronger.Operation = op
		if by := e.evaluate(s, p, session, r, &stronger, now); by.Verdict != access.Deny {
			by.Limits = nil // they are of the stronger operation
			return by
		}
	}
	return d
}

func (e *Engine) evaluate(s *snapshot, p *program, session *access.Session, r *access.Request, a *access.Action, now time.Time, opts ...rego.EvalOption) *access.Decision {
	started := time.Now()
	d := &access.Decision{Enforced: true, Policy: p.revision}
	said, err := e.rule(s, p, session, r, a, now, opts...)
	e.stats.evaluated(time.Since(started), err)
	switch {
	case errors.Is(err, errUndefined):
		d.Verdict, d.Reason = access.Deny, errUndefined.Error()
		if a.Operation == access.OpNone {
			d.Verdict, d.Reason = access.Allow, ""
		}
	case err != nil:
		d.Verdict, d.Reason = access.Refuse, cut(err.Error())
	default:
		d.Rule, d.Reason, d.Labels, d.Record, d.NotAfter, d.Limits = said.rule, said.reason, said.labels, said.record, said.notAfter, said.limits
		if !said.allow {
			d.Verdict, d.Enforced = access.Deny, said.enforce
		}
	}
	return d
}

func (e *Engine) rule(s *snapshot, p *program, session *access.Session, r *access.Request, a *access.Action, now time.Time, opts ...rego.EvalOption) (*ruling, error) {
	read, input := readDecision, doorkeeperInput(session, r, a, now)
	if p.format == OPAKafka {
		read, input = readBool, kafkaInput(session, r, a)
	}
	v, err := e.eval.run(p, input, r.Identity.Principal, now, s.deadline, opts...)
	if err != nil {
		return nil, err
	}
	return read(v)
}
