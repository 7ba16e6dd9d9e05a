package evidence

import (
	"strings"
	"testing"

	"doorkeeper/access"
)

// TestFollow: what is written is covered by the next checkpoint, whether the log was open meanwhile or not.
func TestFollow(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	if c := checkpoint(t, l); c.Size != 0 || c.HeadSeq != 0 || len(c.Running) != 0 {
		t.Errorf("an empty journal's checkpoint is %+v", c.Checkpoint)
	}
	for round := range 12 {
		j.fill(97, 20)
		if round == 5 { // a process that ends, and another
			closeLog(t, l)
			l = j.log()
		}
		c := checkpoint(t, l)
		if c.HeadSeq != j.seq {
			t.Fatalf("round %d: the head is %d, want %d", round, c.HeadSeq, j.seq)
		}
		r := verifyDir(t, j.dir)
		wantProved(t, r)
		if got := r.Journals[0]; got.LastSeq != j.seq || got.Records != j.seq || got.Uncovered != 0 {
			t.Fatalf("round %d: %+v", round, got)
		}
	}
	j.append("access", &access.Record{})
	j.write()
	r := verifyDir(t, j.dir)
	wantProved(t, r)
	if got := r.Journals[0].Uncovered; got != 1 {
		t.Errorf("%d records are not covered, want 1", got)
	}
	closeLog(t, l)
}

// TestHeadIsWhole: a head_seq never claims a record that the other stream had not shown yet.
func TestHeadIsWhole(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	defer closeLog(t, l)
	j.append("access", &access.Record{})
	j.append("control", &access.Record{})
	j.append("access", &access.Record{})
	j.write()
	if _, err := l.followers[0].follow(noLimit); err != nil {
		t.Fatal(err)
	}
	j.append("access", &access.Record{})
	j.append("control", &access.Record{})
	j.append("access", &access.Record{})
	j.write()
	control, access := l.followers[1], l.followers[0]
	if _, err := control.follow(noLimit); err != nil {
		t.Fatal(err)
	}
	if _, err := access.follow(control.last); err != nil {
		t.Fatal(err)
	}
	if access.last != 4 || control.last != 5 {
		t.Errorf("access was read to %d, control to %d; want 4 and 5", access.last, control.last)
	}
	if c := checkpoint(t, l); c.HeadSeq != 6 {
		t.Errorf("the head is %d, want 6", c.HeadSeq)
	}
}

func TestCheckpointText(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	defer closeLog(t, l)
	j.fill(50, 20)
	s := checkpoint(t, l)
	lines := strings.Split(string(s.Note), "\n")
	if lines[0] != "doorkeeper/dk-1/"+j.id || lines[1] != "2" || lines[3] != "journal "+j.id || lines[4] != "head_seq 50" {
		t.Errorf("the note is\n%s", s.Note)
	}
	c, err := parseCheckpoint(strings.SplitAfter(string(s.Note), "\n\n")[0][:strings.Index(string(s.Note), "\n\n")+1])
	if err != nil || len(c.Running) != 2 {
		t.Errorf("%v: %+v", err, c)
	}
}
