//go:build linux

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// The policy of some rows is one as a company has it: the starter rules, roles as tags of topics, principals of ten roles
// each, topics in the catalog, budgets for everybody, and a rate for each principal. Nobody is slowed down by it.
type estate struct {
	roles, principals, topics int
	rate                      int64 // bytes a second of each principal; 0: more than anybody moves
}

// estates are the policies of the subjects that have one.
var estates = map[string]estate{
	keeperPolicy:      {roles: 200, principals: 100, topics: 500},
	keeperPolicyAgain: {roles: 200, principals: 100, topics: 500},
	keeperBig:         {roles: 10_000, principals: 1000, topics: 5000},
	keeperRate:        {roles: 200, principals: 100, topics: 500, rate: 10 << 20},
}

const rolesEach = 10

// benchPrincipal is who the bench's clients are: they do not log in.
const benchPrincipal = "User:ANONYMOUS"

// rates is the file that stands beside the starter rules.
const rates = `# Rates.
#
# How fast a principal may read and write: settings.rates.
package doorkeeper

limits["fetch_bytes_per_second"] := data.settings.rates[principal] if input.action.resource.type == "TOPIC"

limits["produce_bytes_per_second"] := data.settings.rates[principal] if input.action.resource.type == "TOPIC"
`

// writeEstate writes that policy into a directory.
func (b *bench) writeEstate(dir string, e estate) error {
	if said, err := exec.Command(b.doorkeeper, "policy", "init", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("policy init: %w: %s", err, said)
	}
	return b.writeData(dir, e)
}

// plentiful is a rate that nobody reaches.
const plentiful = int64(1) << 42

// writeData writes what is not the starter rules' own.
func (b *bench) writeData(dir string, e estate) error {
	topics, settings := b.estate(e)
	for name, value := range map[string]any{"catalog.json": map[string]any{"catalog": map[string]any{"topics": topics}}, "settings.yaml": map[string]any{"settings": settings}} {
		text, err := json.Marshal(value) // which is YAML, too
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "rates.rego"), []byte(rates), 0o644)
}

// estate is the catalog's topics, the bench's own among them, and the settings.
func (b *bench) estate(e estate) (topics, settings map[string]any) {
	rate := cmp.Or(e.rate, plentiful)
	role := func(i int) string { return fmt.Sprint("role-", i%e.roles) }
	topics = map[string]any{}
	for _, name := range b.estateNames() {
		topics[name] = map[string]any{"owner": "bench", "tags": []string{role(0)}}
	}
	for i := 0; len(topics) < e.topics; i++ {
		topics[fmt.Sprint("topic-", i)] = map[string]any{"owner": "team", "tags": []string{role(i), role(i + 7)}}
	}
	accesses, rates := map[string]any{}, map[string]any{}
	for i := range e.principals {
		name := benchPrincipal
		if i > 0 {
			name = fmt.Sprint("User:app-", i)
		}
		var roles []string
		for j := range rolesEach {
			roles = append(roles, role(i*rolesEach+j))
		}
		accesses[name] = map[string]any{"read": roles, "write": roles, "groups": []string{fmt.Sprint("group-", i)}}
		rates[name] = rate
	}
	return topics, map[string]any{
		"access": accesses, "rates": rates,
		"networks":     map[string]any{"*": []string{"127.0.0.0/8", "10.0.0.0/8"}},
		"egress":       map[string]any{"*": []any{map[string]any{"bytes": int64(1) << 60, "window": "24h"}}},
		"office_hours": map[string]any{}, "read_from": map[string]any{"max_age": "24h", "except": []string{}},
		"internal_topics": []string{}, "brokers": []string{},
	}
}

// estateNames are the bench's topics: those that are read, and the next ones that will be written to.
func (b *bench) estateNames() (names []string) {
	c := b.backend.plain
	for _, size := range []int{pingBatch, policyBatch} {
		names = append(names, fmt.Sprintf("%s-%d", c.prefix, size))
		for i := range 150 {
			names = append(names, c.targetName(b.targets+1+i, size))
		}
	}
	return names
}

// policyBatch is the size of a batch in the rows about policies.
const policyBatch = 16 * kib

// policyRows compare doorkeeper with itself: with no policy, and with one.
func policyRows(scale func(int64) int64) []row {
	share := check{metric: decisionShare, subject: keeperPolicy, how: absolute, limit: limit{At: 0.03}}
	more := func(m metric) check {
		return check{metric: m, subject: keeperPolicy, baseline: keeperName, how: difference, limit: limit{At: 0.05}}
	}
	rows := []row{{
		name: "policy-fetch-ping", about: "fetch, answers of 200 bytes, one after the other, without and under a policy",
		load: pingLoad{int(scale(8000))}, checks: []check{share, more(callsPerPing)},
	}, {
		name: "policy-fetch-16k", about: "backlog fetch, 1 connection, batches of 16 KiB, without and under a policy",
		load: fetchLoad{batch: policyBatch, conns: 1, bytes: scale(1 << 30)}, checks: []check{share},
	}, {
		name: "policy-produce-ping", about: "produce, batches of 140 bytes, one after the other, without and under a policy",
		load: produceLoad{batch: pingBatch, bytes: scale(8000) * pingBatch, alone: true}, checks: []check{share, more(callsPerFrame)},
	}, {
		name: "policy-produce-16k", about: "produce, 1 connection, 5 requests in flight, one batch of 16 KiB in each, without and under a policy",
		load: produceLoad{batch: policyBatch, bytes: scale(policyBatch << 14)}, checks: []check{share},
	}}
	for i := range rows {
		rows[i].load = policyLoad{rows[i].load}
		rows[i].alone, rows[i].subjects, rows[i].baseline = true, []string{keeperName, keeperAgain, keeperPolicy}, keeperName
	}
	return append(rows, row{
		name: "policy-big-ping", about: "fetch, answers of 200 bytes, one after the other, under a policy and one of 10,000 roles",
		load: policyLoad{pingLoad{int(scale(8000))}}, alone: true, subjects: []string{keeperPolicy, keeperPolicyAgain, keeperBig}, baseline: keeperPolicy,
		checks: []check{
			{metric: decisionNanos, subject: keeperBig, baseline: keeperPolicy, how: ratio, limit: limit{At: 1.1}},
			{metric: callsPerPing, subject: keeperBig, baseline: keeperPolicy, how: difference, limit: limit{At: 0.05}},
		},
	}, row{
		name: "policy-swap", about: "fetch, answers of 200 bytes, one after the other, while a policy of 10,000 roles is swapped",
		load: &swapLoad{after: time.Second}, alone: true, rounds: 20, subjects: []string{keeperBig}, baseline: keeperBig,
		checks: []check{
			{metric: gapApart, subject: keeperBig, how: absolute, limit: limit{At: 5}},
			{metric: swapSeconds, subject: keeperBig, how: absolute, limit: limit{At: 5}},
		},
	}, row{
		name: "noisy-denials", about: fmt.Sprintf("a tenant that fetches one message at a time, beside another with %d denials a second", denialsPerSecond),
		load: noisyLoad{int(scale(8000)), denials}, alone: true, subjects: []string{keeperPolicy}, baseline: keeperPolicy,
	}, row{
		name: "noisy-topics", about: "the same beside another that names a million topics in a request, again and again",
		load: noisyLoad{int(scale(8000)), million}, alone: true, subjects: []string{keeperPolicy}, baseline: keeperPolicy,
	}, row{
		name: "noisy-unseen", about: "the same beside another that makes the policy decide about new topics without end",
		load: noisyLoad{int(scale(8000)), unseen}, alone: true, subjects: []string{keeperPolicy}, baseline: keeperPolicy,
	}, rateRow("rate-fetch", false, scale), rateRow("rate-produce", true, scale))
}

func rateRow(name string, writes bool, scale func(int64) int64) row {
	what := "read"
	if writes {
		what = "written"
	}
	return row{
		name: name, about: fmt.Sprintf("what is %s at full speed under a rate of %d MiB a second", what, estates[keeperRate].rate>>20),
		load: rateLoad{writes, time.Duration(scale(int64(time.Minute)))}, alone: true, rounds: 3, subjects: []string{keeperRate}, baseline: keeperRate,
		checks: []check{
			{metric: rateShare, subject: keeperRate, how: absolute, limit: limit{At: 1.02}},
			{metric: rateShare, subject: keeperRate, how: absolute, limit: limit{At: 0.98, Floor: true}},
		},
	}
}

// A policyLoad is another load, of which is also known what part of the subject's CPU time deciding takes: what a decision
// takes by itself, measured at the same time, as often as the subject decided in a frame.
type policyLoad struct{ load }

func (l policyLoad) columns() []metric {
	var all []metric
	for _, m := range l.load.columns() {
		if m != emptyPerPing && m != bytesPerCall && m != callsPerGB {
			all = append(all, m)
		}
	}
	return append(all, cpuPerFrame, decisions, decisionNanos, decisionShare)
}

func (l policyLoad) run(b *bench, s *subject) (values, error) {
	v, err := l.load.run(b, s)
	if err != nil || s.keeper == nil || s.keeper.policy == "" {
		return v, err
	}
	ns, err := b.decision(s.keeper.policy)
	if err != nil {
		return nil, err
	}
	cpu := v.get(cpuPerFrame)
	if math.IsNaN(cpu) {
		cpu = v.get(cpuPerPing)
	}
	v[decisionNanos], v[decisionShare] = ns, ns*v[decisions]/(cpu*1e3)
	return v, nil
}

// decision is how many nanoseconds a decision takes by a policy.
func (b *bench) decision(dir string) (float64, error) {
	if b.decide == "" {
		var err error
		if b.decide, err = b.build("doorkeeper/bench/decide"); err != nil {
			return 0, err
		}
	}
	cmd := exec.Command(b.decide, dir, benchPrincipal, "READ", fmt.Sprintf("%s-%d", b.backend.plain.prefix, pingBatch))
	said, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			return 0, fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		return 0, err
	}
	return strconv.ParseFloat(string(bytes.TrimSpace(said)), 64)
}
