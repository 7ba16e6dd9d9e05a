package access

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// TestAppendTime holds every day of our years, and what is near their ends, against the time package.
func TestAppendTime(t *testing.T) {
	check := func(at time.Time) {
		stamp := timestamppb.New(at)
		if got, want := string(AppendTime(nil, stamp)), at.UTC().Format(timeLayout); got != want {
			t.Fatalf("%v is %s, want %s", at, got, want)
		}
	}
	for at := time.Date(1999, 12, 25, 0, 0, 0, 0, time.UTC); at.Year() < 2101; at = at.Add(24*time.Hour + 987654321*time.Nanosecond) {
		check(at)
		check(at.Truncate(24 * time.Hour))
		check(at.Truncate(24 * time.Hour).Add(-1))
	}
	check(time.Time{})
	check(time.Unix(0, 0))
	check(time.Unix(0, 999999999))
}
