package policy

import (
	"time"

	"doorkeeper/access"
)

// A Grant gives a principal a right for a while that the rules would not give: break-glass. It does nothing by itself: a
// policy that honours grants finds the running ones in data.grants.
type Grant struct {
	ID        string              `json:"id"`        // ULID
	Principal string              `json:"principal"` // Kafka's "Type:name"
	Operation access.Operation    `json:"operation"`
	Type      access.ResourceType `json:"resource_type"`
	Name      string              `json:"resource"` // literal
	From      time.Time           `json:"from"`
	Until     time.Time           `json:"until"`
	Reason    string              `json:"reason"`
	Actor     string              `json:"actor"` // who gave it
}

// GrantData is data.grants: the grants of each principal, under "Type:name".
//
//	{"User:alice": [{"id": "01J…", "operation": "READ", "resource": {"type": "TOPIC", "name": "payroll", "pattern": "LITERAL"},
//	                 "until": "2026-11-23T03:00:00Z", "reason": "incident 4711", "actor": "bob"}]}
//
// Only what has not ended is in it, so a policy need not look at the clock.
func GrantData(grants []Grant) map[string]any {
	data := map[string]any{}
	for i := range grants {
		g := &grants[i]
		of, _ := data[g.Principal].([]any)
		data[g.Principal] = append(of, map[string]any{
			"id": g.ID, "operation": g.Operation.String(),
			"resource": map[string]any{"type": g.Type.String(), "name": g.Name, "pattern": "LITERAL"},
			"until":    g.Until.UTC().Format(time.RFC3339), "reason": g.Reason, "actor": g.Actor,
		})
	}
	return data
}
