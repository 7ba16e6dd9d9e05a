package evidence

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	theirs "github.com/transparency-dev/witness/witness"
	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"k8s.io/klog/v2"
)

// tessera logs to standard error as it sees fit.
func TestMain(m *testing.M) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	os.Exit(m.Run())
}

// TestTree holds our tree hash against tlog's.
func TestTree(t *testing.T) {
	var ours tree
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (hashes []tlog.Hash, _ error) {
		for _, i := range indexes {
			hashes = append(hashes, stored[i])
		}
		return hashes, nil
	})
	for n := range int64(700) {
		if want, err := tlog.TreeHash(n, reader); n > 0 && (err != nil || ours.root() != want) {
			t.Fatalf("the root of %d leaves is %v, want %v (%v)", n, ours.root(), want, err)
		}
		data := []byte(strings.Repeat("x", int(n)))
		more, err := tlog.StoredHashes(n, data, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
		if ours.add(data) != tlog.RecordHash(data) {
			t.Fatalf("the hash of leaf %d is not tlog's", n)
		}
	}
}

// TestTessera: the log is one that tessera's own client and fsck take for what it says, at every size.
func TestTessera(t *testing.T) {
	dir := t.TempDir()
	secret, public, err := note.GenerateKey(rand.Reader, "doorkeeper/dk-1")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	log := tiles{dir: dir}
	for _, n := range []int{0, 1, 2, 252, 1, 1, 5, 250, 600, 1} {
		var leaves [][]byte
		for i := range n {
			leaves = append(leaves, []byte(strings.Repeat("leaf", i%9)+" of a log"))
		}
		if err := log.add(leaves); err != nil {
			t.Fatal(err)
		}
		root, err := log.root()
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			continue
		}
		c := Checkpoint{Origin: "doorkeeper/dk-1/j", Size: log.size, Root: root, Journal: "j", HeadSeq: 7}
		text, err := note.Sign(&note.Note{Text: c.text()}, signer)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, checkpointFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		check := fsck.New(c.Origin, verifier, client.FileFetcher{Root: dir}, bundleHasher, fsck.Opts{N: 2})
		if err := check.Check(t.Context()); err != nil {
			t.Fatalf("tessera does not accept the log of %d leaves: %v", log.size, err)
		}
	}
}

func bundleHasher(bundle []byte) (hashes [][]byte, _ error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	for _, e := range b.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return hashes, nil
}

// memory is where the witness of these tests keeps what it has signed.
type memory struct {
	mu    sync.Mutex
	notes map[string][]byte
}

func (m *memory) Init(context.Context) error { return nil }

func (m *memory) Latest(_ context.Context, origin string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.notes[origin], nil
}

func (m *memory) Update(_ context.Context, origin string, change func([]byte) ([]byte, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	next, err := change(m.notes[origin])
	if err == nil {
		m.notes[origin] = next
	}
	return err
}

// realWitness runs transparency-dev's own witness for logs with one key. mute makes it answer 500.
func realWitness(t *testing.T, logKey func() string) (w Witness, mute func(bool)) {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "witness.example/w1")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := fnote.NewSignerForCosignatureV1(secret)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := theirs.New(t.Context(), theirs.Opts{
		Persistence: &memory{notes: map[string][]byte{}}, Signers: []note.Signer{signer},
		VerifierForLog: func(context.Context, string) (note.Verifier, bool, error) {
			v, err := note.NewVerifier(logKey())
			return v, err == nil, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	handler := theirs.NewHTTPHandler(inner)
	var mu sync.Mutex
	var silent bool
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if silent || in.URL.Path != "/add-checkpoint" {
			http.Error(out, "no", http.StatusInternalServerError)
			return
		}
		handler.AddCheckpoint(out, in)
	}))
	t.Cleanup(server.Close)
	return Witness{URL: server.URL, Key: public}, func(is bool) {
		mu.Lock()
		defer mu.Unlock()
		silent = is
	}
}

// TestWitness: a real witness signs checkpoints as the log grows, also after a restart of the log and a time in which it
// was not there, and Verify says what that proves.
func TestWitness(t *testing.T) {
	already := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, already) }) // behind the witness's own cleanup
	j := newTestJournal(t)
	var l *Log
	w, mute := realWitness(t, func() string { return l.Key() })
	l = j.log(w)
	for round := range 8 {
		j.fill(60, 20)
		mute(round == 4 || round == 5)
		if round == 3 {
			closeLog(t, l)
			l = j.log(w)
		}
		s := checkpoint(t, l)
		signed := strings.Contains(string(s.Note), "— witness.example/w1 ")
		if want := round != 4 && round != 5 && round != 6; signed != want { // in round 6 it is not waited for
			t.Fatalf("round %d: the witness's signature: %v, want %v", round, signed, want)
		}
		l.witnesses.running.Wait()
	}
	closeLog(t, l)
	for _, trusted := range [][]string{nil, {w.Key}} {
		r, err := Verify(t.Context(), VerifyOptions{Dir: j.dir, Witnesses: trusted})
		if err != nil {
			t.Fatal(err)
		}
		wantProved(t, r)
		got := r.Journals[0].Cosigned
		if len(got) != 1 || got[0].Witness != "witness.example/w1" || got[0].Trusted != (trusted != nil) || got[0].HeadSeq != j.seq || got[0].Time.IsZero() {
			t.Errorf("cosigned: %+v", got)
		}
	}
}

// TestWitnessRefuses: a log that was set back is not signed, and the error says so.
func TestWitnessRefuses(t *testing.T) {
	j := newTestJournal(t)
	var l *Log
	w, _ := realWitness(t, func() string { return l.Key() })
	l = j.log(w)
	j.fill(200, 20)
	checkpoint(t, l)
	closeLog(t, l)

	other := testJournalAt(t, t.TempDir(), j.id)
	other.keys = j.keys
	var warned []error
	for _, records := range []int{50, 300} { // shorter, then longer, and never the same
		other.fill(records, 30)
		forged, err := Open(Options{Dir: other.dir, Keys: j.keys, Proxy: "dk-1", Journal: j.id, Witnesses: []Witness{w}, Warn: func(err error) { warned = append(warned, err) }})
		if err != nil {
			t.Fatal(err)
		}
		if s := checkpoint(t, forged); strings.Contains(string(s.Note), "witness.example") {
			t.Error("the witness has signed another log")
		}
		closeLog(t, forged)
	}
	if len(warned) != 2 || !strings.Contains(warned[0].Error(), "set back") || !strings.Contains(warned[1].Error(), "does not agree") {
		t.Errorf("warnings: %v", errors.Join(warned...))
	}
}

func TestCosignerKey(t *testing.T) {
	_, public, err := note.GenerateKey(rand.Reader, "witness.example/w1")
	if err != nil {
		t.Fatal(err)
	}
	want, err := fnote.NewVerifierForCosignatureV1(public)
	if err != nil {
		t.Fatal(err)
	}
	converted, err := fnote.VKeyToCosignatureV1(public)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{public, converted} {
		ours, err := parseCosigner(key)
		if err != nil || ours.KeyHash() != want.KeyHash() || ours.Name() != want.Name() {
			t.Errorf("%s: %v, key hash %x, want %x", key, err, ours.KeyHash(), want.KeyHash())
		}
	}
	for _, key := range []string{"", "w", "w+1", strings.Replace(public, "w1", "w2", 1), public + "A"} {
		if _, err := parseCosigner(key); err == nil {
			t.Errorf("%q is taken for a key", key)
		}
	}
}
