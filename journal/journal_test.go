package journal

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"doorkeeper/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func appendNamed(j *Journal, names ...string) {
	for _, name := range names {
		j.Append(&access.Record{Kind: KindControl, Target: name})
	}
}

// follow reads until n records came, or the journal's end with n < 0.
func follow(j *Journal, after Position, n int) (got []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for r := range j.Follow(ctx, after) {
		name := r.Target
		if r.Kind == KindGap {
			name = fmt.Sprintf("gap %d-%d count %d, %s", r.GetFromSeq(), r.GetToSeq(), r.Count, r.Cause)
		}
		got = append(got, name)
		if len(got) == n {
			break
		}
	}
	return got
}

func TestFollow(t *testing.T) {
	j := New(Options{})
	appendNamed(j, "a", "b")
	at := Position{j.ID(), 1}
	go appendNamed(j, "c")
	if diff := cmp.Diff([]string{"b", "c"}, follow(j, at, 2)); diff != "" {
		t.Errorf("from a position on: %s", diff)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, follow(j, Position{}, 3)); diff != "" {
		t.Errorf("from the beginning: %s", diff)
	}
	go func() {
		appendNamed(j, "d")
		j.Close()
		appendNamed(j, "too late")
	}()
	if diff := cmp.Diff([]string{"c", "d"}, follow(j, Position{j.ID(), 2}, -1)); diff != "" {
		t.Errorf("to the end: %s", diff)
	}
}

func TestFollowEndsWithContext(t *testing.T) {
	j := New(Options{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	appendNamed(j, "a")
	n := 0
	for range j.Follow(ctx, Position{}) {
		n++
		time.AfterFunc(time.Millisecond, cancel)
	}
	if n != 1 || j.Stats().Readers != 0 {
		t.Errorf("%d records, %d readers left", n, j.Stats().Readers)
	}
}

// TestFollowLeftBehind: a reader learns what it missed, and its position after the gap is good to go on from.
func TestFollowLeftBehind(t *testing.T) {
	j := New(Options{Ring: 3})
	appendNamed(j, "a", "b", "c", "d", "e")
	want := []string{"gap 1-2 count 2, reader left behind: the journal in memory keeps the last 3 records", "c", "d", "e"}
	if diff := cmp.Diff(want, follow(j, Position{}, 4)); diff != "" {
		t.Error(diff)
	}
	for gap := range j.Follow(t.Context(), Position{}) {
		if diff := cmp.Diff([]string{"c"}, follow(j, PositionOf(gap), 1)); diff != "" {
			t.Errorf("after the gap: %s", diff)
		}
		if gap.Id == "" || gap.Journal != j.ID() || gap.Severity != medium || gap.ToTime == nil {
			t.Errorf("gap record: %v", gap)
		}
		break
	}
	if s := j.Stats(); s.Head != 5 || s.Oldest != 3 || s.Kinds[KindControl] != 5 {
		t.Errorf("%+v", s)
	}

	// In the middle of reading.
	var got []string
	for r := range j.Follow(t.Context(), Position{j.ID(), 4}) {
		got = append(got, r.Kind+" "+r.Target)
		if len(got) == 1 {
			appendNamed(j, "f", "g", "h", "i")
		}
		if len(got) == 3 {
			if r.GetFromSeq() != 0 || got[1] != "gap " {
				t.Errorf("%v", got)
			}
			break
		}
	}
}

// TestFollowAfterRestart: a position in another journal.
func TestFollowAfterRestart(t *testing.T) {
	j := New(Options{})
	appendNamed(j, "a")
	want := []string{"gap 0-0 count 0, journal 01OLD has ended; read up to seq 7", "a"}
	if diff := cmp.Diff(want, follow(j, Position{"01OLD", 7}, 2)); diff != "" {
		t.Error(diff)
	}

	// A position that nobody got from us: what comes from now on.
	got := make(chan []string)
	go func() { got <- follow(j, Position{j.ID(), 99}, 1) }()
	for {
		appendNamed(j, "b") // the first ones may come before the reader does
		select {
		case names := <-got:
			if diff := cmp.Diff([]string{"b"}, names); diff != "" {
				t.Error(diff)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// TestRingBytes: records with much text push out more of the others.
func TestRingBytes(t *testing.T) {
	j := New(Options{RingBytes: 93_000})
	appendNamed(j, "a", "b", strings.Repeat("x", 90_000), "c")
	if s := j.Stats(); s.Oldest != 3 || s.Bytes > 93_000 {
		t.Errorf("%+v", s)
	}
	appendNamed(j, strings.Repeat("y", 200_000)) // the newest is kept whatever its size
	if s := j.Stats(); s.Oldest != 5 {
		t.Errorf("%+v", s)
	}
}

// TestAppendConcurrently: seq has no hole and is the readers' order, ids ascend and differ. (-race)
func TestAppendConcurrently(t *testing.T) {
	j := New(Options{})
	const writers, each = 8, 200
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				appendNamed(j, "x")
			}
		})
	}
	var seq int64
	last := ""
	for r := range j.Follow(t.Context(), Position{}) {
		seq++
		if r.Seq != seq || r.Id <= last || r.Journal != j.ID() || r.Schema != 1 {
			t.Fatalf("record %d: seq %d, id %s after %s", seq, r.Seq, r.Id, last)
		}
		last = r.Id
		if seq == writers*each {
			break
		}
	}
	wg.Wait()
	if _, err := ulid.ParseStrict(last); err != nil {
		t.Error(err)
	}
}

// TestAppendMakesTextValid: one bad byte, and no protobuf encoder would take the record.
func TestAppendMakesTextValid(t *testing.T) {
	j := New(Options{})
	r := &access.Record{ClientId: "bad \xff"}
	j.Append(r)
	if _, err := proto.Marshal(r); err != nil || r.ClientId != "bad \ufffd" {
		t.Errorf("%q, %v", r.ClientId, err)
	}
}

func TestClockGoesBack(t *testing.T) {
	now := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	j := New(Options{Now: func() time.Time { return now }})
	appendNamed(j, "a")
	now = now.Add(-time.Hour)
	appendNamed(j, "b")
	if diff := cmp.Diff([]string{"a", "b"}, follow(j, Position{}, 2)); diff != "" {
		t.Error(diff)
	}
}

func TestPosition(t *testing.T) {
	p := Position{"01J9", 1042}
	if got, err := ParsePosition(p.String()); got != p || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := ParsePosition(""); got != (Position{}) || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"01J9", ":5", "01J9:", "01J9:-1", "01J9:x", "01J9:1:2"} {
		if got, err := ParsePosition(bad); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}
