package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"doorkeeper/access"
	"doorkeeper/admin"
	"doorkeeper/config"
	"doorkeeper/journal"
	"doorkeeper/policy"
	"doorkeeper/policy/tool"
)

// policyStatus shows the policy to the admin API.
func (a *App) policyStatus() admin.PolicyStatus {
	s, n := a.law.engine.Status(), a.law.engine.Stats()
	p := admin.PolicyStatus{
		Mode: a.policyMode(), Revision: s.Revision, Origin: s.Origin, Decision: s.Decision, Loaded: s.Loaded.UTC(),
		Epoch: s.Epoch, Candidate: s.Candidate,
		Counts: admin.Evaluation{
			Evaluations: n.Evaluations, CacheHits: n.Hits, Errors: n.Errors, Deadlines: n.Deadlines, CandidateErrors: n.Candidate.Errors,
		},
		Failure: failure(n.Last), Trial: failure(n.Candidate.Last),
	}
	if s.Revision != "" {
		p.Input, p.Deadline = s.Input.String(), s.Deadline.String()
	}
	l := a.law
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused != nil {
		p.Refused = l.refused.Error()
	}
	if l.source != nil {
		b := l.source.Status()
		p.Bundle = &admin.Bundle{URL: b.URL, Name: b.Bundle, Checked: b.Checked.UTC(), Problem: b.Problem, Outdated: b.Outdated}
	}
	if c := l.catalog; c != nil {
		p.Catalog = &admin.Catalog{File: a.Config().Catalog, Topics: len(c.Topics), Principals: len(c.Principals)}
		if l.stale != nil {
			p.Catalog.Stale = l.stale.Error()
		}
	}
	return p
}

func failure(f *policy.Failure) *admin.Failure {
	if f == nil {
		return nil
	}
	return &admin.Failure{At: f.At.UTC(), Reason: f.Reason}
}

// policyMode is the policy's, "none" without one.
func (a *App) policyMode() string {
	if s := a.law.engine.Status(); s.Revision != "" {
		return s.Mode.String()
	}
	return "none"
}

// why answers what the policy says of an action and why: of one that a record is about, or of one that is asked about.
func (a *App) why(ctx context.Context, q admin.WhyQuery) (*admin.Why, error) {
	why := &admin.Why{Proxy: a.Config().ProxyID, Mode: a.policyMode(), Policy: a.law.engine.Status().Revision, Now: []admin.WhyNow{}}
	if q.Ref != "" {
		return why, a.whyRecord(ctx, why, q.Ref)
	}
	question := &tool.Question{
		Principal: q.Principal, Operation: q.Operation, Resource: q.Resource, Source: q.Source, ClientID: q.ClientID, ReplicaID: -1,
	}
	request, action, err := question.Request()
	if err != nil {
		return nil, err
	}
	if q.Source == "" {
		request.Session.Source, request.Session.Peer = netip.AddrPort{}, netip.AddrPort{} // nobody said one
	}
	return why, a.whyAction(ctx, why, request, action, q.Source != "" || q.ClientID != "")
}

// whyAction asks the engine for every live session of the principal, or where there is none (or something else is to be
// supposed), for one that is made up.
func (a *App) whyAction(ctx context.Context, why *admin.Why, request *access.Request, action *access.Action, supposed bool) error {
	why.Principal, why.Operation, why.ResourceType, why.Resource = request.Identity.Principal, action.Operation.String(), action.Type.String(), action.Name
	a.nameOwners(why)
	asked := map[string]int{} // answer -> its place in why.Now
	if !supposed {
		for _, live := range a.proxy.Askers(why.Principal) {
			live.API, live.Version, live.Group, live.TransactionalID, live.ReplicaID = request.API, request.Version, request.Group, request.TransactionalID, request.ReplicaID
			if err := a.whyNow(ctx, why, asked, &live, action, 1); err != nil {
				return err
			}
		}
	}
	if len(why.Now) > 0 {
		return nil
	}
	return a.whyNow(ctx, why, asked, request, action, 0)
}

// mostAnswers bounds how many different answers are shown: a principal may be connected from everywhere.
const mostAnswers = 20

// whyNow adds one answer; sessions that see the same share it.
func (a *App) whyNow(ctx context.Context, why *admin.Why, asked map[string]int, r *access.Request, action *access.Action, sessions int) error {
	now := admin.WhyNow{Sessions: sessions, ClientID: r.Client.ID, Auth: r.Identity.Auth, Software: r.Client.SoftwareName}
	if r.Session.Source.IsValid() {
		now.Source = r.Session.Source.Addr().Unmap().String()
	}
	if r.Client.SoftwareVersion != "" {
		now.Software += "/" + r.Client.SoftwareVersion
	}
	key := strings.Join([]string{now.Source, now.ClientID, now.Software, now.Auth, r.Session.Cluster, r.Session.Listener}, "\x00")
	if i, ok := asked[key]; ok {
		why.Now[i].Sessions += sessions
		return nil
	}
	if len(why.Now) == mostAnswers {
		return nil
	}
	if now.Said = a.quarantined(r, action); now.Said != nil {
		now.Quarantined = true
	} else {
		x, err := a.law.engine.Explain(ctx, r, action)
		if err != nil {
			return err
		}
		now.Said = x.Said()
	}
	asked[key] = len(why.Now)
	why.Now = append(why.Now, now)
	return nil
}

// nameOwners says whose topic and principal it is, and how to ask for access.
func (a *App) nameOwners(why *admin.Why) {
	c := a.law.owners()
	if c == nil {
		return
	}
	why.Catalog = a.Config().Catalog
	if e, ok := c.Topics[why.Resource]; ok && why.ResourceType == access.ResTopic.String() {
		why.Topic = whyEntry(why.Resource, e)
	}
	if e, ok := c.Principals[why.Principal]; ok {
		why.Owner = whyEntry(why.Principal, e)
	}
}

func whyEntry(name string, e config.Entry) *admin.WhyEntry {
	return &admin.WhyEntry{Name: name, Owner: e.Owner, Contact: e.Contact, Access: e.Access, Tags: e.Tags, Description: e.Description}
}

// whyRecord shows a record, and what the policy says of its action today.
func (a *App) whyRecord(ctx context.Context, why *admin.Why, ref string) error {
	r, err := a.findRecord(ctx, ref)
	if err != nil {
		return err
	}
	why.Record = json.RawMessage(access.AppendJSON(nil, r))
	why.Principal, why.Operation, why.ResourceType, why.Resource = r.Principal, r.Operation, r.ResourceType, r.Resource
	a.nameOwners(why)
	if r.Kind != journal.KindAccess {
		return nil
	}
	// A record of an API that asks for nothing, or of many resources, has no one action that could be asked about.
	question := questionOf(r)
	request, action, err := question.Request()
	if err != nil || r.Resource == "" {
		return nil //nolint:nilerr // the record itself is the answer
	}
	return a.whyNow(ctx, why, map[string]int{}, request, action, 0)
}

// questionOf is what the policy was asked for a record, as far as the record keeps it.
func questionOf(r *access.Record) *tool.Question {
	q := &tool.Question{
		Cluster: r.Cluster, Listener: r.Listener, Principal: r.Principal, Auth: r.Auth, Source: r.Source, ClientID: r.ClientId,
		Software: r.Software, TLSSubject: r.TlsSubject, JA4: r.Ja4, API: r.Api, Version: int16(r.GetApiVersion()), Group: r.Group,
		TransactionalID: r.TransactionalId, ReplicaID: -1, Operation: r.Operation, Resource: r.ResourceType + ":" + r.Resource,
	}
	if r.ReplicaId != nil {
		q.ReplicaID = r.GetReplicaId()
	}
	return q
}

// findRecord looks for a record by its id, or by journal:seq, as far back as the journal reaches.
func (a *App) findRecord(ctx context.Context, ref string) (*access.Record, error) {
	head := a.journal.Head()
	after, err := journal.ParsePosition(ref)
	byPosition := err == nil
	if byPosition && after.Journal != head.Journal {
		return nil, fmt.Errorf("%w: %s is another journal, and this one's records begin with %s:1", admin.ErrNoRecord, after.Journal, head.Journal)
	}
	var oldest *access.Record
	for r := range a.journal.Follow(ctx, journal.Position{}) {
		if r.Kind == journal.KindGap { // what the ring has lost
			continue
		}
		if r.Id == ref || byPosition && r.Seq == after.Seq {
			return r, nil
		}
		if oldest == nil {
			oldest = r
		}
		if r.Seq >= head.Seq {
			break
		}
	}
	reach := "there are no records yet"
	if oldest != nil {
		reach = "the records in the journal begin with " + journal.PositionOf(oldest).String()
	}
	return nil, fmt.Errorf("%w: %s; %s, older ones are with the sinks", admin.ErrNoRecord, ref, reach)
}
