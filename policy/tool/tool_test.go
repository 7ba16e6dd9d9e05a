package tool

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/policy"
)

func rules(files ...string) *policy.Rules {
	r := &policy.Rules{Files: map[string][]byte{}, Origin: "test"}
	for i := 0; i < len(files); i += 2 {
		r.Files[files[i]] = []byte(files[i+1])
	}
	return r
}

const readers = "package doorkeeper\n\ndecision := {\"allow\": input.principal.name in data.readers}\n"

func TestTest(t *testing.T) {
	tests := "package doorkeeper_test\n\nimport data.doorkeeper.decision\n\n"
	for name, test := range map[string]struct {
		test string
		pass bool
		says string
		err  string
	}{
		"passes on the policy's own data": {"test_erp if decision.allow with input.principal.name as \"erp\"\n", true, "PASS: 1/1", ""},
		"fails":                           {"test_bob if decision.allow with input.principal.name as \"bob\"\n", false, "data.doorkeeper_test.test_bob: FAIL", ""},
		"a builtin is given nonsense":     {"test_x if not to_number(\"x\") > 1\n", false, "ERROR: 1/1", ""},
		"does not compile":                {"test_x if undefined_thing\n", false, "", "p_test.rego:5:11: var undefined_thing is unsafe"},
		"misspells the input":             {"test_x if input.principle.name == \"erp\"\n", false, "", "p_test.rego:5:11: undefined ref: input.principle.name"},
		"a builtin that nobody gets":      {"test_x if http.send({})\n", false, "", "undefined function http.send"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			r := rules("p.rego", readers, "data.yaml", "readers: [erp]\n", "p_test.rego", tests+test.test)
			pass, err := Test(t.Context(), r, TestOptions{}, &out)
			if pass != test.pass || (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) || !strings.Contains(out.String(), test.says) {
				t.Errorf("%v, %v\n%s", pass, err, out.String())
			}
		})
	}
	var out bytes.Buffer
	if _, err := Test(t.Context(), rules("p.rego", readers), TestOptions{}, &out); !errors.Is(err, ErrNoTests) {
		t.Errorf("without tests: %v", err)
	}
}

// TestWarnings: what is warned of, and what only looks like it.
func TestWarnings(t *testing.T) {
	for rule, want := range map[string]string{
		"x if not input.principal.name in data.named":                "is undefined, and not true, where data.named is not there",
		"x if not startswith(data.prefix, \"a\")":                    "where data.prefix is not there",
		"x if regex.match(`^a`, input.principal.name)":               "also matches names that only contain it",
		"x if count([1 | regex.match(\"a$\", input.client.id)]) > 0": "also matches names that only contain it",
		"x if {\n\ty := 1\n\tinput.client.id == \"\"\n}":             "assigned var y unused",
		"x if not data.named[input.principal.name]":                  "",
		"x if not input.principal.name in {\"a\"}":                   "",
		"x if regex.match(`^a.*$`, input.principal.name)":            "",
		"x if input.principal.name in data.named":                    "",
	} {
		r, err := Check(rules("p.rego", readers+"\n"+rule+"\n", "data.yaml", "readers: []\n"))
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		if want == "" && len(r.Warnings) > 0 || want != "" && !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, want) }) {
			t.Errorf("%s: warnings %q, want %q", rule, r.Warnings, want)
		}
	}
}

func TestQuestions(t *testing.T) {
	for resource, want := range map[string]access.Action{
		"purchasing":  {Operation: access.OpRead, Type: access.ResTopic, Name: "purchasing"},
		"group:a:b":   {Operation: access.OpRead, Type: access.ResGroup, Name: "a:b"},
		"CLUSTER:":    {Operation: access.OpRead, Type: access.ResCluster, Name: "kafka-cluster"},
		"USER:User:x": {Operation: access.OpRead, Type: access.ResUser, Name: "User:x"},
	} {
		q := &Question{Principal: "erp", Operation: "read", Resource: resource, Source: "10.1.2.3:4", ReplicaID: -1}
		request, action, err := q.Request()
		if err != nil || *action != want {
			t.Errorf("%s: %+v, %v", resource, action, err)
			continue
		}
		if request.Identity.Principal != "User:erp" || request.Session.Source.String() != "10.1.2.3:4" {
			t.Errorf("%s: asked %+v", resource, request)
		}
	}
	for _, q := range []Question{{Operation: "READ", Resource: "TOPICS:x"}, {Operation: "READ", Resource: "x", API: "Fetsh"}, {Operation: "READ", Resource: "x", Source: "home"}, {Resource: "x"}} {
		if _, _, err := q.Request(); err == nil {
			t.Errorf("no error for %+v", q)
		}
	}
}

// TestAskImplied: who may read may describe, and the answer names the rule that lets read.
func TestAskImplied(t *testing.T) {
	r := rules("p.rego", "package doorkeeper\n\ndecision := {\"allow\": true, \"rule\": \"reads\"} if input.action.operation == \"READ\"\n")
	q := &Question{Principal: "erp", Operation: "DESCRIBE", Resource: "x", ReplicaID: -1}
	request, action, err := q.Request()
	if err != nil {
		t.Fatal(err)
	}
	x, err := Ask(t.Context(), r, request, action, time.Now())
	if err != nil || x.Decision.Verdict != access.Allow || x.Decision.Rule != "reads" || x.Location != "p.rego:3" {
		t.Errorf("got %+v %+v, %v", x, x.Decision, err)
	}
	action.Operation = access.OpAlter
	if x, err := Ask(t.Context(), r, request, action, time.Now()); err != nil || x.Decision.Verdict != access.Deny {
		t.Errorf("got %+v, %v", x, err)
	}
}

func TestFormat(t *testing.T) {
	if _, err := Format("x.rego", []byte("package x\n\na if {\n")); err == nil || !strings.HasPrefix(err.Error(), "x.rego:4:") {
		t.Errorf("got %v", err)
	}
}
