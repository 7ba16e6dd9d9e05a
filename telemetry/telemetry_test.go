package telemetry

import (
	"flag"
	"io"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"doorkeeper/access"
	"doorkeeper/journal"
	"doorkeeper/policy"
	"doorkeeper/proxy"
	"doorkeeper/relay"
	"doorkeeper/sink"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// page scrapes a real page over made-up sources.
func page(t *testing.T) string {
	t.Helper()
	stats := proxy.Stats{
		Sessions: 3, SessionsTotal: 5, TurnedAway: 1, AuthFailures: 2, Faults: 4,
		Quarantines: 2, SessionsCut: 101, LoginsRefused: 6,
		Requests: map[string]int64{"Fetch": 100, "Produce": 7},
		Read:     [access.Verdicts]proxy.Moved{{Messages: 1234, Bytes: 123400}, {Messages: 5, Bytes: 50}},
		Written:  [access.Verdicts]proxy.Moved{{Messages: 77, Bytes: 770}, {}, {Messages: 1, Bytes: 2}}, ReadWaits: 8, WriteWaits: 9,
		Denied: map[string]int64{"Fetch": 3}, Refused: map[string]int64{"Fetch": 2},
		ClientIn: 1, ClientOut: 2, BrokerIn: 3, BrokerOut: 4,
		RequestMoves:  relay.Counts{Reads: 1, Writes: 2, UserBytes: 3},
		ResponseMoves: relay.Counts{Reads: 4, Writes: 5, Peeks: 6, Splices: 7, UserBytes: 8, KernelBytes: 9},
		BuffersInUse:  4096, BuffersLimit: 1 << 20, Pipes: relay.PipeStats{Open: 5, Idle: 2, Refused: 1},
	}
	stats.RequestLatency = proxy.Histogram{Sum: 3 * time.Millisecond, Count: 6}
	stats.RequestLatency.Buckets[0], stats.RequestLatency.Buckets[10] = 1, 3
	stats.RequestLatency.Buckets[len(stats.RequestLatency.Buckets)-1] = 2
	law := Policy{
		Status:   policy.Status{Mode: policy.Monitor, Revision: "sha256:ab", Candidate: "sha256:cd", Loaded: time.Unix(2e9, 0)},
		Stats:    policy.Stats{Evaluations: 11, Hits: 1000, Errors: 5, Deadlines: 2, Epoch: 7, Candidate: policy.CandidateStats{Evaluations: 12, Errors: 1}},
		Accounts: policy.AccountStats{Principals: 5, Budgets: 4, Spent: 1},
		Reloads:  Reloads{Done: 3, Refused: 4}, Grants: 1, Refused: true, Stale: true,
	}
	law.Time = policy.Histogram{Count: 2, Sum: 5 * time.Microsecond}
	law.Time.Buckets[1], law.Time.Buckets[2] = 1, 1
	tel, err := New(Options{Top: 2, Sources: Sources{
		Version: "v0",
		Proxy:   func() proxy.Stats { return stats },
		Journal: func() journal.Stats {
			return journal.Stats{Head: 9, Oldest: 4, Bytes: 100, Readers: 2, Kinds: map[string]int64{"access": 8, "control": 1}}
		},
		Sinks: func() []Sink {
			return []Sink{{Name: "local", Lag: 1, Stats: sink.Stats{
				Records: 8, Filtered: 3, Dead: 1, Bytes: 800, Rotations: 1, Errors: 2, Failing: true, Newest: time.Unix(1700000000, 0),
			}}}
		},
		Policy:       func() Policy { return law },
		Reloads:      func() Reloads { return Reloads{Done: 2, Refused: 1} },
		Certificates: func() []Certificate { return []Certificate{{File: "s.pem", Expires: time.Unix(1e9, 0), Stale: true}} },
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range busy() {
		tel.named.add(r)
	}
	w := httptest.NewRecorder()
	tel.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("%d, %v: %s", w.Code, err, body)
	}
	if err := tel.Close(); err != nil {
		t.Error(err)
	}
	return string(body)
}

// busy are records of three principals and three topics, of which two have a place each.
func busy() []*access.Record {
	read := func(principal, topic string, bytes int64) *access.Record {
		return &access.Record{Kind: journal.KindAccess, Operation: "READ", Principal: principal, ResourceType: "TOPIC", Resource: topic,
			Decision: "allow", Bytes: &bytes, Messages: proto.Int64(bytes / 100)}
	}
	write := read("User:app", "orders", 500)
	write.Operation = "WRITE"
	denied := read("User:erp", "payroll", 0)
	denied.Decision, denied.Count = "deny", 17
	return []*access.Record{
		read("User:erp", "purchasing", 1000), write, denied, read("User:third", "orders", 300), read("User:app", "third", 200),
		{Kind: journal.KindSession, Operation: "OPEN", Principal: "User:fourth"},
	}
}

func TestPage(t *testing.T) {
	var lines []string
	for line := range strings.Lines(page(t)) {
		if strings.HasPrefix(line, "doorkeeper_") {
			lines = append(lines, regexp.MustCompile(`go="[^"]*"`).ReplaceAllString(line, `go="GO"`))
		}
	}
	golden(t, "testdata/page.txt", strings.Join(lines, ""))
}

// The names in the table, and so in docs/metrics.md, are those that the page really has, and none is missing.
func TestNames(t *testing.T) {
	var want, got []string
	for _, in := range all() {
		want = append(want, in.prom+" "+string(in.kind))
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (doorkeeper_\w+ \w+)$`).FindAllStringSubmatch(page(t), -1) {
		got = append(got, m[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names differ (-table +page):\n%s", diff)
	}
}

func TestMarkdown(t *testing.T) { golden(t, "../docs/metrics.md", Markdown()) }

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got), rewrite with -update:\n%s", file, diff)
	}
}
