package policy

import (
	"math"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// running returns the grants that run at a time, as data.grants, and in which time it is those: from the last change
// before to the next one.
func running(grants []Grant, now time.Time) (ast.Value, span) {
	holds := span{math.MinInt64, math.MaxInt64}
	changes := func(t time.Time) {
		switch {
		case t.Before(earliest) || t.After(latest):
		case t.After(now):
			holds.until = min(holds.until, t.UnixNano())
		default:
			holds.from = max(holds.from, t.UnixNano())
		}
	}
	var active []Grant
	for _, g := range grants {
		changes(g.From)
		changes(g.Until)
		if !g.From.After(now) && (g.Until.IsZero() || g.Until.After(now)) {
			active = append(active, g)
		}
	}
	if holds.from == math.MinInt64 && holds.until == math.MaxInt64 {
		holds = span{} // for ever
	}
	v, err := ast.InterfaceToValue(GrantData(active))
	if err != nil {
		panic("policy: grants are no data: " + err.Error()) // they are maps, lists and strings
	}
	return v, holds
}
