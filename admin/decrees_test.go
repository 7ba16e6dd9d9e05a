package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorkeeper/policy"
	"doorkeeper/quarantine"
)

// decrees stand in for the app's.
type decrees struct {
	mu          sync.Mutex
	quarantines []*quarantine.Quarantine
	grants      []*policy.Grant
	asked       []string // how an add was asked for
}

func (f *fixture) quarantines() Quarantines {
	d := &f.decrees
	return Quarantines{
		All: func() []*quarantine.Quarantine { d.mu.Lock(); defer d.mu.Unlock(); return d.quarantines },
		Add: func(q *quarantine.Quarantine, dryRun, force bool, by Actor) (Effect, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.asked = append(d.asked, fmt.Sprintf("%s dry %v force %v by %s: %s", q.Reason, dryRun, force, by.Name, q))
			if q.Principal == "User:payments" && !force {
				return Effect{}, fmt.Errorf("%w: protected", ErrRefused)
			}
			if !dryRun {
				d.quarantines = append(d.quarantines, q)
			}
			sessions := []Session{{ID: "01", Principal: "User:a\x1b[2J", Source: "[2001:db8::1]:5"}}
			return Effect{Quarantine: q, DryRun: dryRun, Cuts: !q.Limited(), Sessions: sessions, Applications: Applications(sessions)}, nil
		},
		Lift: func(id, reason string, _ Actor) (Lifted, error) {
			return Lifted{}, fmt.Errorf("%w: %s", ErrUnknown, id)
		},
	}
}

func (f *fixture) grants() Grants {
	d := &f.decrees
	return Grants{
		All: func() []*policy.Grant { d.mu.Lock(); defer d.mu.Unlock(); return d.grants },
		Add: func(g *policy.Grant, _ Actor) (Granted, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.grants = append(d.grants, g)
			return Granted{Grant: g, Warning: "but"}, nil
		},
		Revoke: func(id, _ string, _ Actor) (Granted, error) { return Granted{}, fmt.Errorf("%w: %s", ErrUnknown, id) },
	}
}

// post sends a body as a role, and returns the status and what came back.
func (f *fixture) post(role, path, body string) (int, string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, "http://"+f.address+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret of "+role)
	resp, err := f.clients["tcp"].Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	var text strings.Builder
	if _, err := fmt.Fprint(&text, resp.Header.Get("Content-Type"), " "); err != nil {
		f.t.Fatal(err)
	}
	var raw json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&raw); err != nil {
		f.t.Fatal(err)
	}
	return resp.StatusCode, text.String() + string(raw)
}

func TestAddQuarantine(t *testing.T) {
	f := start(t, nil)
	status, text := f.post("responder", "/api/v1/quarantine", `{"principal":"User:erp","sources":["10.1.2.3","::ffff:192.168.0.0/112"],
		"except_sources":["10.0.0.0/8"],"certificate":"`+strings.Repeat("AB:", 31)+`AB","ja4":"T13D1516H2_8daaf6152771_02713d6af862",
		"operations":["read"],"topics":["payroll"],"reason":"stolen","for":"2h","dry_run":true,"force":true}`)
	if status != 200 || !strings.Contains(text, `"dry_run":true,"cuts":false,"sessions":[{`) || !strings.Contains(text, `"sources":["2001:db8::1"]`) {
		t.Errorf("%d %s", status, text)
	}
	want := []string{"stolen dry true force true by the responder: principal User:erp; source 10.1.2.3/32, 192.168.0.0/16; except source 10.0.0.0/8; certificate " +
		strings.Repeat("ab", 32) + "; ja4 t13d1516h2_8daaf6152771_02713d6af862; only READ; only on topic payroll"}
	if diff := cmp.Diff(want, f.decrees.asked); diff != "" {
		t.Error(diff)
	}

	status, text = f.post("operator", "/api/v1/quarantine", `{"id":"01jd0000000000000000000001","client_id":"a\u001b[2J\n","reason":"r","until":"2999-01-01T00:00:00Z"}`)
	if status != 200 || strings.Contains(text, "\x1b") {
		t.Errorf("%d %s", status, text)
	}
	_, listed := f.call("tcp", "GET", "/api/v1/quarantine", "secret of viewer")
	if !strings.Contains(listed, `"id":"01JD0000000000000000000001","client_id":"a\u001b[2J\n","reason":"r","actor":"the operator"`) || !strings.Contains(listed, `"until":"2999-01-01T00:00:00Z"`) {
		t.Error(listed)
	}
	if status, text = f.post("operator", "/api/v1/quarantine", `{"principal":"User:payments","reason":"r"}`); status != http.StatusConflict {
		t.Errorf("%d %s", status, text)
	}
}

// A condition that is misspelt, or of another form, must not be none: nothing is cut, and the caller hears why.
func TestQuarantineBodies(t *testing.T) {
	f := start(t, nil)
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"principal":"User:erp"}`, `{"reason":"r"}`, `{"principle":"User:erp","reason":"r"}`,
		`{"principal":"User:erp","reason":"r"}{}`, `{"principal":"User:erp","reason":"r","source":"10.0.0.0/8"}`,
		`{"principal":"User:erp","reason":"r","sources":"10.0.0.0/8"}`, `{"sources":["10.0.0.0/33"],"reason":"r"}`,
		`{"principal":"User:erp","except_sources":["x"],"reason":"r"}`, `{"except_sources":["10.0.0.0/8"],"reason":"r"}`,
		`{"principal":"User:erp","reason":"r","operations":["REED"]}`, `{"principal":"User:erp","reason":"r","topics":["a*"]}`,
		`{"principal":"User:erp","reason":"r","for":"-2h"}`, `{"principal":"User:erp","reason":"r","for":"soon"}`,
		`{"principal":"User:erp","reason":"r","until":"2001-01-01T00:00:00Z"}`, `{"principal":"User:erp","reason":"r","for":"1h","until":"2999-01-01T00:00:00Z"}`,
		`{"principal":"User:erp","reason":"r","id":"1"}`, `{"principal":"` + strings.Repeat("x", 70<<10) + `","reason":"r"}`,
	} {
		if status, text := f.post("operator", "/api/v1/quarantine", body); status != http.StatusBadRequest || !strings.Contains(text, `{"error":"`) {
			t.Errorf("%.100s: %d %s", body, status, text)
		}
	}
	if len(f.decrees.asked) != 0 {
		t.Errorf("added: %q", f.decrees.asked)
	}
}

func TestAddGrant(t *testing.T) {
	f := start(t, nil)
	status, text := f.post("operator", "/api/v1/grants", `{"principal":"User:alice","operation":"read","resource":"payroll","reason":"r","for":"1h"}`)
	if status != 200 || !strings.Contains(text, `"operation":"READ","resource_type":"TOPIC","resource":"payroll"`) || !strings.Contains(text, `"warning":"but"`) {
		t.Errorf("%d %s", status, text)
	}
	g := f.decrees.grants[0]
	if g.Actor != "the operator" || g.Until.Sub(g.From) != time.Hour || g.ID == "" {
		t.Errorf("%+v", g)
	}
	for _, body := range []string{
		`{}`, `{"principal":"User:alice","operation":"read","resource":"payroll","reason":"r"}`,
		`{"principal":"User:alice","operation":"read","resource":"payroll","resource_type":"X","reason":"r","for":"1h"}`,
		`{"principal":"User:alice","operation":"all","resource":"payroll","reason":"r","for":"1h"}`,
		`{"principal":"User:alice","operation":"read","topic":"payroll","reason":"r","for":"1h"}`,
	} {
		if status, text := f.post("operator", "/api/v1/grants", body); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if len(f.decrees.grants) != 1 {
		t.Errorf("%d were granted", len(f.decrees.grants))
	}
}

func TestApplications(t *testing.T) {
	var sessions []Session
	add := func(principal, client, source string, n int) {
		for i := range n {
			sessions = append(sessions, Session{Principal: principal, ClientID: client, Source: fmt.Sprintf(source, i)})
		}
	}
	add("User:a", "one", "10.0.0.1:%d", 2)
	add("User:a", "two", "10.0.0.%d:1", 9)
	add("User:b", "one", "", 1)
	sessions[len(sessions)-1].Source = "" // not known: no address, and no panic
	want := []Application{
		{Principal: "User:a", ClientID: "two", Sources: []string{"10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"}, Sessions: 9},
		{Principal: "User:a", ClientID: "one", Sources: []string{"10.0.0.1"}, Sessions: 2},
		{Principal: "User:b", ClientID: "one", Sources: []string{""}, Sessions: 1},
	}
	if diff := cmp.Diff(want, Applications(sessions)); diff != "" {
		t.Error(diff)
	}
}
