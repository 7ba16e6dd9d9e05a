package equivalence

import (
	"slices"
	"testing"
)

// A row is a difference that is allowed, and why.
type row struct {
	name  string
	why   string
	keys  []int16 // none: any
	allow func(c *testCase, d difference) bool
}

// rows are all differences that are allowed. One that is not met fails the test.
var rows = []row{}

func rowFor(c *testCase, key int16, d difference) *row {
	for i := range rows {
		if r := &rows[i]; (len(r.keys) == 0 || slices.Contains(r.keys, key)) && r.allow(c, d) {
			return r
		}
	}
	return nil
}

// rowsAreNeeded fails for rows that nothing met: they would hide what comes later.
func rowsAreNeeded(t *testing.T, used map[string]int) {
	for _, r := range rows {
		if used[r.name] == 0 {
			t.Errorf("nothing differs as the row %q allows", r.name)
		}
		t.Logf("%5d × %s: %s", used[r.name], r.name, r.why)
	}
}
