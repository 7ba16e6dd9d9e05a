package policy

import (
	"context"
	"testing"

	"doorkeeper/access"
)

const explained = `default allow := false

allow if input.principal.name == "erp"

allow if {
	input.principal.name == "crm"
	input.action.operation == "WRITE"
}

deny if input.action.resource.name == "payroll"

decision := {"allow": false, "reason": "payroll is closed"} if deny
else := {"allow": allow}
`

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		name      string
		rules     Rules
		principal string
		op        access.Operation
		topic     string
		verdict   access.Verdict
		location  string
		implied   access.Operation
	}{
		{"allowed by the first rule", rules(explained), "User:erp", access.OpRead, "orders", access.Allow, "policy.rego:5", 0},
		{"allowed by the second", rules(explained), "User:crm", access.OpWrite, "orders", access.Allow, "policy.rego:7", 0},
		{"denied by name", rules(explained), "User:erp", access.OpRead, "payroll", access.Deny, "policy.rego:12", 0},
		{"denied by default", rules(explained), "User:thief", access.OpRead, "orders", access.Deny, "policy.rego:3", 0},
		{"implied", rules(explained), "User:crm", access.OpDescribe, "orders", access.Allow, "policy.rego:7", access.OpWrite},
		{"undefined", rules(`decision := {"allow": true} if input.principal.name == "erp"`), "User:thief", access.OpRead, "orders", access.Deny, "", 0},
		{"the entry point alone", rules(`decision := {"allow": true} if input.principal.name == "erp"`), "User:erp", access.OpRead, "orders", access.Allow, "policy.rego:3", 0},
		{"fields of the entry point", rules("decision.allow := true\n\ndecision.reason := \"so\""), "User:erp", access.OpRead, "orders", access.Allow, "policy.rego:3", 0},
		{"no legal name", rules(explained), "User:erp", access.OpRead, "a/b", access.Deny, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t, Options{Rules: c.rules, Mode: Monitor})
			x, err := e.Explain(context.Background(), testRequest(testSession(), c.principal), topic(c.op, c.topic))
			if err != nil {
				t.Fatal(err)
			}
			if x.Decision.Verdict != c.verdict || x.Location != c.location || x.Implied != c.implied {
				t.Errorf("%s at %q, implied by %s (%s); want %s at %q, %s\nrules: %v",
					x.Decision.Verdict, x.Location, x.Implied, x.Decision.Reason, c.verdict, c.location, c.implied, x.Rules)
			}
		})
	}
}
