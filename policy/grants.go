package policy

import (
	"math"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// running returns the grants that run at a time, as data.grants, and how long they are those.
func running(grants []Grant, now time.Time) (ast.Value, span) {
	holds := span{from: math.MinInt64}
	ends := func(t time.Time) {
		if t.After(latest) {
			return
		}
		if holds.until == 0 || t.UnixNano() < holds.until {
			holds.until = t.UnixNano()
		}
	}
	var active []Grant
	for _, g := range grants {
		switch {
		case g.From.After(now):
			ends(g.From)
		case g.Until.IsZero():
			active = append(active, g)
		case g.Until.After(now):
			active = append(active, g)
			ends(g.Until)
		}
	}
	v, err := ast.InterfaceToValue(GrantData(active))
	if err != nil {
		panic("policy: grants are no data: " + err.Error()) // they are maps, lists and strings
	}
	return v, holds
}
