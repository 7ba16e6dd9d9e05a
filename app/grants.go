package app

import (
	"fmt"

	"doorkeeper/access"
	"doorkeeper/admin"
	"doorkeeper/journal"
	"doorkeeper/policy"
)

// grants is break-glass as the admin API gets it.
func (a *App) grants() admin.Grants {
	return admin.Grants{All: a.decrees.grants.All, Add: a.addGrant, Revoke: a.revokeGrant}
}

func (a *App) addGrant(g *policy.Grant, by admin.Actor) (admin.Granted, error) {
	d := &decree{opGrant, by, g, g.Rule() + ": " + g.String(), g.Until}
	err := a.mayGrant(g)
	if err == nil {
		err = answerable(a.decrees.grants.Add(g))
	}
	if err != nil {
		a.recordDecree(d, true, g.Reason, err)
		return admin.Granted{}, err
	}
	a.log.Warn("grant", "rule", g.Rule(), "of", g.String(), "reason", g.Reason, "by", by.Name, "until", g.Until)
	r := a.recordDecree(d, true, g.Reason, nil)
	a.journal.Append(&access.Record{ // somebody shall look at it
		Kind: journal.KindFinding, Operation: opGrant, Detection: "break-glass grant", Confidence: "high", Principal: g.Principal,
		Actor: by.Record(), Target: r.Target, Reason: g.Reason, Expires: r.Expires,
	})
	return admin.Granted{Grant: g, Warning: a.kept("grants", a.decrees.grants.Save())}, nil
}

// mayGrant says what keeps a grant from being given.
func (a *App) mayGrant(g *policy.Grant) error {
	c := a.Config().Policy
	if most := c.MaxGrant; g.Until.Sub(g.From) > most {
		return fmt.Errorf("%w: it may hold for %s at most (policy.max_grant)", admin.ErrRefused, most)
	}
	if a.law.engine.Status().Revision == "" {
		return fmt.Errorf("%w: there is no policy that would honour it: everything is allowed", admin.ErrRefused)
	}
	return nil
}

func (a *App) revokeGrant(id, reason string, by admin.Actor) (admin.Granted, error) {
	g, err := a.decrees.grants.Remove(id)
	if err != nil {
		return admin.Granted{}, answerable(err)
	}
	a.log.Warn("a grant is revoked", "rule", g.Rule(), "of", g.String(), "reason", reason, "by", by.Name)
	a.recordDecree(&decree{opGrant, by, g, g.Rule() + ": " + g.String(), g.Until}, false, reason, nil)
	revoked := admin.Granted{Grant: g}
	if w := a.kept("grants", a.decrees.grants.Save()); w != "" {
		revoked.Warning = "it is revoked, but comes back when the proxy starts again: " + w
	}
	return revoked, nil
}
