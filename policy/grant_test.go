package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"

	"github.com/google/go-cmp/cmp"
)

func aGrant() *Grant {
	from := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	return &Grant{
		ID: "01JD0000000000000000000001", Principal: "User:alice", Operation: access.OpRead, Type: access.ResTopic, Name: "payroll",
		From: from, Until: from.Add(time.Hour), Reason: "incident 4711", Actor: "bob",
	}
}

func TestGrantsSurvive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grants")
	var seen []Grant
	g, err := OpenGrants(path, func(all []Grant) { seen = all })
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Add(aGrant()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Grant{*aGrant()}, seen); diff != "" {
		t.Error("it does not hold at once:", diff)
	}
	if err := g.Save(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	seen = nil
	again, err := OpenGrants(path, func(all []Grant) { seen = all })
	if err != nil || len(again.All()) != 1 {
		t.Fatal(again, err)
	}
	if diff := cmp.Diff([]Grant{*aGrant()}, seen); diff != "" {
		t.Error(diff)
	}
	if ended := again.Expire(aGrant().Until); len(ended) != 1 || len(seen) != 0 {
		t.Errorf("%v ended, %v are left", ended, seen)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenGrants(path, func([]Grant) {}); err == nil || !strings.Contains(err.Error(), path) {
		t.Error("a broken file is taken for none:", err)
	}
}

func TestGrantCheck(t *testing.T) {
	if err := aGrant().Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(g *Grant){
		"id":           func(g *Grant) { g.ID = "1" },
		"principal":    func(g *Grant) { g.Principal = "alice" },
		"everybody":    func(g *Grant) { g.Principal = access.Anonymous },
		"no reason":    func(g *Grant) { g.Reason = "\n" },
		"long reason":  func(g *Grant) { g.Reason = strings.Repeat("x", maxGrantText+1) },
		"bytes":        func(g *Grant) { g.Name, g.Type = "\xff", access.ResGroup },
		"operation":    func(g *Grant) { g.Operation = access.OpNone },
		"type":         func(g *Grant) { g.Type = access.ResNone },
		"no resource":  func(g *Grant) { g.Name = "" },
		"all":          func(g *Grant) { g.Name, g.Type = "*", access.ResGroup },
		"topic prefix": func(g *Grant) { g.Name = "pay*" },
		"cluster":      func(g *Grant) { g.Type = access.ResCluster },
		"no end":       func(g *Grant) { g.Until = time.Time{} },
		"no time":      func(g *Grant) { g.Until = g.From },
	} {
		g := aGrant()
		change(g)
		if g.Check() == nil {
			t.Errorf("%s is accepted: %v", name, g)
		}
	}
}

func TestGrantData(t *testing.T) {
	g := aGrant()
	want := map[string]any{"User:alice": []any{map[string]any{
		"id": g.ID, "operation": "READ", "resource": map[string]any{"type": "TOPIC", "name": "payroll", "pattern": "LITERAL"},
		"until": "2026-11-23T04:00:00Z", "reason": "incident 4711", "actor": "bob",
	}}}
	if diff := cmp.Diff(want, GrantData([]Grant{*g})); diff != "" {
		t.Error(diff)
	}
}
