package journal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
	"google.golang.org/protobuf/testing/protocmp"

	"doorkeeper/access"
)

// small is a journal on disk whose segments and ring are so small that everything is met soon.
func small() Options {
	return Options{Ring: 16, SegmentBytes: 64 << 10, SyncInterval: 5 * time.Millisecond}
}

func openJournal(t testing.TB, dir string, opt Options) *Journal {
	t.Helper()
	j, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func names(from, to int) (all []string) {
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprint("n", i))
	}
	return all
}

// appendBoth puts records into the two streams by turns.
func appendBoth(j *Journal, names ...string) {
	for i, name := range names {
		for j.Writable() != nil { // segments this small are full sooner than the next is made
			time.Sleep(100 * time.Microsecond)
		}
		r := &access.Record{Kind: KindControl, Target: name}
		if i%3 > 0 {
			r = &access.Record{Kind: KindAccess, Operation: "READ", Decision: "allow", Target: name}
		}
		j.Append(r)
	}
}

func TestOpenGoesOn(t *testing.T) {
	dir := t.TempDir()
	var id string
	var at Position
	for round := range 3 {
		j := openJournal(t, dir, small())
		if round > 0 && j.ID() != id {
			t.Fatalf("journal %s became %s", id, j.ID())
		}
		id = j.ID()
		appendBoth(j, names(round*100+1, round*100+100)...)
		if head := j.Head(); head != (Position{id, int64(round*100 + 100)}) {
			t.Errorf("head is %v", head)
		}
		if diff := cmp.Diff(names(1, round*100+100), follow(j, Position{}, round*100+100)); diff != "" {
			t.Errorf("from the beginning: %s", diff)
		}
		if round > 0 { // where a reader of the process before was
			if diff := cmp.Diff(names(round*100-9, round*100+100), follow(j, at, 110)); diff != "" {
				t.Errorf("from %v: %s", at, diff)
			}
		}
		at = Position{id, int64(round*100 + 90)}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRecordsStayTheSame: what is read from disk after a restart is what readers of the ring were given, whole.
func TestRecordsStayTheSame(t *testing.T) {
	dir := t.TempDir()
	read := func(j *Journal) (all []*access.Record) { // to the end, while it closes
		closed := make(chan error, 1)
		go func() { closed <- j.Close() }()
		for r := range j.Follow(context.Background(), Position{}) {
			all = append(all, r)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		return all
	}
	opt := small()
	opt.Ring = 1000
	opt.Proxy = "dk"
	j := openJournal(t, dir, opt)
	appendBoth(j, names(1, 100)...)
	j.Append(&access.Record{Kind: KindAccess, Decision: "deny", ClientId: "bad \xff", Labels: map[string]string{"a": "b"}, Seq: 7, Id: "01JD8Z2P6Q4V7M8X9T0R1S2W3Y"})
	before := read(j)
	again := openJournal(t, dir, opt)
	if diff := cmp.Diff(before, read(again), protocmp.Transform()); diff != "" {
		t.Errorf("-ring +disk:\n%s", diff)
	}
	ids := map[string]bool{}
	for _, r := range before {
		ids[r.Id] = true
		if _, err := ulid.ParseStrict(r.Id); err != nil || r.Journal != j.ID() || r.LoggedTime == nil || r.Time == nil || r.Schema != Schema {
			t.Errorf("incomplete: %v", r)
		}
	}
	if len(ids) != len(before) || len(before) != 101 {
		t.Errorf("%d records, %d ids", len(before), len(ids))
	}
}

// TestFollowWhileWritten: a slow reader of the disk, one of the ring, and one that comes and goes get every record once.
func TestFollowWhileWritten(t *testing.T) {
	j := openJournal(t, t.TempDir(), small())
	const n = 3000
	results := make(chan []string, 3)
	go func() { results <- follow(j, Position{}, n) }()
	go func() {
		var got []string
		for r := range j.Follow(context.Background(), Position{}) {
			if got = append(got, r.Target); len(got)%100 == 0 {
				time.Sleep(time.Millisecond)
			}
			if len(got) == n {
				break
			}
		}
		results <- got
	}()
	go func() {
		var got []string
		for at := (Position{}); len(got) < n; {
			for r := range j.Follow(context.Background(), at) {
				got = append(got, r.Target)
				at = PositionOf(r)
				if len(got) == n || len(got)%7 == 0 {
					break
				}
			}
		}
		results <- got
	}()
	appendBoth(j, names(1, n)...)
	for range 3 {
		if diff := cmp.Diff(names(1, n), <-results); diff != "" {
			t.Error(diff)
		}
	}
}

// TestOnDiskBeforeItLeaves: a reader sees nothing that a power cut could take back.
func TestOnDiskBeforeItLeaves(t *testing.T) {
	j := openJournal(t, t.TempDir(), small())
	go func() {
		for _, name := range names(1, 500) {
			appendBoth(j, name)
			time.Sleep(50 * time.Microsecond)
		}
		j.Close()
	}()
	var n int64
	for r := range j.Follow(context.Background(), Position{}) {
		if n++; r.Seq != n || j.disk.Synced() < n && !j.isClosed() {
			t.Fatalf("record %d has seq %d, on disk are %d", n, r.Seq, j.disk.Synced())
		}
	}
	if n != 500 {
		t.Errorf("%d records", n)
	}
}

func (j *Journal) isClosed() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.closed
}

func TestUnreadableJournal(t *testing.T) {
	dir := t.TempDir()
	old := openJournal(t, dir, small())
	appendBoth(old, names(1, 10)...)
	old.Close()
	streams := filepath.Join(dir, old.ID(), "access")
	if err := os.RemoveAll(streams); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(streams, []byte("no directory"), 0o600); err != nil {
		t.Fatal(err)
	}
	j := openJournal(t, dir, small())
	got := follow(j, Position{}, 1)
	if j.ID() == old.ID() || !strings.Contains(got[0], "journal "+old.ID()+" cannot be opened") {
		t.Errorf("journal %s follows %s: %s", j.ID(), old.ID(), got)
	}
	if text, err := os.ReadFile(streams); err != nil || string(text) != "no directory" {
		t.Error("the old journal was touched")
	}
	got = follow(j, Position{old.ID(), 5}, 1)
	if !strings.Contains(got[0], "journal "+old.ID()+" has ended; read up to seq 5") {
		t.Errorf("a reader of the old one: %s", got)
	}
}

// TestDamagedSegment: what is damaged is fenced, said, and read around.
func TestDamagedSegment(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir, small())
	appendBoth(j, names(1, 30)...)
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	open, err := filepath.Glob(filepath.Join(killed, "*", "access", "*.open"))
	if err != nil || len(open) != 1 {
		t.Fatal(open, err)
	}
	file, err := os.ReadFile(open[0])
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(file), "n15")
	file[at] ^= 1
	if err := os.WriteFile(open[0], file, 0o600); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, killed, small())
	got := follow(j, Position{}, 31)
	want := slices.Concat(names(1, 14), []string{"gap 15-15 count 1, missing in the journal"}, names(16, 30), []string{"gap 15-16 count 0, a segment of the access stream is damaged"})
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%d: got %s, want %s", i, got[i], want[i])
		}
	}
}

func TestHugeRecord(t *testing.T) {
	j := openJournal(t, t.TempDir(), small())
	big := make([]string, 100)
	for i := range big {
		big[i] = strings.Repeat("x", 32<<10)
	}
	j.Append(&access.Record{Kind: KindAccess, Decision: "deny", Target: "huge", Resources: big, ResourceCount: 100, Reason: strings.Repeat("é", 10000)})
	appendNamed(j, "next")
	if diff := cmp.Diff([]string{"huge", "next"}, follow(j, Position{}, 2)); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, where := range []string{Memory, Bounded} {
		b.Run(where, func(b *testing.B) {
			j := New(Options{})
			if where == Bounded {
				j = openJournal(b, b.TempDir(), Options{})
			}
			r := flowRecord()
			b.ReportAllocs()
			before := cpu(b)
			for b.Loop() {
				j.Append(r)
			}
			b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(j.Stats().Lost), "lost")
		})
	}
}

// flowRecord is what a second of a read looks like, but for what Append sets.
func flowRecord() *access.Record {
	r := new(access.Record)
	const text = `{"kind":"access","operation":"READ","time":"2026-11-23T03:00:12.123456Z","end_time":"2026-11-23T03:00:13.100204Z","proxy":"dk-1","cluster":"erp","cluster_id":"MkU3OEVBNTcwNTJENDM2Qg","listener":"plain",` +
		`"session":"01JD3ZK7Q8M3X5V9W2R4T6Y8B0","principal":"User:erp","principal_source":"observed","auth":"SCRAM-SHA-256","source":"10.1.2.3:51544","source_from":"tcp","peer":"10.1.2.3:51544","upstream":"10.9.0.4:40112",` +
		`"client_id":"erp-app","software":"apache-kafka-java/4.3.1","api":"Fetch","api_version":17,"resource_type":"TOPIC","resource":"purchasing","broker":2,"topic_id":"AAAAAAAAAAAAAAAAAAAAAA","partition":3,"leader_epoch":5,"isolation":"read_uncommitted",` +
		`"requests":12,"requested_offset":5000,"first_offset":4096,"last_offset":58722,"messages":54627,"batches":212,"bytes":8123456,"batch_digest":"d5579c46dfcc7f18207013e65b44e4cb4e2c2298f4ac457ba8f82743f31e930b",` +
		`"decision":"allow","enforced":true,"policy":"sha256:d5579c46dfcc7f18207013e65b44e4cb4e2c2298f4ac457ba8f82743f31e930b","outcome":"released"}`
	if err := access.DecodeJSON([]byte(text), r); err != nil {
		panic(err)
	}
	return r
}

// cpu is what the process has used, with what seals and syncs beside.
func cpu(b *testing.B) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
