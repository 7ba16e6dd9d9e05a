package admin

import (
	"net/url"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestFilterRecord(t *testing.T) {
	r := &access.Record{
		Kind: "access", Operation: "READ", Principal: "User:erp-3", Source: "10.1.2.3:51544", ClientId: "erp app",
		Session: "01JD", GroupInferred: "billing", Api: "Fetch", Resource: "purchasing", Decision: "allow",
		Time: timestamppb.New(noon),
	}
	many := &access.Record{Kind: "access", Source: "[::ffff:10.1.2.3]:9", Resources: []string{"a", "b"}, Time: timestamppb.New(noon)}
	gap := &access.Record{Kind: "gap", Time: timestamppb.New(noon)}
	for _, test := range []struct {
		query string
		r     *access.Record
		want  bool
	}{
		{"", r, true},
		{"kind=access&operation=read&api=fetch", r, true},
		{"kind=control", r, false},
		{"kind=control&kind=access", r, true},
		{"principal=User:erp-3", r, true},
		{"principal=User:erp", r, false},
		{"principal=User:erp*", r, true},
		{"principal=*3", r, true},
		{"principal=User*erp*3*", r, true},
		{"principal=*x*", r, false},
		{"source=10.1.2.3", r, true},
		{"source=10.1.2.3:51544", r, true},
		{"source=10.1.2.3:1", r, false},
		{"source=10.1.0.0/16", r, true},
		{"source=10.1.2.99/24", r, true},
		{"source=10.2.0.0/16&source=10.1.0.0/16", r, true},
		{"source=::/0", r, false},
		{"source=10.1.0.0/16", many, true},
		{"client_id=erp+app", r, true},
		{"group=billing", r, true},
		{"resource=purchasing&decision=allow", r, true},
		{"resource=b", many, true},
		{"resource=c", many, false},
		{"principal=*", many, false}, // nobody is not anybody
		{"since=2026-11-23T12:00:00Z", r, true},
		{"until=2026-11-23T12:00:00Z", r, false},
		{"since=30m", r, true},
		{"until=2h", r, false},
		{"principal=x", gap, true},
	} {
		q, err := url.ParseQuery(test.query)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parseFilter(q, FilterWords, noon.Add(20*time.Minute))
		if err != nil {
			t.Fatalf("%s: %v", test.query, err)
		}
		if got := f.Record(test.r); got != test.want {
			t.Errorf("%q selects %v = %v, want %v", test.query, test.r, got, test.want)
		}
	}
}

func TestFilterSession(t *testing.T) {
	s := &Session{ID: "01JD", Principal: "User:erp", Source: "10.1.2.3:1", ClientID: "app", LastAPI: "Fetch", Opened: noon}
	for query, want := range map[string]bool{
		"": true, "principal=user:erp&api=fetch&client_id=a*&session=01jd": true, "source=10.0.0.0/8": true,
		"principal=User:x": false, "since=10m": false, "since=1h": true,
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parseFilter(q, SessionWords, noon.Add(20*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Session(s); got != want {
			t.Errorf("%q = %v, want %v", query, got, want)
		}
	}
}

func TestFilterRefuses(t *testing.T) {
	for query, known := range map[string][]string{
		"since=yesterday": FilterWords, "until=-2h": FilterWords, "source=10.0.0.0/99": FilterWords, "group=x": SessionWords,
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseFilter(q, known, noon); err == nil {
			t.Errorf("%q is accepted", query)
		}
	}
}

// FuzzWildcard holds the linear matcher against the obvious recursive one.
func FuzzWildcard(f *testing.F) {
	f.Add("a*b*c", "aXbYc")
	f.Add("*", "")
	f.Add("a*a", "a")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		pattern, s = pattern[:min(len(pattern), 12)], s[:min(len(s), 20)] // the oracle takes exponential time
		if got, want := wildcard(pattern, s), slowWildcard(pattern, s); got != want {
			t.Errorf("wildcard(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	})
}

func slowWildcard(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		return slowWildcard(pattern[1:], s) || s != "" && slowWildcard(pattern, s[1:])
	}
	return s != "" && s[0] == pattern[0] && slowWildcard(pattern[1:], s[1:])
}
