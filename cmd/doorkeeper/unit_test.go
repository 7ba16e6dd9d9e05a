package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
	"doorkeeper/admin"
	"doorkeeper/config"
)

func TestProperties(t *testing.T) {
	const text = "# comment\n! another\n\n a=1\nb : 2\nc 3\nd=x=y\n e\\=f = g \nh\ni=one \\\n   two\\\\\nj=\\\r\n k\nl=tab\\tend\n"
	want := map[string]string{
		"a": "1", "b": "2", "c": "3", "d": "x=y", "e=f": "g ", "h": "", "i": `one two\`, "j": "k", "l": "tab\tend",
	}
	if diff := cmp.Diff(want, parseProperties(text)); diff != "" {
		t.Error(diff)
	}
}

func TestJAAS(t *testing.T) {
	for text, want := range map[string]map[string]string{
		`x.ScramLoginModule required username="erp" password="a \"b\" \\ ;c=d" tokenauth=true;`: {"username": "erp", "password": `a "b" \ ;c=d`, "tokenauth": "true"},
		`x.PlainLoginModule required username='it''s' password = plain;`:                        {"username": "it", "password": "plain"},
		``: {},
	} {
		if diff := cmp.Diff(want, parseJAAS(text)); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}

func FuzzProperties(f *testing.F) {
	f.Add("a=b\\\n c")
	f.Add("\\")
	f.Add("=\n:\n \\=x")
	f.Fuzz(func(_ *testing.T, text string) {
		for _, v := range parseProperties(text) {
			parseJAAS(v)
		}
	})
}

func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"plain ~":       "plain ~",
		"a\nb\tc":       "a\nb\tc",
		"\x1b[2J\x07":   `\u001b[2J\u0007`,
		"\u009b31m":     `\u009b31m`,
		"\u202egnp.exe": `\u202egnp.exe`,
		"\xff\xfe":      `\ufffd\ufffd`,
		"Zürich 東京 👍":   "Zürich 東京 👍",
		"\U000e0041":    `\udb40\udc41`,
	} {
		if got := safe(in); got != want {
			t.Errorf("safe(%q) = %q, want %q", in, got, want)
		}
	}
	if got := cell("a\nb\tc"); got != `a\u000ab\u0009c` {
		t.Errorf("cell: %q", got)
	}
}

// FuzzSafe: nothing unprintable is left, and JSON stays the same JSON.
func FuzzSafe(f *testing.F) {
	f.Add("\x1b[2J")
	f.Add("\U000e0041\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range cell(s) {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q holds %U", cell(s), r)
			}
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var before, after string
		if json.Unmarshal(text, &before) != nil || json.Unmarshal([]byte(safe(string(text))), &after) != nil || before != after {
			t.Errorf("%q became %q", before, after)
		}
	})
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1024: "1.0KiB", 1536: "1.5KiB", 5 << 30: "5.0GiB", 1<<63 - 1: "8.0EiB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// TestRecordTable holds the table's lines, one record of each kind.
func TestRecordTable(t *testing.T) {
	at := timestamppb.New(time.Date(2026, 11, 23, 3, 0, 12, 123456789, time.UTC))
	records := []*access.Record{
		{Kind: "access", Operation: "READ", Principal: "User:erp", Source: "10.1.2.3:51544", Api: "Fetch", Resource: "purchasing", Partition: proto.Int32(3),
			FirstOffset: proto.Int64(4096), LastOffset: proto.Int64(58722), Messages: proto.Int64(54627), Bytes: proto.Int64(8123456), CutBytes: 100, Decision: "allow", Outcome: "released"},
		{Kind: "access", Operation: "DESCRIBE", Principal: "User:erp\x1b[2J", Api: "Metadata", ResourceCount: 7, Decision: "deny", Rule: "lock", Reason: "not\nyours"},
		{Kind: "session", Operation: "OPEN", Source: "10.1.2.3:51544"},
		{Kind: "session", Operation: "CLOSE", Cause: "client", DurationMs: proto.Int64(61500), ClientIn: proto.Int64(10), ClientOut: proto.Int64(2048)},
		{Kind: "authn", Operation: "FAILURE", Principal: "User:?", Mechanism: "PLAIN", Error: "SASL_AUTHENTICATION_FAILED"},
		{Kind: "control", Operation: "QUERY", Target: "records", Reason: "last=10", Actor: &access.Record_Actor{Name: "soc", Method: "token"}},
		{Kind: "gap", Count: 17, Cause: "reader left behind"},
	}
	var out bytes.Buffer
	p := newRecordPrinter(&out, "table", false)
	for _, r := range records {
		r.Time = at
		if err := p.print(nil, r); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.Join([]string{
		`TIME                     WHAT             PRINCIPAL            SOURCE                RESOURCE                 DETAILS`,
		`2026-11-23T03:00:12.123Z access READ      User:erp             10.1.2.3:51544        purchasing-3             Fetch  offsets 4096..58722  54627 messages  7.7MiB  +100B cut`,
		`2026-11-23T03:00:12.123Z access DESCRIBE  User:erp\u001b[2J    -                     7 resources              Metadata  deny  lock  not\u000ayours`,
		`2026-11-23T03:00:12.123Z session OPEN     -                    10.1.2.3:51544        -`,
		`2026-11-23T03:00:12.123Z session CLOSE    -                    -                     -                        client after 1m1.5s, 10B in, 2.0KiB out`,
		`2026-11-23T03:00:12.123Z authn FAILURE    User:?               -                     -                        PLAIN  SASL_AUTHENTICATION_FAILED`,
		`2026-11-23T03:00:12.123Z control QUERY    -                    -                     -                        by soc (token)  records  last=10`,
		`2026-11-23T03:00:12.123Z gap              -                    -                     -                        17 records are missing: reader left behind`,
		``}, "\n")
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSessionRows(t *testing.T) {
	broker := int32(2)
	s := admin.Session{
		ID: "01JD", Opened: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC), Proxy: "dk", Cluster: "erp", Listener: "plain", Broker: &broker,
		Source: "10.1.2.3:1", Principal: "User:erp", ClientID: "a,\"b\"\x1b", BytesIn: 1, BytesOut: 2048, LastAPI: "Fetch", InFlight: 1,
	}
	for form, want := range map[string]string{
		"csv":   `01JD,2026-11-23T03:00:00Z,dk,erp,plain,2,10.1.2.3:1,User:erp,,"a,""b""\u001b",,1,2048,Fetch,1`,
		"table": `01JD     2026-11-23T03:00:00Z  dk     erp      plain     2       10.1.2.3:1  User:erp   -     a,"b"\u001b  -         1B  2.0KiB  Fetch     1`,
		"json":  `"client_id": "a,\"b\"\u001b"`,
	} {
		var out bytes.Buffer
		c := &cli{out: &out}
		if err := c.printSessions(form, []admin.Session{s}, false); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: %s\nlacks %s", form, out.String(), want)
		}
	}
}

// What brokers advertise, and what they listen on without advertising it, each once.
func TestAdvertised(t *testing.T) {
	for _, c := range []struct{ advertised, listeners, protocols, want string }{
		{"A://k:1,B://[2001:db8::1]:2", "A://0.0.0.0:1,B://:2,C://:3", "A:PLAINTEXT,B:SASL_SSL,C:SSL",
			"A PLAINTEXT k:1, B SASL_SSL [2001:db8::1]:2, C SSL broker:3"},
		{"", "PLAINTEXT://:9092, SSL://[::]:9093", "", "PLAINTEXT  broker:9092, SSL  broker:9093"},
		{"nonsense,A://k,A://k:1,A://k:2", "", "A", "A  k:1"},
	} {
		var got []string
		settings := map[string]string{"advertised.listeners": c.advertised, "listeners": c.listeners, "listener.security.protocol.map": c.protocols}
		for _, l := range advertised(settings, "broker") {
			got = append(got, l.Name+" "+l.Protocol+" "+l.Address)
		}
		if all := strings.Join(got, ", "); all != c.want {
			t.Errorf("%s and %s: got %s, want %s", c.advertised, c.listeners, all, c.want)
		}
	}
}

// An advertised address that is a listener's, or a broker's port at it, leads to doorkeeper.
func TestLeadsToUs(t *testing.T) {
	cl := &config.Cluster{Listeners: []config.Listener{{Address: "0.0.0.0:9092", AdvertisedHost: "dk", FirstPort: 9100}, {Address: ":1", FirstPort: 2}}}
	for address, want := range map[string]bool{"dk:9092": true, "dk:9103": true, "dk:9104": false, "kafka:9092": false, ":1": false} {
		if leadsToUs(cl, address, 3) != want {
			t.Errorf("%s: %v", address, !want)
		}
	}
}
