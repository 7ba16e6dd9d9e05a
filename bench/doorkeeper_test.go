//go:build linux

package main

import (
	"io"
	"strings"
	"testing"
)

func TestParseMoves(t *testing.T) {
	page := `# TYPE doorkeeper_relay_bytes_total counter
doorkeeper_relay_bytes_total{direction="request",mode="user"} 5
doorkeeper_relay_bytes_total{direction="response",mode="user"} 100
doorkeeper_relay_bytes_total{direction="response",mode="kernel"} 9e+02
doorkeeper_relay_calls_total{call="read",direction="request"} 1
doorkeeper_relay_calls_total{call="write",direction="response"} 2
doorkeeper_relay_calls_total{call="peek",direction="response"} 10
doorkeeper_relay_calls_total{call="splice",direction="response"} 30
doorkeeper_policy_evaluations_total{policy="running"} 3
doorkeeper_policy_cache_hits_total 40
doorkeeper_policy_reloads_total{result="done"} 2
doorkeeper_policy_reloads_total{result="refused"} 1
doorkeeper_sessions 4
`
	got, err := parseMoves(page)
	if want := (moves{calls: 1 + 2 + 2*10 + 30, bytes: 1000, kernel: 900, decisions: 43, swaps: 2}); err != nil || got != want {
		t.Errorf("parseMoves = %+v, %v; want %+v", got, err, want)
	}
	if _, err := parseMoves("doorkeeper_sessions 4\n"); err == nil {
		t.Error("a page without the counters was taken")
	}
}

func TestFlags(t *testing.T) {
	o, err := parse([]string{"-peer", "a=x {listen} {upstream}", "-peer-tls", "a=y {listen} {upstream}", "-peer", "b=z {port}", "-rows", "^ping"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.peers) != 2 || o.peers[0] != (peer{"a", "x {listen} {upstream}", "y {listen} {upstream}"}) || o.peers[1].tlsCommand != "" {
		t.Errorf("peers = %q", o.peers)
	}
	if o.rounds != minRounds || !o.match.MatchString("ping-tls") || o.match.MatchString("idle") {
		t.Errorf("options = %+v", o)
	}
	for _, args := range [][]string{
		{"-peer", "x"}, {"-peer", "=x {listen}"}, {"-peer", "a=x"}, {"-rows", "("}, {"-backend", "real"}, {"-rounds", "-1"},
		{"-log", "10"}, {"-bootstrap-tls", "a:1"}, {"stray"},
	} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

// TestRows: names are unique, and each row's baseline and checks speak of subjects that it has.
func TestRows(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rows(false) {
		if seen[r.name] {
			t.Errorf("%s is there twice", r.name)
		}
		seen[r.name] = true
		has := map[string]bool{"": true, kafkaProxy: true, kafkaProxy64: true}
		for _, s := range r.subjects {
			has[s] = true
			if s != direct && !keeps(s) && relayModes[s] == "" {
				t.Errorf("%s: nobody knows how to start %s", r.name, s)
			}
		}
		if !has[r.baseline] {
			t.Errorf("%s has no %s", r.name, r.baseline)
		}
		for _, c := range r.checks {
			if !has[c.subject] || !has[c.baseline] {
				t.Errorf("%s: a check of %s against %s", r.name, c.subject, c.baseline)
			}
			if _, shown := metrics[c.metric]; !shown {
				t.Errorf("%s: no title for %s", r.name, c.metric)
			}
		}
		for _, m := range r.load.columns() {
			if metrics[m].title == "" || !strings.Contains(metrics[m].format, "%") {
				t.Errorf("%s: how is %s shown?", r.name, m)
			}
		}
	}
}
