package app

import (
	"fmt"
	"slices"
	"strings"

	"doorkeeper/access"
	"doorkeeper/admin"
	"doorkeeper/policy"
	"doorkeeper/proxy"
	"doorkeeper/quarantine"
)

// quarantines is the kill switch as the admin API gets it.
func (a *App) quarantines() admin.Quarantines {
	return admin.Quarantines{All: a.decrees.quarantines.All, Add: a.addQuarantine, Lift: a.liftQuarantine}
}

// addQuarantine puts a quarantine in force, cuts, and only then writes it down: a disk that is full or slow keeps nobody
// connected.
func (a *App) addQuarantine(q *quarantine.Quarantine, dryRun, force bool, by admin.Actor) (admin.Effect, error) {
	d := &decree{opQuarantine, by, q, q.Rule() + ": " + q.String(), q.Until}
	before := a.effect(q, a.proxy.Concerned(q))
	if dryRun {
		before.DryRun = true
		return before, nil
	}
	if len(before.Protected) > 0 && !force {
		err := fmt.Errorf("%w: it is about %s, which policy.protected names: --force cuts them all the same", admin.ErrRefused, strings.Join(before.Protected, ", "))
		a.recordDecree(d, true, q.Reason, err)
		return admin.Effect{}, err
	}
	if err := a.decrees.quarantines.Add(q); err != nil {
		err = answerable(err)
		a.recordDecree(d, true, q.Reason, err)
		return admin.Effect{}, err
	}
	cut := a.effect(q, a.proxy.Cut(q))
	a.log.Warn("quarantine", "rule", q.Rule(), "of", q.String(), "reason", q.Reason, "by", by.Name, "sessions", len(cut.Sessions), "until", q.Until)
	a.recordDecree(d, true, q.Reason, nil)
	cut.Warning = a.kept("quarantines", a.decrees.quarantines.Save())
	return cut, nil
}

func (a *App) liftQuarantine(id, reason string, by admin.Actor) (admin.Lifted, error) {
	q, err := a.decrees.quarantines.Lift(id)
	if err != nil {
		return admin.Lifted{}, answerable(err)
	}
	a.log.Warn("a quarantine is lifted", "rule", q.Rule(), "of", q.String(), "reason", reason, "by", by.Name)
	a.recordDecree(&decree{opQuarantine, by, q, q.Rule() + ": " + q.String(), q.Until}, false, reason, nil)
	lifted := admin.Lifted{Quarantine: q}
	if w := a.kept("quarantines", a.decrees.quarantines.Save()); w != "" {
		lifted.Warning = "it is lifted, but comes back when the proxy starts again: " + w
	}
	return lifted, nil
}

// effect shows what a quarantine is about.
func (a *App) effect(q *quarantine.Quarantine, of proxy.Concern) admin.Effect {
	e := admin.Effect{Quarantine: q, Cuts: !q.Limited(), Sessions: a.shown(of.Sessions)}
	e.Applications = admin.Applications(e.Sessions)
	for _, t := range of.Transactions {
		e.Transactions = append(e.Transactions, admin.Transaction{ID: t.ID, Cluster: t.Cluster, Principal: t.Principal, Since: t.Since.UTC(), Until: t.Until.UTC()})
	}
	named := []string{q.Principal}
	for _, s := range e.Sessions {
		named = append(named, s.Principal)
	}
	for _, p := range a.Config().Policy.Protected {
		if slices.Contains(named, p) && !slices.Contains(e.Protected, p) {
			e.Protected = append(e.Protected, p)
		}
	}
	return e
}

// quarantined is what quarantines say of an action, nil if they say nothing.
func (a *App) quarantined(r *access.Request, action *access.Action) *policy.Said {
	who := quarantine.Subject{Source: r.Session.Source.Addr(), Session: r.Session.ID.String()}
	who.Know(r.Identity, r.Client)
	set := a.decrees.quarantines.Set()
	if q := set.Bars(&who); q != nil {
		return &policy.Said{Decision: access.Deny.String(), Enforced: true, Rule: q.Rule(), Reason: q.Reason}
	}
	if d := set.Decide(&who, action); d != nil {
		return &policy.Said{Decision: d.Verdict.String(), Enforced: true, Rule: d.Rule, Reason: d.Reason}
	}
	return nil
}
