package api

import (
	"slices"
	"strings"
	"testing"
)

// In the order in which Kafka 4.3.1 answered a Metadata about them.
func TestScalaOrder(t *testing.T) {
	for _, want := range []string{
		"open-a shut-read shut-lost open-b shut-a open-denied open-unread shut-b open-lost",
		"open-a shut-read shut-b open-b shut-a open-denied open-unread",
		"shut-read shut-lost shut-b shut-a",
		"open-a open-b open-denied open-unread",
		"open-denied shut-lost shut-b shut-a",
		"open-a shut-read open-unread open-b",
		"shut-read shut-b shut-a",
	} {
		names := strings.Fields(want)
		slices.Sort(names)
		if got := strings.Join(scalaOrder(names), " "); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	// As answered to a DeleteRecords of which nothing, and something, was done.
	two := []partitionKey{{"shut-read", 0}, {"shut-read", 1}}
	if got := immutableOrder(two, partitionHash); got[0].partition != 1 {
		t.Errorf("%v", got)
	}
	if got := mutableOrder(two, 10, partitionHash); got[0].partition != 0 {
		t.Errorf("%v", got)
	}
	if got := scalaOrder([]string{"BB", "Aa"}); got[0] != "BB" { // the two share a hash code
		t.Errorf("%v", got)
	}
}
