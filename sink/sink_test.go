package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorkeeper/access"
	"doorkeeper/journal"
)

// TestEveryRecordArrives is the promise of this package: whatever the far side does, and however often the sink ends
// and starts again, in the end every record was taken or is a dead letter.
func TestEveryRecordArrives(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) { everyRecordArrives(t, seed) })
	}
}

func everyRecordArrives(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	j := journal.New(journal.Options{})
	dir := t.TempDir()
	poison := func(r *access.Record) bool { return strings.HasSuffix(r.Target, "13") }
	far := &farSide{takes: time.Duration(rng.IntN(100)) * time.Millisecond}
	far.does = far.moody(rand.New(rand.NewPCG(seed, 8)), poison)
	opt := Options{
		Name: "far", Dir: dir, InFlight: 1 + rng.IntN(4), MaxRecords: 1 + rng.IntN(20), MaxBytes: 1 + rng.IntN(4000),
		MaxWait: time.Duration(rng.IntN(300)) * time.Millisecond,
	}
	var want []string
	for len(want) < 400 {
		s := New(j, far, opt)
		s.Start()
		for range rng.IntN(100) {
			want = append(want, fmt.Sprint("record ", len(want)))
			appendNamed(j, want[len(want)-1])
			time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(2000))*time.Millisecond)
		_ = s.Close(ctx) // it may have had too little time
		cancel()
	}
	far.does = nil
	s := New(j, &farSide{takes: far.takes}, opt)
	s.sender = &calm{far, poison}
	s.Start()
	time.Sleep(time.Hour)
	closeSink(t, s)

	got := far.names()
	for _, letter := range deadLetters(t, dir, "far") {
		got = append(got, letter.Target)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, onceEach(got)); diff != "" {
		t.Errorf("seed %d: -want +got:\n%s", seed, diff)
	}
	for _, r := range far.took {
		if poison(r) {
			t.Errorf("seed %d: %s was taken", seed, r.Target)
		}
	}
	if most := slices.Max(far.heard); most > opt.MaxRecords {
		t.Errorf("seed %d: %d records in a batch of %d", seed, most, opt.MaxRecords)
	}
}

// calm is a far side that has come to its senses, and still takes no poison.
type calm struct {
	*farSide
	poison func(*access.Record) bool
}

func (c *calm) Send(_ context.Context, b *Batch) error {
	if slices.ContainsFunc(b.Records, c.poison) {
		return Refuse(errFar)
	}
	return c.farSide.Send(context.Background(), b)
}

// deadLetters reads the records in a dead-letter file.
func deadLetters(t *testing.T, dir, name string) (all []*access.Record) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "deadletter", name+".jsonl"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var letter struct {
			Time   time.Time
			Why    string
			Record json.RawMessage
		}
		if err := json.Unmarshal(line, &letter); err != nil || letter.Why == "" || letter.Time.IsZero() {
			t.Fatalf("%v in %s", err, line)
		}
		r := new(access.Record)
		if err := access.DecodeJSON(letter.Record, r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// TestBatches: by count, by bytes and by time.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Options{})
		far := &farSide{}
		s := New(j, far, Options{Name: "far", Dir: t.TempDir(), MaxRecords: 3, MaxBytes: 2000, MaxWait: time.Second})
		s.Start()
		appendNamed(j, "a", "b", "c", "d")
		synctest.Wait()
		if diff := cmp.Diff([]int{3}, far.sizes()); diff != "" {
			t.Errorf("by count: %s", diff)
		}
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		if len(far.sizes()) != 1 {
			t.Errorf("before its time: %v", far.sizes())
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if diff := cmp.Diff([]int{3, 1}, far.sizes()); diff != "" {
			t.Errorf("by time: %s", diff)
		}
		appendNamed(j, "small", strings.Repeat("large", 400))
		synctest.Wait()
		if diff := cmp.Diff([]int{3, 1, 2}, far.sizes()); diff != "" {
			t.Errorf("by bytes: %s", diff)
		}
		closeSink(t, s)
	})
}

// TestBackoff: while the far side is down one attempt is made at a time, ever more seldom, and not before it said.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Options{})
		far := &farSide{takes: time.Second}
		var at []time.Time
		far.does = func(call int, _ *Batch) error {
			at = append(at, time.Now().Add(-far.takes))
			if call == 20 {
				return Retry(errFar, time.Minute)
			}
			return errFar
		}
		s := New(j, far, Options{Name: "far", Dir: t.TempDir(), InFlight: 4, MaxRecords: 1})
		appendNamed(j, "a", "b", "c", "d", "e", "f")
		s.Start()
		time.Sleep(20 * time.Minute)
		far.mu.Lock()
		defer far.mu.Unlock()
		if len(at) < 30 {
			t.Fatalf("%d attempts in twenty minutes", len(at))
		}
		for i := 5; i < len(at); i++ { // the first four began before anything had failed
			pause := at[i].Sub(at[i-1]) - far.takes
			least, most := min(firstPause<<(i-1), maxPause)/2, maxPause
			if i == 20 {
				least, most = time.Minute, time.Minute
			}
			if pause < least || pause > most {
				t.Errorf("pause %d: %v, want %v to %v", i, pause, least, most)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		far.mu.Unlock()
		err := s.Close(ctx)
		far.mu.Lock()
		if err == nil || !strings.Contains(err.Error(), "6 records were not delivered") {
			t.Errorf("error: %v", err)
		}
	})
}

// TestFilterKeepsWhatMatters: whatever it says, it leaves out nothing that an investigation begins with; what it does
// leave out is counted, and the cursor moves over it.
func TestFilterKeepsWhatMatters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Options{})
		far := &farSide{}
		opt := Options{Name: "far", Dir: t.TempDir(), Filter: Filter{
			Kind: []string{"access"}, Decision: []string{"Allow"}, Resource: []string{"pay*", "hr"}, Principal: []string{"User:*"},
		}}
		s := New(j, far, opt)
		s.Start()
		for _, r := range []*access.Record{
			{Target: "1", Kind: "access", Decision: "allow", Resource: "payroll", Principal: "User:a"},
			{Kind: "access", Decision: "allow", Resource: "orders", Principal: "User:a"},
			{Kind: "access", Decision: "allow", Resource: "payroll", Principal: "Token:a"},
			{Kind: "access", Decision: "refuse", Resource: "payroll", Principal: "User:a"},
			{Target: "2", Kind: "access", Decision: "deny", Resource: "orders"},
			{Target: "3", Kind: "authn", Operation: "FAILURE"},
			{Kind: "authn", Operation: "SUCCESS"},
			{Kind: "session", Operation: "OPEN", Principal: "User:a"},
			{Target: "4", Kind: "control"}, {Target: "5", Kind: "finding"}, {Target: "6", Kind: "gap"},
			{Target: "7", Kind: "access", Decision: "allow", Resources: []string{"x", "HR"}, Principal: "User:b"},
			{Target: "8", Kind: "access", Decision: "allow", Resources: []string{"x"}, ResourceCount: 2, Principal: "User:b"},
			{Target: "9", Kind: "control", Operation: "CHECKPOINT"},
			{Kind: "session", Operation: "CLOSE", Principal: "User:a"},
		} {
			j.Append(r)
			synctest.Wait()
		}
		if diff := cmp.Diff([]string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}, far.names()); diff != "" {
			t.Error(diff)
		}
		d := far.took[8].Delivery
		if d.GetSink() != "far" || d.GetSent() != 8 || d.GetFiltered() != 5 || d.GetDead() != 0 {
			t.Errorf("the checkpoint says %v", d)
		}
		if s := s.Stats(); s.Cursor != j.Head() || s.Filtered != 6 {
			t.Errorf("%+v", s)
		}
		for r := range j.Follow(t.Context(), journal.Position{Journal: j.ID(), Seq: 13}) {
			if r.Delivery != nil {
				t.Error("the journal's own record was changed")
			}
			break
		}
		closeSink(t, s)

		s = New(j, far, opt) // the counts go on
		s.Start()
		j.Append(&access.Record{Kind: "control", Operation: "CHECKPOINT"})
		closeSink(t, s)
		if d := far.took[9].Delivery; d.GetSent() != 9 || d.GetFiltered() != 6 {
			t.Errorf("after a restart the checkpoint says %v", d)
		}
	})
}

// TestRefusesEverything: a far side that is set up wrongly does not turn a day's records into dead letters.
func TestRefusesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Options{})
		far := &farSide{does: func(int, *Batch) error { return Refuse(errFar) }}
		dir := t.TempDir()
		s := New(j, far, Options{Name: "far", Dir: dir})
		for range 1000 {
			appendNamed(j, "x")
		}
		s.Start()
		time.Sleep(10 * time.Minute)
		if dead := s.Stats().Dead; dead < maxRefused || dead > maxRefused+20 || !s.Stats().Failing {
			t.Errorf("%d dead in ten minutes: %+v", dead, s.Stats())
		}
		far.mu.Lock()
		far.does = nil
		far.mu.Unlock()
		time.Sleep(time.Minute)
		closeSink(t, s)
		if n := len(far.took) + len(deadLetters(t, dir, "far")); n < 1000 {
			t.Errorf("%d of 1000 are accounted for", n)
		}
	})
}

// TestNoRoomForDeadLetters: a record that cannot be kept as a dead letter is not given up.
func TestNoRoomForDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Options{})
		far := &farSide{does: func(int, *Batch) error { return Refuse(errFar) }}
		dir := t.TempDir()
		s := New(j, far, Options{Name: "far", Dir: dir})
		d := &faultyDisk{}
		s.graves.out.open = d.open
		s.Start()
		appendNamed(j, "poison")
		time.Sleep(time.Minute)
		if st := s.Stats(); st.Dead != 0 || !st.Failing || st.Lag(j.Head()) != 1 {
			t.Errorf("%+v", st)
		}
		d.set(1 << 20)
		time.Sleep(time.Minute)
		closeSink(t, s)
		if letters := deadLetters(t, dir, "far"); len(letters) != 1 || letters[0].Target != "poison" {
			t.Errorf("dead letters: %v", letters)
		}
	})
}

// TestMemoryIsBounded: a sink whose far side is down holds so many records, however many there are.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Options{})
		far := &farSide{does: func(int, *Batch) error { return errFar }}
		s := New(j, far, Options{Name: "far", Dir: t.TempDir(), InFlight: 2, MaxRecords: 10})
		for range 50_000 {
			appendNamed(j, "x")
		}
		s.Start()
		time.Sleep(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Close(ctx); err == nil {
			t.Error("closed without an error")
		}
		held := len(s.run.pending)
		if s.run.batch != nil {
			held += s.run.batch.Len()
		}
		for _, f := range s.run.flights {
			held += f.Len()
		}
		if held == 0 || held > 2*10+10+chunkLen {
			t.Errorf("%d records held", held)
		}
	})
}

// TestBrokenCursor: it is put aside, said so, and everything is delivered again.
func TestBrokenCursor(t *testing.T) {
	good := func(path string, at journal.Position) string {
		if err := saveCursor(path, at, counts{Sent: 9}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, spoil := range map[string]func(string) string{
		"empty":        func(string) string { return "" },
		"torn":         func(s string) string { return s[:len(s)/2] },
		"another seq":  func(s string) string { return strings.Replace(s, `:2"`, `:3"`, 1) },
		"another sum":  func(s string) string { return strings.Replace(s, `"sent":9`, `"sent":8`, 1) },
		"no object":    func(string) string { return "[]" },
		"binary":       func(string) string { return "\x00\xff\x00" },
		"no position":  func(s string) string { return strings.Replace(s, `"position"`, `"place"`, 1) },
		"another word": func(s string) string { return strings.Replace(s, ":2", ":-2", 1) },
	} {
		j := journal.New(journal.Options{})
		appendNamed(j, "a", "b", "c")
		dir := t.TempDir()
		path := filepath.Join(dir, "cursors", "far")
		spoilt := spoil(good(path, journal.Position{Journal: j.ID(), Seq: 2}))
		if err := os.WriteFile(path, []byte(spoilt), 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		far := &farSide{}
		s := New(j, far, Options{Name: "far", Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
		s.Start()
		closeSink(t, s)
		if diff := cmp.Diff([]string{"a", "b", "c"}, far.names()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		kept, _ := filepath.Glob(path + ".broken-*")
		if len(kept) != 1 || !strings.Contains(log.String(), "has lost its place") || !strings.Contains(log.String(), kept[0]) {
			t.Errorf("%s: kept %v, log %s", name, kept, &log)
		} else if text, _ := os.ReadFile(kept[0]); string(text) != spoilt {
			t.Errorf("%s: the broken one was changed", name)
		}
	}
}

// TestAnotherJournal: a cursor in a journal that is gone begins with what there is, and says what is not known.
func TestAnotherJournal(t *testing.T) {
	dir := t.TempDir()
	if err := saveCursor(filepath.Join(dir, "cursors", "far"), journal.Position{Journal: "01J00000000000000000000000", Seq: 500}, counts{}); err != nil {
		t.Fatal(err)
	}
	j := journal.New(journal.Options{})
	appendNamed(j, "a", "b")
	far := &farSide{}
	s := New(j, far, Options{Name: "far", Dir: dir})
	s.Start()
	closeSink(t, s)
	if len(far.took) != 3 || far.took[0].Kind != journal.KindGap || !strings.Contains(far.took[0].Cause, "01J00000000000000000000000") {
		t.Errorf("took %v", far.took)
	}
}
