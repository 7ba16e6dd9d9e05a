package policy

import (
	"errors"
	"math"
	"time"

	"doorkeeper/access"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// implied are the operations of which one, when allowed, allows another too, as in Kafka's authorizer.
var implied = map[access.Operation][]access.Operation{
	access.OpDescribe:        {access.OpRead, access.OpWrite, access.OpDelete, access.OpAlter},
	access.OpDescribeConfigs: {access.OpAlterConfigs},
}

// unruled is the answer to everything where there are no rules.
var unruled = newAnswer(&access.Decision{Verdict: access.Allow, Enforced: true}, true, span{})

// answer decides a question: what the running policy says, made a decision by the mode, and the candidate's word beside.
// keys are the who's parts of the keys of the two programs' caches. cached: nothing had to be evaluated for the decision.
func (s *snapshot) answer(keys *[2][]byte, q *question) (a *answer, cached bool) {
	a, cached = unruled, true
	if s.running != nil {
		a, cached = s.running.ask(keys[0], q)
	}
	if s.candidate == nil && s.mode == Enforce && !a.tried {
		return a, cached
	}
	d, holds := *a.fresh, a.span
	if s.candidate != nil {
		c := s.candidate.try(keys[1], q)
		d.Candidate = &access.Candidate{Verdict: c.fresh.Verdict, Rule: c.fresh.Rule, Reason: c.fresh.Reason, Policy: c.fresh.Policy}
		holds = holds.and(c.span)
	}
	if s.mode == Monitor || a.tried {
		watch(&d, s.mode)
	}
	return newAnswer(&d, a.keep, holds), cached
}

// watch takes from a decision what it would do. In monitor mode that is everything: Would says so. A rule that is being
// tried out keeps its limits, as in monitor mode, to be counted only; who counts says what they would have done.
func watch(d *access.Decision, mode Mode) {
	if d.Stops() && mode == Monitor {
		d.Would = &access.Would{Verdict: d.Verdict, Rule: d.Rule}
	}
	d.Limits = watched(d.Limits)
	if mode == Monitor {
		d.Verdict, d.Enforced = access.Allow, true
	}
}

// watched are the same limits, only watched.
func watched(l *access.Limits) *access.Limits {
	if l == nil {
		return nil
	}
	w := *l
	w.Watched = true
	return &w
}

// ask asks a program about a question, and where it denies, about the operations that imply what was asked.
func (p *program) ask(key []byte, q *question) (a *answer, cached bool) {
	if a := p.unasked(q); a != nil {
		return a, false
	}
	a, cached = p.evaluated(key, q)
	if p.format != Doorkeeper {
		return a, cached // its policies are asked exactly what Kafka asks
	}
	return p.implication(a, cached, q, func(q *question) (*answer, bool) { return p.evaluated(key, q) })
}

func (p *program) implication(a *answer, cached bool, q *question, ask func(*question) (*answer, bool)) (*answer, bool) {
	if a.fresh.Verdict != access.Deny || len(implied[q.action.Operation]) == 0 {
		return a, cached
	}
	d, keep, holds := *a.fresh, a.keep, a.span
	for _, op := range implied[q.action.Operation] {
		by, hit := ask(q.operation(op))
		keep, cached, holds = keep && by.keep, cached && hit, holds.and(by.span)
		if by.fresh.Verdict != access.Deny {
			d = *by.fresh
			d.Limits = nil // they are of the stronger operation
			break
		}
	}
	d.NotAfter = holds.end()
	return newAnswer(&d, keep, holds), cached
}

// unasked are the answers that need no policy; nil: there is none.
//
// What Kafka's authorizer is not asked (operation NONE) is allowed, unless a policy of our own contract denies it by
// name: one in whose rules the word NONE stands is asked. The others do not know it, and their default denial is not
// meant for it.
func (p *program) unasked(q *question) *answer {
	if a := p.unnameable(q); a != nil {
		return a
	}
	if q.action.Operation == access.OpNone && (p.format == OPAKafka || !p.reads.none) {
		return p.allowed
	}
	return nil
}

// evaluated asks the cache, then the rules.
func (p *program) evaluated(key []byte, q *question) (a *answer, cached bool) {
	if p.reads.volatile && !p.candidate {
		return p.evaluate(q), false
	}
	var room [512]byte
	k := shorten(p.reads.appendRest(append(room[:0], key...), q))
	known := func() *answer { return p.cache.get(k, q.now.UnixNano()) }
	if a := known(); a != nil {
		return a, true
	}
	if a, cached = p.inTurn(q, known, nil); cached {
		return a, true
	}
	if p.candidate && !a.keep {
		a = newAnswer(a.fresh, true, minuteSpan(q.now))
	}
	if a.keep {
		p.cache.put(k, a)
	}
	return a, false
}

// evaluate asks the rules.
func (p *program) evaluate(q *question, opts ...rego.EvalOption) *answer {
	a, _ := p.inTurn(q, func() *answer { return nil }, opts)
	return a
}

// inTurn asks the rules when it is the question's turn, if its answer is not known by then: a hundred connections of one
// principal ask the same after a change.
func (p *program) inTurn(q *question, known func() *answer, opts []rego.EvalOption) (a *answer, cached bool) {
	if p.broken != nil {
		return p.answered(q, nil, p.broken), false
	}
	t, waited, err := p.evaluator.enter(q.who.tenant(), patience*p.deadline)
	if err != nil {
		p.counters.evaluated(q.now, 0, err)
		return p.answered(q, nil, err), false
	}
	defer p.evaluator.exit(t)
	if waited {
		if a := known(); a != nil {
			return a, true
		}
	}
	started := time.Now()
	v, err := p.evaluator.run(p, q, t, opts)
	var said *ruling
	if err == nil {
		said, err = p.read(v)
	}
	p.counters.evaluated(q.now, time.Since(started), err)
	return p.answered(q, said, err), false
}

func (p *program) read(v ast.Value) (*ruling, error) {
	if p.format == OPAKafka {
		return readBool(v)
	}
	return readDecision(v)
}

// answered makes an answer of what was said.
func (p *program) answered(q *question, said *ruling, err error) *answer {
	d := &access.Decision{Enforced: true, Policy: p.revision}
	switch {
	case errors.Is(err, errUndefined):
		d.Verdict, d.Reason = access.Deny, errUndefined.Error()
		if q.action.Operation == access.OpNone {
			d.Verdict, d.Reason = access.Allow, ""
		}
		said = &ruling{enforce: true}
	case err != nil:
		d.Verdict, d.Reason = access.Refuse, cut(err.Error())
		return newAnswer(d, false, span{})
	default:
		said.into(d, q.now)
	}
	holds := p.holds(q.now, said)
	d.NotAfter = holds.end()
	a := newAnswer(d, !p.reads.volatile, holds)
	a.tried = !said.enforce
	return a
}

// into writes a ruling into a decision. A right that has ended is none.
func (r *ruling) into(d *access.Decision, now time.Time) {
	d.Rule, d.Reason, d.Labels, d.Record, d.Limits = r.rule, r.reason, r.labels, r.record, r.limits
	switch {
	case !r.allow:
		d.Verdict, d.Enforced, d.Limits = access.Deny, r.enforce, nil
	case !r.notAfter.IsZero() && !r.notAfter.After(now):
		d.Verdict, d.Limits = access.Deny, nil
		d.Reason = "it was allowed until " + r.notAfter.UTC().Format(time.RFC3339)
	}
}

// holds is how long what was said holds: to the end that it has itself, to the end of the minute where the rules read the
// clock, and to when the next grant begins or ends where they read the grants.
func (p *program) holds(now time.Time, said *ruling) span {
	var s span
	if p.reads.clock() {
		s = minuteSpan(now)
	}
	if p.reads.grants {
		s = s.and(p.grants)
	}
	switch end := said.notAfter; {
	case end.IsZero():
	case end.After(now):
		s = s.and(span{math.MinInt64, end.UnixNano()})
	default: // it is over, unless the clock is set back
		s = s.and(span{end.UnixNano(), math.MaxInt64})
	}
	return s
}

// minuteSpan is the minute that a time is in.
func minuteSpan(now time.Time) span {
	m := minute(now)
	return span{m.UnixNano(), m.Add(time.Minute).UnixNano()}
}

// end is until as a time; zero: there is none.
func (s span) end() time.Time {
	if s.until == 0 || s.until == math.MaxInt64 {
		return time.Time{}
	}
	return time.Unix(0, s.until).UTC()
}

// try asks a candidate, which may influence nothing: what fails is an answer that holds to the end of the minute
// (evaluated), and after a question that took too long no more are asked for a while.
func (p *program) try(key []byte, q *question) *answer {
	now := q.now.UnixNano()
	if rest := p.rest.Load(); now < rest {
		d := &access.Decision{Verdict: access.Refuse, Enforced: true, Policy: p.revision, Reason: "the candidate was too slow and is not asked for a moment"}
		return newAnswer(d, true, span{math.MinInt64, rest})
	}
	a, cached := p.ask(key, q)
	if !cached && (a.fresh.Reason == errDeadline.Error() || a.fresh.Reason == errBehind.Error()) {
		p.rest.Store(now + int64(restAfter*p.deadline))
	}
	return a
}

// restAfter is for how many deadlines a candidate is not asked after it passed one: so it takes a twentieth of the time
// at most.
const restAfter = 20
