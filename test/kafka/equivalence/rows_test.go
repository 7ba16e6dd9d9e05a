package equivalence

import (
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A row is a difference that is allowed, and why.
type row struct {
	name  string
	why   string
	keys  []int16 // none: any
	allow func(c *testCase, d difference) bool
}

// rows are all differences that are allowed. One that is not met fails the test.
var rows = []row{
	{
		name:  "the order of what is hashed by ids",
		why:   "a broker holds topics, partitions and tokens by ids that it draws, and answers in the order of their hashes",
		keys:  []int16{0, 41, 61, 68, 69, 76, 77, 78, 79, 88, 89, 90, 91, 92},
		allow: func(_ *testCase, d difference) bool { return strings.HasSuffix(d.path, ".order") },
	},
	{
		name: "the order of all topics, and of topics by id",
		why:  "here too: topics that are named are answered in an order that names alone decide",
		keys: []int16{3, 75},
		allow: func(c *testCase, d difference) bool {
			return d.path == "Topics.order" && (c.script.listing || c.script.name == "by id")
		},
	},
	{
		name:  "the order of deleted topics",
		why:   "a controller shuffles them, so that nobody relies on their order",
		keys:  []int16{20},
		allow: func(_ *testCase, d difference) bool { return d.path == "Topics.order" },
	},
	{
		name:  "what doorkeeper offers",
		why:   "APIs among brokers are not advertised, and no version that it cannot read",
		keys:  []int16{18},
		allow: func(_ *testCase, d difference) bool { return d.path == "ApiKeys" },
	},
	{
		name: "addresses of controllers",
		why:  "clients are not to reach them past doorkeeper: host and port are empty",
		keys: []int16{55},
		allow: func(_ *testCase, d difference) bool {
			return strings.HasSuffix(d.path, ".Host") && d.door == "" || strings.HasSuffix(d.path, ".Port") && d.door == 0
		},
	},
	{
		name:  "ACLs where there are none",
		why:   "the broker behind doorkeeper has no authorizer, and says so to who may ask (54)",
		keys:  []int16{29, 30, 31},
		allow: func(c *testCase, _ difference) bool { return mayAlter(c.user, c.key) },
	},
}

// mayAlter says whether a user may administer ACLs: DESCRIBE for reading them, ALTER for changing them.
func mayAlter(user string, key int16) bool {
	return user == "all" || user == "operator" || user == "describer" && key == int16(kmsg.DescribeACLs)
}

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
