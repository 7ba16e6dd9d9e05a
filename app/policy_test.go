package app

import (
	"os"
	"strings"
	"testing"

	"doorkeeper/access"
	"doorkeeper/config"
)

// readers is a policy that lets one principal read anything.
func readers(principal string) string {
	return "package doorkeeper\n\ndecision := {\"allow\": true, \"rule\": \"readers\"} if {\n\tinput.principal.name == \"" + principal +
		"\"\n\tinput.action.operation == \"READ\"\n}\n"
}

// may asks the engine in force, as a connection would.
func (r *running) may(principal, topic string) bool {
	s := &access.Session{Cluster: "erp", Listener: "a"}
	q := &access.Request{
		Session: s, Identity: &access.Identity{Principal: principal, Source: access.Observed}, Client: &access.Client{}, API: 1, ReplicaID: -1,
	}
	d := deciders{r.law.engine}.Session(s).Decide(q, &access.Action{Operation: access.OpRead, Type: access.ResTopic, Name: topic})
	return !d.Stops()
}

// policies are the POLICY records so far.
func (r *running) policies() []*access.Record {
	var all []*access.Record
	for _, record := range r.control() {
		if record.Operation == opPolicy {
			all = append(all, record)
		}
	}
	return all
}

func (h *home) mkdir(name string) {
	h.t.Helper()
	if err := os.MkdirAll(h.path(name), 0o700); err != nil {
		h.t.Fatal(err)
	}
}

const withPolicy = "watch: false\npolicy: {paths: [policy/], deadline: 1s}\n"

func TestNoPolicy(t *testing.T) {
	h := newHome(t)
	r := h.start(yaml(listener("a", ""), "watch: false\n"))
	if !r.may("User:thief", "payroll") {
		t.Error("without a policy something is denied")
	}
	if start := r.control()[0]; !strings.Contains(start.Reason, "policy: none, everything is allowed") || start.Digests.Policy != "" {
		t.Errorf("START says %v", start)
	}
	if got := r.ready(); !got.Ready || got.Checks["policy"] != "ok" {
		t.Errorf("ready: %+v", got)
	}
}

// TestBrokenPolicyDoesNotStart: whatever is wrong, the proxy does not start, and says where.
func TestBrokenPolicyDoesNotStart(t *testing.T) {
	for name, test := range map[string]struct{ rule, want string }{
		"syntax":         {"package doorkeeper\n\ndecision := {\"allow\": }\n", "policy/p.rego:3:"},
		"misspelt field": {"package doorkeeper\n\ndecision := {\"allow\": true} if input.principle.name == \"erp\"\n", "policy/p.rego:3:"},
		"wrong type":     {"package doorkeeper\n\ndecision := {\"allow\": \"yes\"}\n", "policy/p.rego:3:"},
		"no entry point": {"package doorkeeper\n\nallow := true\n", "there is no rule data.doorkeeper.decision"},
		"forbidden":      {"package doorkeeper\n\ndecision := {\"allow\": http.send({\"url\": \"http://x\"}).status == 200}\n", "policy/p.rego:3:"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			h.mkdir("policy")
			h.write("policy/p.rego", test.rule)
			h.write("doorkeeper.yaml", yaml(listener("a", ""), withPolicy))
			c, err := config.Load(h.path("doorkeeper.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			a, err := Open(c, Options{Log: h.log})
			if err == nil {
				a.close()
			}
			mustContain(t, err, "doorkeeper.yaml:5:", "policy.paths", test.want)
			mustContain(t, Check(c), test.want)
		})
	}
}

func TestPolicyReload(t *testing.T) {
	h := newHome(t)
	h.mkdir("policy")
	h.write("policy/p.rego", readers("erp"))
	r := h.start(yaml(listener("a", ""), withPolicy))
	if !r.may("User:erp", "payroll") || r.may("User:bob", "payroll") {
		t.Fatal("the policy does not decide")
	}
	first := r.law.engine.Status().Revision
	if start := r.control()[0]; start.Digests.Policy != first || !strings.Contains(start.Reason, "policy: enforce "+first) {
		t.Errorf("START says %v", start)
	}

	h.write("policy/p.rego", readers("bob"))
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	second := r.law.engine.Status().Revision
	if r.may("User:erp", "payroll") || !r.may("User:bob", "payroll") || second == first {
		t.Error("the changed policy does not decide")
	}
	if got := r.policies(); len(got) != 1 || got[0].Before != first || got[0].After != second || got[0].Actor.Name != "SIGHUP" || got[0].Outcome != "" {
		t.Errorf("recorded %v", got)
	}
	// A file that changes nothing is no change.
	h.write("policy/p_test.rego", "package doorkeeper_test\n\ntest_nothing if true\n")
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	if got := r.policies(); len(got) != 1 {
		t.Errorf("a reload without a change is recorded: %v", got)
	}
}

// TestBadPolicyChangesNothing: the running policy stays, every surface says why, and a policy that loads ends that.
func TestBadPolicyChangesNothing(t *testing.T) {
	h := newHome(t)
	h.mkdir("policy")
	h.write("policy/p.rego", readers("erp"))
	r := h.start(yaml(listener("a", ""), withPolicy))
	before := r.law.engine.Status().Revision

	h.write("policy/p.rego", "package doorkeeper\n\ndecision := {\"allow\": }\n")
	mustContain(t, r.reload(), "policy/p.rego:3:")
	if !r.may("User:erp", "payroll") || r.may("User:bob", "payroll") {
		t.Error("the running policy does not decide any more")
	}
	if got := r.policies(); len(got) != 1 || got[0].Before != before || got[0].After != "" || got[0].Outcome != "failed" || !strings.Contains(got[0].Reason, "policy/p.rego:3:") {
		t.Errorf("recorded %v", got)
	}
	if got := r.ready(); !got.Ready || !strings.Contains(got.Checks["policy"], "policy/p.rego:3:") {
		t.Errorf("ready: %+v", got)
	}
	if got := r.policyStats(); !got.Refused || got.Reloads.Refused != 1 {
		t.Errorf("metrics: %+v", got)
	}
	if !strings.Contains(h.log.String(), "the policy is refused; the one before stays in force") {
		t.Error("the log does not say so")
	}
	// The configuration is refused with it, even where the file with the rules has not changed since.
	h.write("doorkeeper.yaml", yaml(listener("a", ""), withPolicy+"limits: {connections: 7}\n"))
	mustContain(t, r.reload(), "policy/p.rego:3:")
	if r.Config().Limits.Connections == 7 {
		t.Error("half of a reload took effect")
	}

	h.write("policy/p.rego", readers("erp"))
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	if got := r.ready(); got.Checks["policy"] != "ok" || r.policyStats().Refused || r.Config().Limits.Connections != 7 {
		t.Errorf("after the mistake was undone: %+v", got)
	}
}

// TestPolicyThatFails: of a policy that loads and cannot decide, every surface says why.
func TestPolicyThatFails(t *testing.T) {
	h := newHome(t)
	h.mkdir("policy")
	h.write("policy/p.rego", "package doorkeeper\n\ndecision := {\"allow\": true} if input.cluster\n\ndecision := {\"allow\": false} if input.listener\n")
	r := h.start(yaml(listener("a", ""), withPolicy))
	if r.may("User:erp", "orders") {
		t.Error("it is allowed")
	}
	const words = "policy/p.rego:5:1: rule data.doorkeeper.decision produced conflicting values"
	if got := r.ready(); !got.Ready || !strings.Contains(got.Checks["policy"], words) {
		t.Errorf("ready: %+v", got)
	}
	if got := r.policyStatus(); got.Counts.Errors != 1 || got.Failure == nil || !strings.Contains(got.Failure.Reason, words) {
		t.Errorf("policy status: %+v", got)
	}
	eventually(t, "the log says so", func() bool {
		return strings.Contains(h.log.String(), "the policy fails") && strings.Contains(h.log.String(), "conflicting values")
	})
}

// TestPolicyWithTheConfiguration: the policy's keys change with the rest of the file, or not at all.
func TestPolicyWithTheConfiguration(t *testing.T) {
	h := newHome(t)
	h.mkdir("policy")
	h.write("policy/p.rego", readers("erp"))
	h.write("other.rego", readers("bob"))
	r := h.start(yaml(listener("a", ""), withPolicy))
	enforced := r.law.engine.Status().Revision

	monitored := "watch: false\npolicy: {paths: [policy/], deadline: 1s, mode: monitor, candidate: {paths: [other.rego]}}\n"
	h.write("doorkeeper.yaml", yaml(listener("a", ", principal_mapping: [\"RULE:x\"]"), monitored))
	mustContain(t, r.reload(), "principal_mapping")
	if r.may("User:bob", "payroll") || len(r.policies()) != 0 {
		t.Error("a refused configuration changed the policy")
	}
	// A policy file that was changed meanwhile does not wait for the configuration's typing error.
	h.write("policy/p.rego", readers("ann"))
	mustContain(t, r.reload(), "principal_mapping")
	if !r.may("User:ann", "payroll") || r.may("User:erp", "payroll") {
		t.Error("the changed policy waits for the configuration")
	}
	h.write("policy/p.rego", readers("erp"))

	h.write("doorkeeper.yaml", yaml(listener("a", ""), monitored))
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	status := r.law.engine.Status()
	if !r.may("User:bob", "payroll") || status.Revision != enforced || status.Candidate == "" {
		t.Errorf("monitor mode: %+v", status)
	}
	h.write("doorkeeper.yaml", yaml(listener("a", ""), "watch: false\n"))
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	if !r.may("User:thief", "payroll") || r.law.engine.Status().Revision != "" {
		t.Error("the policy that was taken away decides")
	}
	policies := r.policies()
	if last := policies[len(policies)-1]; last.Before != enforced || last.After != "" || !strings.Contains(last.Reason, "none") {
		t.Errorf("recorded %v", last)
	}
}

func TestCatalog(t *testing.T) {
	h := newHome(t)
	h.write("p.rego", `package doorkeeper

decision := {"allow": true} if "open" in data.catalog.topics[input.action.resource.name].tags
`)
	h.write("catalog.yaml", "topics: {prices: {owner: sales, tags: [open]}}\n")
	r := h.start(yaml(listener("a", ""), "catalog_file: catalog.yaml\npolicy: {paths: [p.rego], deadline: 1s}\n"))
	if !r.may("User:erp", "prices") || r.may("User:erp", "payroll") {
		t.Fatal("the catalog is not what decides")
	}
	h.write("catalog.yaml", "topics: {prices: {owner: sales}, payroll: {owner: hr, tags: [open]}}\n")
	eventually(t, "the catalog is read again", func() bool { return r.may("User:erp", "payroll") && !r.may("User:erp", "prices") })
	if got := r.law.owners().Topics["payroll"].Owner; got != "hr" {
		t.Errorf("the owner is %q", got)
	}
	h.write("catalog.yaml", "topics: {payroll: {ower: hr}}\n")
	eventually(t, "the broken catalog is noticed", func() bool { return !r.ready().Ready })
	if got := r.ready().Checks["catalog"]; !strings.Contains(got, "catalog.yaml:1:20: topics.payroll.ower: unknown key") {
		t.Errorf("ready says %q", got)
	}
	if !r.may("User:erp", "payroll") || !r.policyStats().Stale {
		t.Error("the last good catalog is not in use, or the metrics do not know")
	}
	if n := r.journal.Stats().Kinds["finding"]; n != 1 {
		t.Errorf("%d findings, want one that the catalog is old", n)
	}
	h.write("catalog.yaml", "topics: {payroll: {owner: hr}}\n")
	eventually(t, "the good catalog is noticed", func() bool { return r.ready().Ready && !r.may("User:erp", "payroll") })
}

// TestPolicyWatch: a directory is watched with everything in it, and what comes into it.
func TestPolicyWatch(t *testing.T) {
	h := newHome(t)
	h.mkdir("policy")
	h.write("policy/p.rego", readers("erp"))
	r := h.start(yaml(listener("a", ""), "policy: {paths: [policy/], deadline: 1s}\n"))
	h.write("policy/p.rego", "package doorkeeper\n\ndecision := {\"allow\": true} if data.who.names[input.principal.name]\n")
	eventually(t, "the rule is read again", func() bool { return !r.may("User:erp", "payroll") })
	h.mkdir("policy/who")
	h.write("policy/who/names.yaml", "names: {bob: true}\n")
	eventually(t, "data in a new directory is read", func() bool { return r.may("User:bob", "payroll") })
	h.write("policy/who/names.yaml", "names: {ann: true}\n")
	eventually(t, "a new directory is watched", func() bool { return r.may("User:ann", "payroll") })
	if got := r.policies(); got[0].Actor.Method != "watch" {
		t.Errorf("recorded %v", got[0])
	}
}

// TestPolicyWatchConfigMap: Kubernetes swaps a link on the way to the files, and the files stay where they are.
func TestPolicyWatchConfigMap(t *testing.T) {
	h := newHome(t)
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, h.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	h.mkdir("policy/..1")
	h.write("policy/..1/p.rego", readers("erp"))
	link("..1", "policy/..data")
	link("..data/p.rego", "policy/p.rego")
	r := h.start(yaml(listener("a", ""), "policy: {paths: [policy/], deadline: 1s}\n"))
	if !r.may("User:erp", "payroll") {
		t.Fatal("the policy behind links does not decide")
	}
	h.mkdir("policy/..2")
	h.write("policy/..2/p.rego", readers("bob"))
	link("..2", "policy/..data_tmp")
	if err := os.Rename(h.path("policy/..data_tmp"), h.path("policy/..data")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the swapped policy is read", func() bool { return r.may("User:bob", "payroll") })
}
