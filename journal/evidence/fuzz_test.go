package evidence

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"doorkeeper/access"
)

// Whatever stands in a file, reading it ends, and what is read is written again as it was.

func FuzzLeaf(f *testing.F) {
	l := Leaf{Journal: "01JD7Z3Q3M0000000000000000", Stream: "access", First: 7, Last: 20, Count: 10}
	f.Add(l.Marshal())
	l.Fenced = "00"
	f.Add(l.Marshal())
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := ParseLeaf(text)
		if err == nil && !bytes.Equal(l.Marshal(), text) {
			t.Errorf("%q is read as %+v", text, l)
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	c := Checkpoint{
		Origin: "o", Size: 3, Journal: "01JD7Z3Q3M0000000000000000", HeadSeq: 9, Running: []Running{{"access", 4, 5, (&tree{}).root()}},
		Previous: &Previous{"01JD7Z3Q3M0000000000000000", 1, (&tree{}).root(), 2},
	}
	f.Add(c.text())
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCheckpoint(text)
		if err == nil && c.text() != text {
			t.Errorf("%q is read as %+v", text, c)
		}
		if _, _, err := openNote([]byte(text)); err == nil {
			t.Errorf("%q is taken for signed", text)
		}
	})
}

func FuzzKeys(f *testing.F) {
	dir := f.TempDir()
	k, err := openKeys(dir, "dk-1")
	if err != nil {
		f.Fatal(err)
	}
	first := len(k.chain)
	if err := os.WriteFile(filepath.Join(dir, rotateFile), nil, 0o600); err != nil {
		f.Fatal(err)
	}
	if err := k.rotate(dir); err != nil {
		f.Fatal(err)
	}
	f.Add(k.chain)
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := ParseKeys(text)
		if err == nil && len(all) > 1 && !bytes.Equal(text[first:], k.chain[first:]) && bytes.HasPrefix(text, k.chain[:first]) {
			t.Errorf("%q: a key that nobody signed", text)
		}
	})
}

func FuzzSegment(f *testing.F) {
	j := newTestJournal(f)
	for range 3 {
		j.append("control", &access.Record{})
	}
	g := j.open["control"]
	f.Add(g.buf[headerSize:])
	f.Add(appendFooter(g.buf, footer{3, 1, 3})[headerSize:])
	f.Fuzz(func(t *testing.T, data []byte) {
		whole := append(appendHeader(nil, "control", j.id, 1), data...)
		x := &file{stream: "control", first: 1, end: openEnd, path: "f"}
		s := &scanned{}
		if err := x.records(s, newFrames(bytes.NewReader(whole))); err != nil {
			t.Fatal(err)
		}
		if s.count > int64(len(data)/frameHead) {
			t.Errorf("%d records in %d bytes", s.count, len(data))
		}
	})
}

func FuzzBundle(f *testing.F) {
	f.Add([]byte{0, 1, 7, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := splitBundle(data)
		n := 0
		for _, e := range entries {
			n += 2 + len(e)
		}
		if err == nil && n != len(data) {
			t.Errorf("%d of %d bytes are leaves", n, len(data))
		}
	})
}

func FuzzGiven(f *testing.F) {
	f.Add([]byte(`{"checkpoint":"x"}{"a":[{"checkpoint":"y"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := ReadGiven("f", text)
		if err == nil && len(all) == 0 {
			t.Error("no checkpoint, and no error")
		}
	})
}
