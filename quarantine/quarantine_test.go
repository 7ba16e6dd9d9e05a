package quarantine

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"
)

const (
	anID     = "01JD0000000000000000000001"
	aSession = "01JD00000000000000000000AB"
	aCert    = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	aJA4     = "t13d1516h2_8daaf6152771_02713d6af862"
)

// of makes a quarantine from words: "principal=User:erp source=10.0.0.0/8 except=10.1.0.0/16 topic=t operation=READ".
func of(t testing.TB, words string) *Quarantine {
	t.Helper()
	q := &Quarantine{ID: anID, Reason: "because", Actor: "test", From: time.Unix(1000, 0)}
	for _, w := range strings.Fields(words) {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "id":
			q.ID = value
		case "principal":
			q.Principal = value
		case "source", "except":
			p, err := ParseSource(value)
			if err != nil {
				t.Fatal(err)
			}
			if name == "source" {
				q.Sources = append(q.Sources, p)
			} else {
				q.ExceptSources = append(q.ExceptSources, p)
			}
		case "client":
			q.ClientID = value
		case "certificate":
			q.Certificate = ParseCertificate(value)
		case "ja4":
			q.JA4 = value
		case "session":
			q.Session = value
		case "topic":
			q.Topics = append(q.Topics, value)
		case "operation":
			o, err := access.ParseOperation(value)
			if err != nil {
				t.Fatal(err)
			}
			q.Operations = append(q.Operations, o)
		default:
			t.Fatalf("no condition %q", name)
		}
	}
	if err := q.Check(); err != nil {
		t.Fatalf("%s: %v", words, err)
	}
	return q
}

func erp(source string) Subject {
	return Subject{
		Principal: "User:erp", Source: netip.MustParseAddr(source), ClientID: "erp-app", Certificate: aCert, JA4: aJA4,
		Session: aSession,
	}
}

func TestConcerns(t *testing.T) {
	for _, c := range []struct {
		words  string
		source string
		want   bool
	}{
		{"principal=User:erp", "10.1.2.3", true},
		{"principal=User:ERP", "10.1.2.3", false}, // Kafka's principals tell case apart
		{"principal=User:er", "10.1.2.3", false},
		{"principal=Group:erp", "10.1.2.3", false},
		{"client=erp-app", "10.1.2.3", true},
		{"client=Erp-app", "10.1.2.3", false},
		{"certificate=" + aCert, "10.1.2.3", true},
		{"certificate=E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55", "10.1.2.3", true},
		{"certificate=" + strings.Repeat("0", 64), "10.1.2.3", false},
		{"ja4=" + aJA4, "10.1.2.3", true},
		{"session=" + aSession, "10.1.2.3", true},
		{"session=" + anID, "10.1.2.3", false},

		// Every condition must hold.
		{"principal=User:erp client=erp-app source=10.0.0.0/8", "10.1.2.3", true},
		{"principal=User:erp client=other source=10.0.0.0/8", "10.1.2.3", false},
		{"principal=User:erp source=10.0.0.0/8", "11.0.0.0", false},

		// Edges of prefixes.
		{"source=10.0.0.0/8", "10.0.0.0", true},
		{"source=10.0.0.0/8", "10.255.255.255", true},
		{"source=10.0.0.0/8", "9.255.255.255", false},
		{"source=10.1.2.3", "10.1.2.3", true},
		{"source=10.1.2.3", "10.1.2.4", false},
		{"source=10.9.9.9/8", "10.1.2.3", true}, // bits behind the prefix do not count
		{"source=0.0.0.0/0", "255.255.255.255", true},
		{"source=10.1.2.3/31", "10.1.2.2", true},
		{"source=192.168.0.0/16 source=10.0.0.0/8", "10.1.2.3", true}, // any of them
		{"source=192.168.0.0/16 source=172.16.0.0/12", "10.1.2.3", false},

		// IPv6, and IPv4 in it, on either side.
		{"source=10.0.0.0/8", "::ffff:10.1.2.3", true},
		{"source=::ffff:10.0.0.0/104", "10.1.2.3", true},
		{"source=::ffff:10.0.0.0/104", "::ffff:11.1.2.3", false},
		{"source=::ffff:10.1.2.3", "10.1.2.3", true},
		{"source=2001:db8::/32", "2001:db8:ffff::1", true},
		{"source=2001:db8::/32", "2001:db9::1", false},
		{"source=::/0", "2001:db8::1", true},
		{"source=::/0", "10.1.2.3", false}, // IPv4 has prefixes of its own
		{"source=fe80::/10", "fe80::1%eth0", true},
		{"source=fe80::1", "fe80::1%7", true},

		// Exceptions.
		{"principal=User:erp except=10.1.0.0/16", "10.1.2.3", false},
		{"principal=User:erp except=10.1.0.0/16", "::ffff:10.1.2.3", false},
		{"principal=User:erp except=10.1.0.0/16", "10.2.2.3", true},
		{"principal=User:erp except=10.1.0.0/16 except=10.2.0.0/16", "10.2.2.3", false},
		{"source=10.0.0.0/8 except=10.1.2.3", "10.1.2.3", false},
		{"source=10.0.0.0/8 except=10.1.2.3", "10.1.2.4", true},
		{"principal=User:erp except=fe80::/10", "fe80::1%eth0", false},
	} {
		s := erp(c.source)
		q := of(t, c.words)
		if got := q.Concerns(&s); got != c.want {
			t.Errorf("%s concerns %s: %v", c.words, c.source, got)
		}
		if got := newSet([]*Quarantine{q}).Bars(&s) != nil; got != c.want {
			t.Errorf("%s, in a set, concerns %s: %v", c.words, c.source, got)
		}
	}
}

// What is not known of a session is no match, until it is known.
func TestUnknownFactsDoNotMatch(t *testing.T) {
	nobody := Subject{Source: netip.MustParseAddr("10.1.2.3"), Session: aSession}
	for words, want := range map[string]bool{
		"principal=User:erp": false, "client=erp-app": false, "certificate=" + aCert: false, "ja4=" + aJA4: false,
		"source=10.0.0.0/8": true, "session=" + aSession: true, "session=" + aSession + " principal=User:erp": false,
	} {
		if got := newSet([]*Quarantine{of(t, words)}).Bars(&nobody) != nil; got != want {
			t.Errorf("%s: %v", words, got)
		}
	}
}

// The index of a set finds what trying one quarantine after the other finds.
func TestSetFindsAll(t *testing.T) {
	words := []string{
		"principal=User:a", "principal=User:a source=10.0.0.0/8", "client=x", "session=" + aSession, "ja4=" + aJA4,
		"certificate=" + aCert + " except=10.1.0.0/16", "source=10.2.0.0/16", "principal=User:b client=y except=10.0.0.0/8",
	}
	for mask := range 1 << len(words) {
		var all []*Quarantine
		for i, w := range words {
			if mask>>i&1 == 1 {
				all = append(all, of(t, fmt.Sprintf("id=01JD00000000000000000000%02d ", i)+w))
			}
		}
		set := newSet(all)
		for _, p := range []string{"", "User:a", "User:b"} {
			for _, cl := range []string{"", "x", "y"} {
				for _, src := range []string{"10.1.1.1", "10.2.1.1", "192.0.2.1"} {
					for _, facts := range []Subject{{}, {Session: aSession}, {JA4: aJA4, Certificate: aCert}} {
						s := facts
						s.Principal, s.ClientID, s.Source = p, cl, netip.MustParseAddr(src)
						want := false
						for _, q := range all {
							want = want || q.Concerns(&s)
						}
						if got := set.Bars(&s); (got != nil) != want || got != nil && !got.Concerns(&s) {
							t.Fatalf("%v of %d quarantines for %+v", got, len(all), s)
						}
					}
				}
			}
		}
	}
}

func TestDecide(t *testing.T) {
	topic := func(op access.Operation, name string) access.Action {
		return access.Action{Operation: op, Type: access.ResTopic, Name: name, TopicID: [16]byte{1}}
	}
	read, write := topic(access.OpRead, "payroll"), topic(access.OpWrite, "payroll")
	other, unnamed := topic(access.OpRead, "orders"), topic(access.OpRead, "")
	group := access.Action{Operation: access.OpRead, Type: access.ResGroup, Name: "payroll"}
	all := access.Action{Operation: access.OpDescribe, Type: access.ResTopic, Name: access.AllResources}
	const allow, deny, refuse = "allow", "deny", "refuse"
	for _, c := range []struct {
		words string
		a     access.Action
		want  string
	}{
		{"principal=User:erp", read, allow}, // it cuts; there is nobody to deny
		{"principal=User:erp topic=payroll", read, deny},
		{"principal=User:erp topic=payroll", write, deny},
		{"principal=User:erp topic=payroll", other, allow},
		{"principal=User:erp topic=Payroll", read, allow},
		{"principal=User:erp topic=payroll topic=orders", other, deny},
		{"principal=User:erp topic=payroll", unnamed, refuse},
		{"principal=User:erp topic=payroll", group, allow},
		{"principal=User:erp topic=payroll", all, allow}, // its answer is filtered topic by topic
		{"principal=User:erp operation=READ", read, deny},
		{"principal=User:erp operation=READ", group, deny},
		{"principal=User:erp operation=READ", unnamed, deny},
		{"principal=User:erp operation=READ", write, allow},
		{"principal=User:erp operation=READ operation=WRITE", write, deny},
		{"principal=User:erp operation=WRITE topic=payroll", read, allow},
		{"principal=User:erp operation=WRITE topic=payroll", unnamed, allow},
		{"principal=User:erp operation=WRITE topic=payroll", write, deny},
		{"principal=User:other topic=payroll", read, allow},
		{"source=10.0.0.0/8 topic=payroll", read, deny},
		{"source=10.0.0.0/8 except=10.1.2.3 topic=payroll", read, allow},
	} {
		s := erp("10.1.2.3")
		q := of(t, c.words)
		d := newSet([]*Quarantine{q}).Decide(&s, &c.a)
		got := allow
		if d != nil {
			got = d.Verdict.String()
			if !d.Stops() || d.Rule != "quarantine "+anID || d.Reason != "because" {
				t.Errorf("%s: %+v", c.words, d)
			}
		}
		if got != c.want {
			t.Errorf("%s: %v %q is answered %s, not %s", c.words, c.a.Operation, c.a.Name, got, c.want)
		}
		if q.Limited() && newSet([]*Quarantine{q}).Bars(&s) != nil {
			t.Errorf("%s ends sessions", c.words)
		}
	}
}

func TestEmptySet(t *testing.T) {
	var none *Set
	s := erp("10.1.2.3")
	if none.Bars(&s) != nil || none.Limits() || none.Decide(&s, &access.Action{Operation: access.OpRead}) != nil {
		t.Error("nothing is something")
	}
	if newSet(nil) != nil {
		t.Error("an empty set is not nil")
	}
}

func TestCheck(t *testing.T) {
	for name, change := range map[string]func(q *Quarantine){
		"no condition": func(q *Quarantine) { q.Principal = "" },
		"only an exception": func(q *Quarantine) {
			q.Principal = ""
			q.ExceptSources = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		},
		"only a topic":          func(q *Quarantine) { q.Principal = ""; q.Topics = []string{"t"} },
		"principal, no type":    func(q *Quarantine) { q.Principal = "erp" },
		"principal, no name":    func(q *Quarantine) { q.Principal = "User:" },
		"no reason":             func(q *Quarantine) { q.Reason = " " },
		"long client id":        func(q *Quarantine) { q.ClientID = strings.Repeat("x", maxText+1) },
		"client id of bytes":    func(q *Quarantine) { q.ClientID = "\xff" },
		"unmasked source":       func(q *Quarantine) { q.Sources = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")} },
		"IPv4 in IPv6":          func(q *Quarantine) { q.ExceptSources = []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")} },
		"no source":             func(q *Quarantine) { q.Sources = make([]netip.Prefix, 1) },
		"too many sources":      func(q *Quarantine) { q.Sources = make([]netip.Prefix, maxList+1) },
		"certificate, short":    func(q *Quarantine) { q.Certificate = "abcd" },
		"certificate, capitals": func(q *Quarantine) { q.Certificate = strings.ToUpper(aCert) },
		"ja4":                   func(q *Quarantine) { q.JA4 = "t13d1516h2" },
		"session":               func(q *Quarantine) { q.Session = "1" },
		"session, small":        func(q *Quarantine) { q.Session = strings.ToLower(aSession) },
		"topic pattern":         func(q *Quarantine) { q.Topics = []string{"pay*"} },
		"topic dots":            func(q *Quarantine) { q.Topics = []string{".."} },
		"operation":             func(q *Quarantine) { q.Operations = []access.Operation{access.OpNone} },
		"ends before":           func(q *Quarantine) { q.Until = q.From },
		"id":                    func(q *Quarantine) { q.ID = "x" },
	} {
		q := of(t, "principal=User:erp")
		change(q)
		if q.Check() == nil {
			t.Errorf("%s is accepted: %v", name, q)
		}
	}
	if (*Quarantine)(nil).Check() == nil {
		t.Error("nothing is accepted")
	}
	for _, bad := range []string{"", "x", "10.0.0.0/33", "10.0.0/8", "::ffff:10.0.0.0/90", "fe80::1%eth0", "10.0.0.1:9092", "010.0.0.1"} {
		if p, err := ParseSource(bad); err == nil {
			t.Errorf("source %q is read as %v", bad, p)
		}
	}
}

func TestString(t *testing.T) {
	q := of(t, "principal=User:erp source=10.0.0.0/8 source=192.168.1.1 except=10.1.0.0/16 certificate="+aCert+" ja4="+aJA4+" session="+aSession+" operation=READ operation=WRITE topic=a topic=b")
	q.ClientID = "a\nb\x1b[2J"
	want := `principal User:erp; source 10.0.0.0/8, 192.168.1.1/32; except source 10.1.0.0/16; client id "a\nb\x1b[2J"; certificate ` + aCert +
		`; ja4 ` + aJA4 + `; session ` + aSession + `; only READ, WRITE; only on topic a, b`
	if got := q.String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func BenchmarkBars(b *testing.B) {
	for _, n := range []int{0, 1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var all []*Quarantine
			for i := range n {
				all = append(all, of(b, fmt.Sprintf("principal=User:%d", i)))
			}
			set := newSet(all)
			s := erp("10.1.2.3")
			b.ReportAllocs()
			for b.Loop() {
				if set.Bars(&s) != nil {
					b.Fatal("barred")
				}
			}
		})
	}
}
