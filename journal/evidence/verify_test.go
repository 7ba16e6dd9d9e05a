package evidence

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"doorkeeper/access"
)

// found says whether something of this kind was found.
func foundKind(r *Report, what string) bool { return clueOf(allFindings(r), what) != nil }

func clueOf(all []Finding, what string) *Finding {
	for i := range all {
		if all[i].What == what {
			return &all[i]
		}
	}
	return nil
}

// copyDir copies a directory.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestSetBack: a directory that was put back to what it was is right in itself. Only a checkpoint that was kept elsewhere
// tells, as a note or in the records that a SIEM has.
func TestSetBack(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	j.fill(90, 20)
	first := checkpoint(t, l)
	old := filepath.Join(t.TempDir(), j.id)
	copyDir(t, j.dir, old)
	j.fill(10, 20)
	second := checkpoint(t, l)
	j.fill(100, 20)
	third := checkpoint(t, l)
	closeLog(t, l)

	wantProved(t, verifyDir(t, old))
	wantProved(t, verifyDir(t, old, Given{"first", first.Note}))
	wantProved(t, verifyDir(t, j.dir, Given{"first", first.Note}, Given{"second", second.Note}, Given{"third", third.Note}))
	r := verifyDir(t, old, Given{"second", second.Note})
	if f := clueOf(allFindings(r), Truncated); r.Proved || f == nil {
		t.Errorf("that ten records are cut off is not found, but\n%s", list(allFindings(r)))
	}
	line, err := json.Marshal(map[string]any{"result": map[string]any{"kind": "control", "checkpoint": string(third.Note)}})
	if err != nil {
		t.Fatal(err)
	}
	given, err := ReadGiven("siem.json", append([]byte("{\"kind\":\"access\"}\n"), line...))
	if err != nil || len(given) != 1 || given[0].From != "siem.json:2" {
		t.Fatalf("%v: %+v", err, given)
	}
	r = verifyDir(t, old, given...)
	if !foundKind(r, Truncated) || !(clue{seq: 200}).in(allFindings(r)) {
		t.Errorf("that the log was set back is not found, but\n%s", list(allFindings(r)))
	}
}

// TestRewritten: whoever has the key can write another history, and a checkpoint that was kept elsewhere tells.
func TestRewritten(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	j.fill(95, 20)
	kept := checkpoint(t, l)
	closeLog(t, l)

	forged := testJournalAt(t, t.TempDir(), j.id)
	forged.keys = j.keys
	l = forged.log()
	forged.append("access", &access.Record{Kind: "access", Principal: "User:somebody-else"})
	forged.fill(199, 20)
	checkpoint(t, l)
	closeLog(t, l)
	wantProved(t, verifyDir(t, forged.dir))
	if r := verifyDir(t, forged.dir, Given{"kept", kept.Note}); !foundKind(r, BadLog) {
		t.Errorf("that the log was rewritten is not found, but\n%s", list(allFindings(r)))
	}

	stranger := testJournalAt(t, t.TempDir(), j.id)
	l = stranger.log()
	stranger.fill(95, 20)
	s := checkpoint(t, l)
	closeLog(t, l)
	if r := verifyDir(t, j.dir, Given{"stranger", s.Note}); !foundKind(r, BadKey) {
		t.Errorf("that the checkpoint is not ours is not found, but\n%s", list(allFindings(r)))
	}
}

// TestNotes: the checkpoints in the journal's own records are held against the log, too.
func TestNotes(t *testing.T) {
	j := newTestJournal(t)
	other := testJournalAt(t, t.TempDir(), j.id)
	other.keys = j.keys
	l := other.log()
	other.append("access", &access.Record{Kind: "access", Principal: "User:somebody-else"})
	other.fill(99, 20)
	foreign := checkpoint(t, l)
	closeLog(t, l)

	l = j.log()
	for range 5 {
		j.fill(40, 20)
		j.append("control", &access.Record{Kind: "control", Operation: "CHECKPOINT", Checkpoint: string(checkpoint(t, l).Note)})
		j.write()
	}
	checkpoint(t, l)
	wantProved(t, verifyDir(t, j.dir))
	seq := j.append("control", &access.Record{Kind: "control", Operation: "CHECKPOINT", Checkpoint: string(foreign.Note)})
	j.write()
	checkpoint(t, l)
	closeLog(t, l)
	if all := allFindings(verifyDir(t, j.dir)); len(all) != 1 || all[0].What != BadLog || all[0].Seq != seq {
		t.Errorf("found\n%s", list(all))
	}
}

// TestExpired: a segment that the journal says to have removed reads "expired"; one that somebody removed is missing.
func TestExpired(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	j.fill(400, 20)
	early := checkpoint(t, l)
	gone := func(stream string, leaf *Leaf) {
		j.append("control", &access.Record{Kind: "gap", FromSeq: proto.Int64(leaf.First), ToSeq: proto.Int64(leaf.Last), Cause: "retention"})
		if err := os.Remove(filepath.Join(j.dir, stream, segmentName(leaf.First)+sealedEnd)); err != nil {
			t.Fatal(err)
		}
	}
	leaves := map[string][]Leaf{}
	for n := range (early.Size + tileWidth - 1) / tileWidth {
		entries, err := l.tiles.bundle(n)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			leaf, err := ParseLeaf(e)
			if err != nil {
				t.Fatal(err)
			}
			leaves[leaf.Stream] = append(leaves[leaf.Stream], leaf)
		}
	}
	gone("access", &leaves["access"][0])
	gone("access", &leaves["access"][1])
	j.fill(50, 20)
	checkpoint(t, l)
	r := verifyDir(t, j.dir, Given{"early", early.Note})
	wantProved(t, r)
	if got := r.Journals[0]; got.Expired != 2 || len(got.Gone) != 1 || got.Gone[0].Records != 40 || got.Gone[0].FromSeq != 1 {
		t.Errorf("expired: %+v", got)
	}
	// The record that says so expires in its turn, with control segments that say so themselves.
	for j.open["control"] != nil {
		j.fill(1, 20)
	}
	j.fill(400, 20)
	checkpoint(t, l)
	list := verifyLeaves(t, l, "control")
	last := 0
	for i := range list {
		if list[i].Last <= 460 {
			last = i
		}
	}
	for i := range last + 1 {
		gone("control", &list[i])
	}
	j.write()
	checkpoint(t, l)
	closeLog(t, l)
	wantProved(t, verifyDir(t, j.dir))

	stolen := &leaves["access"][3]
	if err := os.Remove(filepath.Join(j.dir, "access", segmentName(stolen.First)+sealedEnd)); err != nil {
		t.Fatal(err)
	}
	newest := verifyLeaves(t, l, "access")
	last = len(newest) - 1
	if err := os.Remove(filepath.Join(j.dir, "access", segmentName(newest[last].First)+sealedEnd)); err != nil {
		t.Fatal(err)
	}
	if all := allFindings(verifyDir(t, j.dir)); !(clue{segment: segmentName(newest[last].First) + sealedEnd, seq: newest[last].Last}).in(all) {
		t.Errorf("a removed segment is not found, but\n%v", all)
	}
}

func verifyLeaves(t *testing.T, l *Log, stream string) (all []Leaf) {
	t.Helper()
	for n := int64(0); n*tileWidth < l.tiles.size; n++ {
		entries, err := l.tiles.bundle(n)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			leaf, err := ParseLeaf(e)
			if err != nil {
				t.Fatal(err)
			}
			if leaf.Stream == stream {
				all = append(all, leaf)
			}
		}
	}
	return all
}

// TestDamagedLog: a log that is not what its checkpoint says is put aside, and another begun; Verify says so.
func TestDamagedLog(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	j.fill(200, 20)
	checkpoint(t, l)
	closeLog(t, l)
	tile := filepath.Join(j.dir, logDir, "tile", "0", "000.p", "9")
	data := []byte(readFile(t, tile))
	data[40] ^= 1
	writeText(t, tile, string(data))
	l = j.log()
	if l.Aside() == "" {
		t.Fatal("the damage is not noticed")
	}
	if s := checkpoint(t, l); s.HeadSeq != j.seq {
		t.Errorf("the new log's head is %d, want %d", s.HeadSeq, j.seq)
	}
	closeLog(t, l)
	r := verifyDir(t, j.dir)
	if all := allFindings(r); len(all) != 1 || all[0].What != BadLog || !strings.Contains(all[0].Detail, filepath.Base(l.Aside())) {
		t.Errorf("found\n%s", list(all))
	}
	if got := readFile(t, filepath.Join(l.Aside(), "tile", "0", "000.p", "9")); got != string(data) {
		t.Error("what was put aside is not what it was")
	}
}

// TestDamagedSegment: what a crash leaves damaged gets a leaf that says so, and is proved to be what it was then.
func TestDamagedSegment(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	j.fill(60, 20)
	checkpoint(t, l)
	g := j.open["access"]
	j.fill(5, 20)
	closeLog(t, l)
	data := []byte(readFile(t, g.path))
	p := parse(g.path, data)
	broken := len(p.starts) - 2
	data[p.starts[broken]+frameHead+3] ^= 4
	fenced := strings.TrimSuffix(g.path, openEnd) + fencedEnd
	writeText(t, fenced, string(data))
	if err := os.Remove(g.path); err != nil {
		t.Fatal(err)
	}
	delete(j.open, "access")
	l = j.log()
	if _, err := l.Checkpoint(); err == nil || !strings.Contains(err.Error(), fenced) {
		t.Errorf("the damage is not reported, but %v", err)
	}
	j.append("control", &access.Record{Kind: "gap", FromSeq: proto.Int64(p.seq(broken)), ToSeq: proto.Int64(j.seq)})
	j.fill(60, 20)
	s := checkpoint(t, l)
	if s.HeadSeq != j.seq {
		t.Errorf("the head is %d, want %d", s.HeadSeq, j.seq)
	}
	closeLog(t, l)
	r := verifyDir(t, j.dir)
	wantProved(t, r)
	if got := r.Journals[0]; got.Fenced != 1 || len(got.Notes) != 1 {
		t.Errorf("%+v", got)
	}
	data[p.starts[broken+1]+frameHead+3] ^= 4
	writeText(t, fenced, string(data))
	if r := verifyDir(t, j.dir); !(clue{segment: filepath.Base(fenced)}).in(allFindings(r)) {
		t.Error("that the damaged segment was changed is not found")
	}
}

// TestPrevious: a new journal's checkpoints name where the one before it ended.
func TestPrevious(t *testing.T) {
	root := t.TempDir()
	first := testJournalAt(t, root, "01JD7Z3Q3M0000000000000000")
	l := first.log()
	first.fill(100, 20)
	checkpoint(t, l)
	closeLog(t, l)
	second := testJournalAt(t, root, "01JE7Z3Q3M0000000000000000")
	for range 2 {
		l = second.log()
		second.fill(50, 20)
		if c := checkpoint(t, l); c.Previous == nil || c.Previous.Journal != first.id || c.Previous.HeadSeq != 100 {
			t.Fatalf("the journal before is %+v", c.Previous)
		}
		closeLog(t, l)
	}
	wantProved(t, verifyDir(t, root))
	wantProved(t, verifyDir(t, filepath.Join(root, "journal")))
	r := verifyDir(t, second.dir)
	wantProved(t, r)
	if got := r.Journals[0]; got.Previous != first.id || len(got.Notes) != 1 {
		t.Errorf("%+v", got)
	}

	// Another history of the first journal, right in itself.
	if err := os.RemoveAll(first.dir); err != nil {
		t.Fatal(err)
	}
	first = testJournalAt(t, root, first.id)
	l = first.log()
	first.fill(80, 20)
	checkpoint(t, l)
	closeLog(t, l)
	if r := verifyDir(t, root); !foundKind(r, BadLog) || !foundKind(r, Truncated) {
		t.Errorf("found\n%s", list(allFindings(r)))
	}
}

// TestLive verifies a directory again and again while it grows: it never finds anything.
func TestLive(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	checkpoint(t, l)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer closeLog(t, l)
		for {
			select {
			case <-stop:
				return
			default:
			}
			j.fill(37, 10)
			if _, err := l.Checkpoint(); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	defer func() {
		close(stop)
		<-done
	}()
	for range 40 {
		wantProved(t, verifyDir(t, j.dir))
	}
}

func TestVerifyNothing(t *testing.T) {
	if _, err := Verify(t.Context(), VerifyOptions{Dir: t.TempDir()}); err == nil {
		t.Error("an empty directory is verified")
	}
	j := newTestJournal(t)
	j.fill(30, 10)
	if r := verifyDir(t, j.dir); r.Proved || !foundKind(r, BadLog) {
		t.Error("a journal without a checkpoint is proved")
	}
	for _, text := range []string{"", "x", "{}", `{"checkpoint":5}`, "{", "\n\n— a b"} {
		if _, err := ReadGiven("f", []byte(text)); err == nil {
			t.Errorf("%q is taken for checkpoints", text)
		}
	}
}
