package evidence

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"google.golang.org/protobuf/proto"

	"doorkeeper/access"
	"doorkeeper/journal/store"
)

// TestStore follows and verifies what the journal's own store writes, while it is written, sealed and opened again.
func TestStore(t *testing.T) {
	root, id := t.TempDir(), ulid.MustParseStrict("01JD7Z3Q3M0000000000000000")
	dir := filepath.Join(root, "journal", id.String())
	var seq int64
	for range 3 {
		s, _, err := store.Open(store.Options{Dir: dir, Journal: id, SegmentBytes: 256 << 10})
		if err != nil {
			t.Fatal(err)
		}
		l, err := Open(Options{Dir: dir, Keys: filepath.Join(root, "keys"), Proxy: "dk-1", Journal: id.String()})
		if err != nil || l.Aside() != "" {
			t.Fatal(err, l.Aside())
		}
		for i := range 6000 {
			seq++
			appendTo(t, s, id.String(), seq)
			if i%500 == 499 {
				if c := checkpoint(t, l); c.HeadSeq != seq {
					t.Fatalf("the head is %d, want %d", c.HeadSeq, seq)
				}
				wantProved(t, verifyDir(t, dir))
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		checkpoint(t, l)
		closeLog(t, l)
		r := verifyDir(t, dir)
		wantProved(t, r)
		if got := r.Journals[0]; got.Open != 0 || got.Records != seq || got.Uncovered != 0 {
			t.Errorf("%+v", got)
		}
	}
}

// appendTo waits where the next segment is not ready yet.
func appendTo(t *testing.T, s *store.Store, journal string, seq int64) {
	t.Helper()
	stream := store.Access
	if seq%7 == 0 {
		stream = store.Control
	}
	payload, err := proto.MarshalOptions{}.MarshalAppend(store.AppendSeq(nil, seq), &access.Record{Journal: journal, Kind: "access", Principal: "User:erp"})
	for err == nil {
		if err = s.Append(stream, seq, payload); !errors.Is(err, store.ErrFull) {
			break
		}
		time.Sleep(time.Millisecond)
		err = nil
	}
	if err != nil {
		t.Fatal(err)
	}
}
