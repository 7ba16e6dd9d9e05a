package store

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

// FuzzSegment: whatever a segment file holds, opening and reading it ends, panics nowhere, and yields ascending numbers;
// and what is appended after it is read.
func FuzzSegment(f *testing.F) {
	h := Header{Stream: Access, Journal: testJournal, First: 1}
	whole := h.append(nil)
	g := &segment{mem: make([]byte, 4096), end: HeaderSize}
	g.begin(testJournal, 1, h.Created)
	for seq := int64(1); seq < 20; seq++ {
		g.append(seq, record(seq, int(seq)))
	}
	footer := g.footer(h.Created)
	f.Add(whole, false, true)
	f.Add(g.mem, false, false)
	f.Add(footer.append(append([]byte(nil), g.mem[:g.end]...)), true, true)
	f.Add([]byte(nil), true, false)
	f.Fuzz(func(t *testing.T, file []byte, sealed, forged bool) {
		if forged {
			forge(file)
		}
		dir := t.TempDir()
		name := fileName(1, ".open")
		if sealed {
			name = fileName(1, ".seg")
		}
		for _, stream := range []string{"access", "control"} { // in the other it is a stranger
			if err := os.MkdirAll(filepath.Join(dir, stream), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, stream, name), file, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, found, err := Open(unsynced(options(dir)))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		next := found.Head + 1
		if err := s.Append(Access, next, record(next, 3)); err != nil {
			t.Fatal(err)
		}
		r := s.Read(0)
		defer r.Close()
		var last int64
		for {
			seq, payload, missing, ok := r.Next()
			if !ok {
				break
			}
			if payload != nil && seq != last+missing+1 || payload == nil && seq != last+missing || seq <= last {
				t.Fatalf("after %d, %d missing: %d", last, missing, seq)
			}
			last = seq
		}
		if last != next {
			t.Fatalf("read up to %d, appended %d", last, next)
		}
	})
}

// forge makes the checksums match what a file says, as somebody would who can write it.
func forge(file []byte) {
	if len(file) < HeaderSize {
		return
	}
	sum := func(at int, over []byte) {
		binary.LittleEndian.PutUint32(file[at:], crc32.Checksum(over, castagnoli))
	}
	sum(60, file[:60])
	for at := HeaderSize; at+frameHead < len(file); {
		length := int(binary.LittleEndian.Uint32(file[at:]))
		if length == footerMark && at+FooterSize <= len(file) {
			sum(at+4, file[at+8:at+FooterSize])
			return
		}
		if length == 0 || at+frameHead+length > len(file) {
			return
		}
		sum(at+4, file[at+frameHead:][:length])
		at += int(frameSize(length))
	}
}
