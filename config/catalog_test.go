package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCatalog(t *testing.T) {
	c, err := ParseCatalog("catalog.yaml", []byte(`
topics:
  payroll: {owner: team-hr, contact: "#hr", access: "https://access.example.com/payroll", tags: [pii, regulated]}
  orders.v1: {}
principals:
  User:erp: {owner: team-erp, time_zone: Europe/Berlin}
`))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Topics["payroll"]; got.Owner != "team-hr" || len(got.Tags) != 2 {
		t.Errorf("payroll: %+v", got)
	}
	// A rule that reads a field is never undefined because an entry left it out.
	empty := map[string]any{"owner": "", "contact": "", "access": "", "tags": []any{}, "time_zone": "", "description": ""}
	want := map[string]any{
		"topics": map[string]any{
			"payroll": map[string]any{
				"owner": "team-hr", "contact": "#hr", "access": "https://access.example.com/payroll",
				"tags": []any{"pii", "regulated"}, "time_zone": "", "description": "",
			},
			"orders.v1": empty,
		},
		"principals": map[string]any{
			"User:erp": map[string]any{"owner": "team-erp", "contact": "", "access": "", "tags": []any{}, "time_zone": "Europe/Berlin", "description": ""},
		},
	}
	if diff := cmp.Diff(want, c.Data()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"topics": map[string]any{}, "principals": map[string]any{}}, (*Catalog)(nil).Data()); diff != "" {
		t.Error("without a catalog:", diff)
	}
}

func TestPolicyDefaults(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/p.rego", "package p")
	for text, want := range map[string]string{
		"policy: {paths: [p.rego]}":                                              "data.doorkeeper.decision",
		"policy: {paths: [p.rego], input: opa-kafka}":                            "data.kafka.authz.allow",
		"policy: {paths: [p.rego], input: opa-kafka, decision: data.mine.allow}": "data.mine.allow",
		"policy: {paths: [p.rego], candidate: {paths: [p.rego]}, mode: monitor}": "data.doorkeeper.decision",
		"policy: {max_grant: 1h, protected: [\"User:payments\"]}":                "data.doorkeeper.decision",
		"{}": "data.doorkeeper.decision",
	} {
		if text == "{}" {
			text = ""
		}
		c, err := parse(dir, minimal+text, nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if c.Policy.Decision != want {
			t.Errorf("%s: asks %s, want %s", text, c.Policy.Decision, want)
		}
		if c.Policy.Configured() && c.Policy.Paths[0] != dir+"/p.rego" {
			t.Errorf("%s: paths %v are not the file's", text, c.Policy.Paths)
		}
	}
}
