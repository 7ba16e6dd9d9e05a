package equivalence

import (
	"regexp"
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
var rows = slices.Concat(rowsOfOrder, rowsOfBrokers, rowsOfDesign)

// rowsOfOrder: the answers are the same, in another order.
var rowsOfOrder = []row{
	{
		"the order of what is hashed by ids",
		"a broker holds topics, partitions and tokens by ids that it draws, and answers in the order of their hashes",
		[]int16{0, 27, 35, 41, 43, 50, 61, 68, 69, 76, 77, 78, 79, 88, 89, 90, 91, 92},
		func(_ *testCase, d difference) bool { return strings.HasSuffix(d.path, ".order") },
	},
	{
		"the order of all topics, and of topics by id",
		"here too: topics that are named are answered in an order that names alone decide",
		[]int16{3, 75},
		func(c *testCase, d difference) bool {
			return d.path == "Topics.order" && (c.script.listing || c.script.name == "by id")
		},
	},
	{
		"the order of what is hashed by partitions",
		"a broker puts all partitions into a hash map; doorkeeper answers for what it took out, and the broker for the rest",
		[]int16{21, 24},
		func(_ *testCase, d difference) bool { return strings.HasSuffix(d.path, ".order") },
	},
	{
		"the order of what is denied in a fetch",
		"a broker puts errors behind data; doorkeeper streams the answer and can change its head alone, so that they stand before it",
		[]int16{1},
		func(_ *testCase, d difference) bool { return d.path == "Topics.order" },
	},
	{
		"the order of deleted topics",
		"a controller shuffles them, so that nobody relies on their order",
		[]int16{20},
		func(_ *testCase, d difference) bool { return d.path == "Topics.order" },
	},
}

// rowsOfBrokers: the two brokers are not the same, or one does what nobody should copy.
var rowsOfBrokers = []row{
	{
		"ACLs where there are none",
		"the broker behind doorkeeper has no authorizer, and says so to who may ask (54)",
		[]int16{29, 30, 31},
		func(c *testCase, _ difference) bool {
			return c.user == "all" || c.user == "operator" || c.user == "describer" && c.key == int16(kmsg.DescribeACLs)
		},
	},
	{
		"versions of Produce that are no more",
		"brokers of 4 offer versions 0 to 2 for the sake of old clients and close on them; a denial is answered as before 4",
		[]int16{0},
		func(c *testCase, d difference) bool { return c.version < 3 && d.direct == closed },
	},
	{
		"unknown ids in a share group",
		"a broker fails (-1) where an id is unknown; doorkeeper answers 100 for it and the others as they are",
		[]int16{78, 79},
		func(c *testCase, d difference) bool {
			if d.path == "ErrorCode" && d.direct == int16(-1) {
				c.failed = true
			}
			return c.failed || c.mode == missing && d.path == "AcquisitionLockTimeoutMillis"
		},
	},
	{
		"no answer about users",
		"to who may not ask for all users' SCRAM credentials a broker gives no answer at all, because making one fails; doorkeeper says 31",
		[]int16{50},
		func(_ *testCase, d difference) bool { return d.direct == silent },
	},
}

// citation is what doorkeeper adds to the message of a denial.
var citation = regexp.MustCompile(`^doorkeeper why [0-9A-HJKMNP-TV-Z]{26}$| \(doorkeeper why [0-9A-HJKMNP-TV-Z]{26}\)$`)

// rowsOfDesign: doorkeeper does otherwise on purpose.
var rowsOfDesign = []row{
	{
		"under which record a denial is found",
		"the message beside an error of doorkeeper's names it, so that nobody hunts in the broker's ACLs",
		nil,
		func(_ *testCase, d difference) bool {
			direct, _ := d.direct.(string) // or null
			door, _ := d.door.(string)
			return strings.HasSuffix(d.path, "ErrorMessage") && citation.MatchString(door) && citation.ReplaceAllString(door, "") == direct
		},
	},
	{
		"what doorkeeper offers",
		"APIs among brokers are not advertised, and no version that it cannot read",
		[]int16{18},
		func(_ *testCase, d difference) bool { return d.path == "ApiKeys" },
	},
	{
		"addresses of controllers",
		"clients are not to reach them past doorkeeper: host and port are empty",
		[]int16{55},
		func(_ *testCase, d difference) bool {
			return strings.HasSuffix(d.path, ".Host") && d.door == "" || strings.HasSuffix(d.path, ".Port") && d.door == 0
		},
	},
	{
		"followers",
		"a replica id asks for CLUSTER_ACTION: brokers serve uncommitted data under one",
		[]int16{1, 2, 23},
		func(c *testCase, d difference) bool {
			return c.script.name == "as a follower" && c.user != "all" && c.user != "operator" && says(d, 29)
		},
	},
	{
		"throttling of what is denied",
		"some clients fetch again at once, thousands of times a second; throttle_time_ms stops them where nothing at all may be read",
		[]int16{1, 78},
		func(_ *testCase, d difference) bool { return d.path == "ThrottleMillis" && d.door == int32(1000) },
	},
	{
		"no session for what is denied",
		"where nothing may be read the broker is not asked, so that there is no fetch session; a client asks in full again, and goes on after 70",
		[]int16{1},
		func(c *testCase, d difference) bool {
			if d.path == "SessionID" && d.door == int64(0) {
				c.sessionless = true
			}
			return c.sessionless
		},
	},
	{
		"idempotent producers",
		"a broker wants WRITE on any topic, which no policy is asked: an id without a transaction is given to everyone, and each write is decided",
		[]int16{22},
		func(c *testCase, d difference) bool {
			return c.script.name == "idempotent" && d.path != "ThrottleMillis" && says(d, 0)
		},
	},
	{
		"transactions of others",
		"from version 4 CLUSTER_ACTION is enough for a broker, under any transactional id and for any topic; doorkeeper asks for these all the same",
		[]int16{24},
		func(c *testCase, d difference) bool { return c.version >= 4 && c.user == "operator" && says(d, 53) },
	},
	{
		"regular expressions",
		"a broker resolves one among the topics that the member may describe; one without ACLs would take all topics, so that who may not describe all is denied",
		[]int16{68},
		func(c *testCase, d difference) bool {
			return c.script.name == "regular expression" && c.user != "all" && says(d, 29)
		},
	},
	{
		"internal topics of a streams application",
		"a broker lets the member join and does not make them; one without ACLs would make them, so that 29 is the answer",
		[]int16{88},
		func(c *testCase, d difference) bool {
			return c.script.name == "with internal topics" && c.user == "reader" && says(d, 29)
		},
	},
}

// says requires of a difference in an error that doorkeeper's is this one.
func says(d difference, code int16) bool {
	return !strings.HasSuffix(d.path, "ErrorCode") || d.door == code
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
