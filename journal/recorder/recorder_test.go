package recorder

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func noRecords() error { return nil }

func openAt(t testing.TB, path string, opt Options) (*Recorder, Recovery) {
	t.Helper()
	r, found, err := Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, found
}

func newRecorder(t testing.TB) *Recorder {
	r, _ := openAt(t, filepath.Join(t.TempDir(), "recorder"), Options{Reserve: step})
	return r
}

// again opens what the file of r holds at this moment, as after a kill.
func (r *Recorder) again(t *testing.T) (*Recorder, Recovery) {
	t.Helper()
	return openAt(t, r.copied(t), Options{Reserve: step})
}

func (r *Recorder) copied(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(r.file.Name())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "recorder")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatIsOpenIsFoundAgain(t *testing.T) {
	r := newRecorder(t)
	var session, flow, sum, gone Slot
	at := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC).UnixNano()
	for _, c := range []struct {
		s        *Slot
		kind     Kind
		context  uint64
		template string
		note     int
	}{{&session, Session, 0, "who", 0}, {&flow, Flow, 1, "what", 200}, {&sum, Sum, 1, strings.Repeat("names ", 5000), 40}, {&gone, Flow, 1, "gone", 200}} {
		if !r.Take(c.s, c.kind, c.context, at, []byte(c.template), c.note) {
			t.Fatal("no room")
		}
	}
	var tape Tape
	var left *Batch
	for i := range int64(200) { // three blocks
		left = tape.Note(&flow, &Batch{First: i * 10, Last: i*10 + 9, Requested: 5, Size: 1000, CRC: uint32(i), Messages: 10, Flags: 3})
		if i < 199 {
			left.Release(1000, at+i)
		}
	}
	left.Release(400, at+500)
	left.Release(500, at+600)
	flow.Note(100, []byte("first"))
	flow.Note(150, []byte("second"))
	flow.Recorded(17, 40)
	sum.Note(0, []byte("counts"))
	gone.Free()
	if err := r.Cycle(noRecords); err != nil {
		t.Fatal(err)
	}

	_, found := r.again(t)
	if len(found.Open) != 3 || found.Torn != nil || found.Fenced != "" || time.Since(found.Alive).Abs() > time.Minute {
		t.Fatalf("%+v", found)
	}
	s, f, u := found.Open[0], found.Open[1], found.Open[2]
	if s.Kind != Session || string(s.Template) != "who" || s.At != at || s.Context != nil || s.Marks != nil || s.Notes != nil {
		t.Errorf("session: %+v", s)
	}
	if u.Kind != Sum || len(u.Template) != 30000 || string(u.Context) != "who" || string(u.Notes[0].Figures) != "counts" {
		t.Errorf("sum: %+v", u)
	}
	if f.Kind != Flow || string(f.Template) != "what" || string(f.Context) != "who" || len(f.Batches) != 200 ||
		!slices.Equal(f.Marks, []Mark{{17, 40}}) || len(f.Notes) != 2 || f.Notes[0].Upto != 100 || string(f.Notes[1].Figures) != "second" {
		t.Errorf("flow: %+v", f)
	}
	for i, b := range f.Batches {
		bytes, begun, end := b.Released()
		want := [3]int64{1000, at + int64(i), at + int64(i)}
		if i == 199 {
			want = [3]int64{500, at + 500, at + 600}
		}
		if b.Index() != uint64(i+1) || b.First != int64(i*10) || b.CRC != uint32(i) || b.Messages != 10 || b.Flags != 3 || [3]int64{bytes, begun, end} != want {
			t.Fatalf("batch %d: %+v", i, b)
		}
	}
}

// A note, a mark, a batch or a slot that was torn at any byte leaves what was before it, or is there as a whole.
func TestTornAtEveryByte(t *testing.T) {
	r := newRecorder(t)
	var flow Slot
	var tape Tape
	if !r.Take(&flow, Flow, 0, 1, []byte("what"), 100) {
		t.Fatal("no room")
	}
	flow.Note(1, bytes.Repeat([]byte("a"), 100))
	flow.Note(2, bytes.Repeat([]byte("b"), 90))
	flow.Recorded(5, 1)
	flow.Recorded(6, 2)
	tape.Note(&flow, &Batch{First: 1, Last: 2, Size: 10})
	for name, change := range map[string]func(){
		"note":  func() { flow.Note(3, bytes.Repeat([]byte("c"), 100)) },
		"mark":  func() { flow.Recorded(7, 3) },
		"batch": func() { tape.Note(&flow, &Batch{First: 3, Last: 9, Size: 11, CRC: 77, Messages: 7}) },
		"slot":  func() { r.Take(new(Slot), Flow, 0, 1, []byte("another"), 100) },
	} {
		t.Run(name, func(t *testing.T) {
			before := r.content(t)
			was := r.described(t, before)
			change()
			after := r.content(t)
			is := r.described(t, after)
			if was == is {
				t.Fatal("nothing changed")
			}
			first, end := differ(before, after)
			seen := map[string]bool{}
			for cut := first; cut <= end; cut++ {
				for _, torn := range [][]byte{ // written from the front, and from the back
					slices.Concat(after[:cut], before[cut:]), slices.Concat(before[:cut], after[cut:]),
				} {
					got := r.described(t, torn)
					seen[got] = true
					if got != was && got != is && (name != "slot" || got != strings.Replace(was, "0 torn", "1 torn", 1)) {
						t.Fatalf("cut at %d of %d to %d:\n%s\nbefore:\n%s\nafter:\n%s", cut, first, end, got, was, is)
					}
				}
			}
			if !seen[was] || !seen[is] {
				t.Error("not both were seen")
			}
		})
	}
}

func differ(a, b []byte) (first, end int) {
	for first = 0; a[first] == b[first]; first++ {
	}
	for end = len(a); a[end-1] == b[end-1]; end-- {
	}
	return first, end
}

func (r *Recorder) content(t *testing.T) []byte {
	text, err := os.ReadFile(r.file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// described is what recovery makes of a file: what counts of it.
func (r *Recorder) described(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recorder")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	again, found, err := Open(path, Options{Reserve: step})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	var out strings.Builder
	for _, f := range found.Open {
		fmt.Fprintf(&out, "%s mark %v note %v", f.Template, last(f.Marks), last(f.Notes))
		for _, b := range f.Batches {
			fmt.Fprintf(&out, " batch %d %d-%d", b.index, b.First, b.Last)
		}
		out.WriteString("\n")
	}
	fmt.Fprintf(&out, "%d torn", len(found.Torn))
	return out.String()
}

func last[T any](list []T) (newest T) {
	if len(list) > 0 {
		newest = list[len(list)-1]
	}
	return newest
}

func TestGivenBackIsFreeAfterACycle(t *testing.T) {
	r := newRecorder(t)
	var a, b, c Slot
	var fail error
	synced := 0
	records := func() error { synced++; return fail }
	take := func(s *Slot) {
		t.Helper()
		if !r.Take(s, Flow, 0, 0, nil, 100) {
			t.Fatal("no room")
		}
	}
	take(&c)
	p := c.p
	c.Free()
	if take(&a); a.p != p || c.Held() {
		t.Error("what was taken since the last sync is not free at once")
	}
	if err := r.Cycle(records); err != nil {
		t.Fatal(err)
	}
	gen := a.Generation()
	a.Free()
	if a.Held() {
		t.Error("a slot that was given back is held")
	}
	if take(&b); b.p == p {
		t.Error("the place was used again before its record was on disk")
	}
	fail = errors.New("disk is gone")
	if err := r.Cycle(records); !errors.Is(err, fail) || synced != 2 {
		t.Error(err, synced)
	}
	if take(&b); b.p == p {
		t.Error("the place was used again although its record could not be synced")
	}
	fail = nil
	if err := r.Cycle(records); err != nil {
		t.Fatal(err)
	}
	if take(&c); c.p != p || c.Generation() == gen {
		t.Errorf("the place is not used again, or with its old generation %d", gen)
	}
	if got := r.Stats().Held; got != 3 {
		t.Errorf("%d places are held", got)
	}
}

// What is left on a block's place of an earlier use belongs to nobody.
func TestOldBatchesOfAPlaceDoNotCount(t *testing.T) {
	r := newRecorder(t)
	for round := range 3 {
		var s Slot
		var tape Tape
		if !r.Take(&s, Flow, 0, 0, []byte{byte(round)}, 100) {
			t.Fatal("no room")
		}
		for range 10 - 4*round {
			tape.Note(&s, &Batch{First: int64(round)})
		}
		_, found := r.again(t)
		if len(found.Open) != 1 || len(found.Open[0].Batches) != 10-4*round {
			t.Fatalf("round %d: %+v", round, found.Open)
		}
		s.Free()
		tape.Clear(r)
		if err := r.Cycle(noRecords); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSpentBlocks(t *testing.T) {
	r := newRecorder(t)
	var s Slot
	var tape Tape
	if !r.Take(&s, Flow, 0, 0, nil, 100) {
		t.Fatal("no room")
	}
	for i := uint64(1); i <= 2000; i++ {
		if tape.Next() != i || tape.Note(&s, &Batch{}) == nil {
			t.Fatal("at", i)
		}
	}
	for _, upto := range []uint64{17, 145} { // the first batches behind the blocks
		if tape.Spent(upto-1) || !tape.Spent(upto) {
			t.Errorf("before %d a block is spent, or then it is not", upto)
		}
		tape.Drop(r)
	}
	for tape.Spent(5000) {
		tape.Drop(r)
	}
	if len(tape.blocks) != 1 {
		t.Errorf("%d blocks are left: the last is in use", len(tape.blocks))
	}
}

// Full is an answer, at each place that takes room; what is given back can be used.
func TestFull(t *testing.T) {
	r, _ := openAt(t, filepath.Join(t.TempDir(), "recorder"), Options{Reserve: step, Max: 2 * step})
	var slots []*Slot
	for {
		s := new(Slot)
		if !r.Take(s, Flow, 0, 0, make([]byte, 300), 200) {
			break
		}
		slots = append(slots, s)
		if len(slots) < 100 && r.Room() != nil {
			t.Fatal(r.Room())
		}
	}
	if want := 2*step/1024 - 8; len(slots) != want {
		t.Errorf("%d slots, not %d", len(slots), want)
	}
	if err := r.Room(); !errors.Is(err, errMax) {
		t.Errorf("room: %v", err)
	}
	var tape Tape
	if tape.Note(slots[0], &Batch{}) != nil {
		t.Error("a block where there is no room")
	}
	for _, s := range slots {
		s.Free()
	}
	if err := r.Cycle(noRecords); err != nil {
		t.Fatal(err)
	}
	if !r.Take(new(Slot), Flow, 0, 0, make([]byte, 300), 200) {
		t.Error("no room although all was given back")
	}
	if r.Take(new(Slot), Flow, 0, 0, make([]byte, largest), 200) {
		t.Error("a template that fits nowhere has a place")
	}
}

func TestReset(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recorder")
	r, _ := openAt(t, path, Options{Reserve: step})
	for range 3000 {
		var tape Tape
		s := new(Slot)
		if !r.Take(s, Flow, 0, 0, make([]byte, 300), 200) || tape.Note(s, &Batch{}) == nil {
			t.Fatal("no room")
		}
	}
	again, found := r.again(t)
	if len(found.Open) != 3000 || again.Stats().Bytes < 3<<20 {
		t.Fatalf("%d found in %d bytes", len(found.Open), again.Stats().Bytes)
	}
	if err := again.Reset(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(again.file.Name()); err != nil || info.Size() != headSize+step {
		t.Error(err, info.Size())
	}
	var s Slot
	var tape Tape
	if !again.Take(&s, Flow, 0, 0, []byte("new"), 100) || tape.Note(&s, &Batch{}) == nil {
		t.Fatal("no room")
	}
	_, found = again.again(t)
	if len(found.Open) != 1 || string(found.Open[0].Template) != "new" || len(found.Open[0].Batches) != 1 {
		t.Errorf("%+v", found)
	}
}

func TestForeignFileStaysBeside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recorder")
	for i := 1; i < 3; i++ {
		if err := os.WriteFile(path, []byte("something that is no flight recorder"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, found := openAt(t, path, Options{})
		aside := fmt.Sprintf("%s.damaged-%d", path, i)
		if text, err := os.ReadFile(aside); found.Fenced != aside || err != nil || !strings.HasPrefix(string(text), "something") {
			t.Errorf("fenced %q: %v", found.Fenced, err)
		}
	}
}

// A damaged file is read as far as it can be, whatever stands in it.
func TestDamage(t *testing.T) {
	r := newRecorder(t)
	var tape Tape
	slots := make([]Slot, 20)
	for i := range slots {
		if !r.Take(&slots[i], Flow, 0, 0, fmt.Appendf(nil, "flow %d", i), 100) {
			t.Fatal("no room")
		}
		slots[i].Note(0, make([]byte, 100))
		tape.Note(&slots[i], &Batch{})
	}
	whole := r.content(t)
	path := r.copied(t)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tried := 0
	for at := headSize; at < len(whole)-8; at += 5 {
		if bytes.Equal(whole[at:at+8], make([]byte, 8)) {
			continue
		}
		tried++
		damage := bytes.Clone(whole[at : at+8])
		for i := range damage {
			damage[i] ^= byte(at*7 + i + 1)
		}
		write := func(p []byte) {
			if _, err := f.WriteAt(p, int64(at)); err != nil {
				t.Fatal(err)
			}
		}
		write(damage)
		again, found, err := Open(path, Options{Reserve: step})
		if err != nil {
			t.Fatal(at, err)
		}
		if n := len(found.Open); n < len(slots) && len(found.Torn) == 0 {
			t.Errorf("damage at %d: %d found, %v", at, n, found.Torn)
		}
		again.Close()
		write(whole[at : at+8])
	}
	if tried < 300 {
		t.Errorf("damaged at %d places", tried)
	}
}

// Those who come while one syncs wait for the next sync, all for the same.
func TestSyncIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shared
		s.init()
		var calls atomic.Int32
		gate := make(chan struct{})
		call := func() error {
			<-gate
			calls.Add(1)
			return nil
		}
		wait := func() {
			if err := s.do(call); err != nil {
				t.Error(err)
			}
		}
		go wait()
		synctest.Wait()
		for range 50 {
			go func() {
				if wait(); calls.Load() != 2 {
					t.Error("came back from a call that had begun before it came")
				}
			}()
		}
		synctest.Wait()
		gate <- struct{}{}
		gate <- struct{}{}
		synctest.Wait()
		if n := calls.Load(); n != 2 {
			t.Errorf("%d calls", n)
		}
	})
}

func BenchmarkBatch(b *testing.B) {
	r := newRecorder(b)
	var s Slot
	var tape Tape
	r.Take(&s, Flow, 0, 0, make([]byte, 300), 250)
	figures := make([]byte, 250)
	b.ReportAllocs()
	for i := range b.N {
		e := tape.Note(&s, &Batch{First: int64(i), Last: int64(i), Size: 1000})
		e.Release(1000, int64(i+1))
		if tape.Spent(tape.Next()) {
			s.Note(tape.Next(), figures)
			tape.Drop(r)
		}
	}
}

func BenchmarkNote(b *testing.B) {
	r := newRecorder(b)
	var s Slot
	r.Take(&s, Flow, 0, 0, make([]byte, 300), 250)
	figures := make([]byte, 250)
	b.ReportAllocs()
	for i := range b.N {
		s.Note(uint64(i), figures)
	}
}

func BenchmarkTake(b *testing.B) {
	r := newRecorder(b)
	template := make([]byte, 300)
	b.ReportAllocs()
	for range b.N {
		var s Slot
		r.Take(&s, Flow, 0, 0, template, 250)
		s.Free()
	}
}
