//go:build linux

package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/policy"
	"doorkeeper/policy/library"
)

// TestEstate: the policy loads, has what it says, and lets the bench do its work, now and in the rounds to come.
func TestEstate(t *testing.T) {
	b := &bench{backend: &backend{plain: &cluster{prefix: "p"}}, targets: 3}
	dir, size := t.TempDir(), estates[keeperPolicy]
	for name, text := range library.Files() {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.writeData(dir, size); err != nil {
		t.Fatal(err)
	}
	rules, err := policy.ReadPaths([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	e, err := policy.New(policy.Options{Rules: rules, Deadline: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	topics, settings := b.estate(size)
	if p := settings["access"].(map[string]any); len(topics) != size.topics || len(p) != size.principals {
		t.Errorf("%d topics, %d principals", len(topics), len(p))
	}
	here := netip.MustParseAddrPort("127.0.0.1:50000")
	s := &access.Session{Source: here, Peer: here}
	session := e.Session(s)
	ask := func(op access.Operation, name string) *access.Decision {
		r := &access.Request{Session: s, Identity: &access.Identity{Principal: benchPrincipal}, Client: &access.Client{}, ReplicaID: -1}
		return session.Decide(r, &access.Action{Operation: op, Type: access.ResTopic, Name: name})
	}
	for _, name := range []string{"p-140", "p-16384", "p-4-to-140", "p-120-to-16384"} {
		for _, op := range []access.Operation{access.OpRead, access.OpWrite, access.OpDescribe} {
			d := ask(op, name)
			if d.Verdict != access.Allow {
				t.Errorf("%s of %s: %+v", op, name, d)
			}
			if op != access.OpDescribe && (d.Limits == nil || d.Limits.FetchBytesPerSecond == 0 || d.Limits.ProduceBytesPerSecond == 0) {
				t.Errorf("%s of %s has no rate: %+v", op, name, d.Limits)
			}
		}
	}
	if d := ask(access.OpRead, "topic-50"); d.Verdict != access.Deny {
		t.Errorf("another's topic: %+v", d)
	}
	if names := b.estateNames(); slices.Contains(names, "p-3-to-140") {
		t.Error("a topic that was written to already is still in the catalog")
	}
}
