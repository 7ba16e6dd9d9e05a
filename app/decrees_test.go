package app

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/admin"
	"doorkeeper/config"
	"doorkeeper/journal"
	"doorkeeper/policy"
	"doorkeeper/quarantine"

	"github.com/oklog/ulid/v2"
)

var responder = admin.Actor{Name: "soc", Role: admin.Responder, Source: "10.0.0.1:1", Method: "token"}

func newQuarantine(principal string, holds time.Duration) *quarantine.Quarantine {
	now := time.Now().UTC()
	q := &quarantine.Quarantine{ID: ulid.Make().String(), Principal: principal, Reason: "stolen", Actor: "soc", From: now}
	if holds != 0 {
		q.Until = now.Add(holds)
	}
	return q
}

func newGrant(holds time.Duration) *policy.Grant {
	now := time.Now().UTC()
	return &policy.Grant{
		ID: ulid.Make().String(), Principal: "User:alice", Operation: access.OpRead, Type: access.ResTopic, Name: "payroll",
		From: now, Until: now.Add(holds), Reason: "incident", Actor: "bob",
	}
}

// decreed lists the QUARANTINE and GRANT records so far.
func (r *running) decreed(operation string) []*access.Record {
	var all []*access.Record
	for _, record := range r.control() {
		if record.Operation == operation {
			all = append(all, record)
		}
	}
	return all
}

// What was decreed holds before anything listens, and what ended while the proxy was down has ended.
func TestDecreesSurvive(t *testing.T) {
	h := newHome(t)
	text := yaml(listener("a", ""), "watch: false\npolicy: {paths: [law.rego]}\n")
	h.write("law.rego", honours)
	r := h.start(text)
	if e, err := r.addQuarantine(newQuarantine("User:erp", 0), false, false, responder); err != nil || e.Warning != "" {
		t.Fatal(e, err)
	}
	if g, err := r.addGrant(newGrant(time.Hour), responder); err != nil || g.Warning != "" {
		t.Fatal(g, err)
	}
	r.stop()
	away, err := quarantine.Open(h.path("state/quarantine"))
	if err != nil {
		t.Fatal(err)
	}
	gone := newQuarantine("User:gone", time.Hour)
	gone.From, gone.Until = gone.From.Add(-2*time.Hour), gone.Until.Add(-2*time.Hour)
	if err := errors.Join(away.Add(gone), away.Save()); err != nil {
		t.Fatal(err)
	}

	r = h.start(text)
	if all := r.decrees.quarantines.All(); len(all) != 1 || all[0].Principal != "User:erp" || r.proxy.Stats().Quarantines != 1 {
		t.Errorf("in force: %v", all)
	}
	ends := r.decreed(opQuarantine)
	if len(ends) != 2 || !strings.Contains(ends[0].Target, "User:erp") {
		t.Fatalf("recorded, of both processes: %v", ends)
	}
	if end := ends[1]; !strings.Contains(end.Target, "User:gone") || end.Actor.Method != "expiry" || end.Before == "" || end.After != "" {
		t.Errorf("recorded: %v", ends)
	}
	if !r.may("User:alice", "payroll") {
		t.Error("the grant is forgotten")
	}
	if !strings.Contains(h.log.String(), "quarantines are in force") {
		t.Error("the log does not say that somebody is kept out")
	}
}

// honours is a policy that allows what is granted and nothing else.
const honours = `package doorkeeper

decision := {"allow": true, "record": "each"} if {
	some g in data.grants[sprintf("%s:%s", [input.principal.type, input.principal.name])]
	g.operation == input.action.operation
	g.resource.type == input.action.resource.type
	g.resource.name == input.action.resource.name
} else := {"allow": false}
`

func TestGrantsReachThePolicy(t *testing.T) {
	h := newHome(t)
	h.write("law.rego", honours)
	r := h.start(yaml(listener("a", ""), "watch: false\npolicy: {paths: [law.rego], max_grant: 1h}\n"))
	if r.may("User:alice", "payroll") {
		t.Fatal("allowed without a grant")
	}
	g := newGrant(time.Hour)
	if _, err := r.addGrant(g, responder); err != nil {
		t.Fatal(err)
	}
	if !r.may("User:alice", "payroll") || r.may("User:bob", "payroll") || r.may("User:alice", "orders") {
		t.Error("the grant does not give what it says")
	}
	if _, err := r.addGrant(newGrant(2*time.Hour), responder); !errors.Is(err, admin.ErrRefused) {
		t.Error("longer than policy.max_grant:", err)
	}
	if _, err := r.revokeGrant(g.ID, "over", responder); err != nil {
		t.Fatal(err)
	}
	if r.may("User:alice", "payroll") {
		t.Error("allowed after it was revoked")
	}
	if _, err := r.revokeGrant(g.ID, "", responder); !errors.Is(err, admin.ErrUnknown) {
		t.Error("revoked twice:", err)
	}
	short := newGrant(100 * time.Millisecond)
	if _, err := r.addGrant(short, responder); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the grant ends by itself", func() bool { return len(r.decreed(opGrant)) == 5 })
	if r.may("User:alice", "payroll") || len(r.decrees.grants.All()) != 0 {
		t.Error("it holds after its end")
	}
	var outcomes []string
	for _, record := range r.decreed(opGrant) {
		outcomes = append(outcomes, fmt.Sprintf("%s %s before %v after %v", record.Actor.Name, record.Outcome, record.Before != "", record.After != ""))
	}
	self := process().Name
	want := []string{"soc  before false after true", "soc refused before false after false", "soc  before true after false", "soc  before false after true", self + "  before true after false"}
	if fmt.Sprint(outcomes) != fmt.Sprint(want) {
		t.Errorf("recorded %q, want %q", outcomes, want)
	}
	if n := r.journal.Stats().Kinds[journal.KindFinding]; n != 2 {
		t.Errorf("%d findings of grants", n)
	}
}

// Where no policy decides there is nothing to grant.
func TestGrantWithoutPolicy(t *testing.T) {
	r := newHome(t).start(yaml(listener("a", ""), "watch: false\n"))
	if _, err := r.addGrant(newGrant(time.Hour), responder); !errors.Is(err, admin.ErrRefused) || !strings.Contains(err.Error(), "no policy") {
		t.Error(err)
	}
}

func TestProtectedPrincipals(t *testing.T) {
	r := newHome(t).start(yaml(listener("a", ""), "watch: false\npolicy: {protected: [\"User:payments\"]}\n"))
	q := newQuarantine("User:payments", 0)
	if e, err := r.addQuarantine(q, true, false, responder); err != nil || !e.DryRun || fmt.Sprint(e.Protected) != "[User:payments]" {
		t.Errorf("a dry run says %+v, %v", e, err)
	}
	if _, err := r.addQuarantine(q, false, false, responder); !errors.Is(err, admin.ErrRefused) || !strings.Contains(err.Error(), "--force") {
		t.Error(err)
	}
	if r.decrees.quarantines.Set() != nil {
		t.Error("it holds all the same")
	}
	if _, err := r.addQuarantine(q, false, true, responder); err != nil || r.decrees.quarantines.Set() == nil {
		t.Error(err)
	}
	records := r.decreed(opQuarantine)
	if len(records) != 2 || records[0].Outcome != journal.OutcomeRefused || records[0].After != "" || records[1].After == "" || records[1].Actor.Role != "responder" {
		t.Errorf("recorded %v", records)
	}
}

// A disk that cannot be written does not keep the switch from working, and everybody hears of it.
func TestQuarantineOnAFullDisk(t *testing.T) {
	h := newHome(t)
	r := h.start(yaml(listener("a", ""), "watch: false\n"))
	if err := os.MkdirAll(h.path("state/quarantine.new/in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	q := newQuarantine("User:erp", 0)
	e, err := r.addQuarantine(q, false, false, responder)
	if err != nil || !strings.Contains(e.Warning, "not on disk") || r.decrees.quarantines.Set() == nil {
		t.Errorf("%+v, %v", e, err)
	}
	l, err := r.liftQuarantine(q.ID, "", responder)
	if err != nil || !strings.Contains(l.Warning, "comes back") || r.decrees.quarantines.Set() != nil {
		t.Errorf("%+v, %v", l, err)
	}
	if !strings.Contains(h.log.String(), "is not on disk") {
		t.Error("the log says nothing")
	}
}

func TestUnreadableDecreesDoNotStart(t *testing.T) {
	for _, name := range []string{"quarantine", "grants"} {
		h := newHome(t)
		if err := os.Mkdir(h.path("state"), 0o700); err != nil {
			t.Fatal(err)
		}
		h.write("state/"+name, `{"version":1,"entries":[{"principle":"User:erp"}]}`)
		h.write("doorkeeper.yaml", yaml(listener("a", ""), "watch: false\n"))
		c, err := config.Load(h.path("doorkeeper.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(c, Options{Version: "test", Log: h.log})
		mustContain(t, err, name, "cannot be understood", `unknown field "principle"`, "put back a good copy")
	}
}
