package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/identity"
	"doorkeeper/internal/kafkatest"
	"doorkeeper/proxy/api"
	"doorkeeper/quarantine"
	"doorkeeper/relay"

	"github.com/oklog/ulid/v2"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// withQuarantines changes a rig's options: these are in force from the start.
func withQuarantines(all ...quarantine.Quarantine) func(*ClusterSpec, *Options) {
	return func(_ *ClusterSpec, o *Options) {
		o.Quarantine = quarantine.None()
		for _, q := range all {
			if err := o.Quarantine.Add(complete(q)); err != nil {
				panic(err)
			}
		}
	}
}

func complete(q quarantine.Quarantine) *quarantine.Quarantine {
	q.ID, q.Reason, q.Actor, q.From = ulid.Make().String(), "stolen credential", "soc", time.Now()
	return &q
}

// quarantine puts one in force and cuts, as the admin API does.
func (r *rig) quarantine(q quarantine.Quarantine) (*quarantine.Quarantine, Concern) {
	r.t.Helper()
	added := complete(q)
	if err := r.p.opt.Quarantine.Add(added); err != nil {
		r.t.Fatal(err)
	}
	return added, r.p.Cut(added)
}

func (r *rig) lift(q *quarantine.Quarantine) {
	r.t.Helper()
	if _, err := r.p.opt.Quarantine.Lift(q.ID); err != nil {
		r.t.Fatal(err)
	}
}

// wasCut wants a CLOSE record that says which quarantine ended the session, and why.
func (r *rig) wasCut(q *quarantine.Quarantine) {
	r.t.Helper()
	if !r.some(func(rec *access.Record) bool {
		return rec.Operation == "CLOSE" && rec.Cause == "quarantined" && rec.Rule == "quarantine "+q.ID && rec.Reason == q.Reason
	}) {
		r.t.Error("no session was closed by the quarantine")
	}
}

var (
	loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	thief    = quarantine.Quarantine{Principal: "User:erp"}
)

// A login that the broker accepts is answered with failure in its place; nothing that follows reaches the broker.
func TestQuarantinedLogin(t *testing.T) {
	serverFirst := "r=abcdef,s=c2FsdA==,i=4096"
	for _, c := range []struct {
		name  string
		q     quarantine.Quarantine
		steps []step // the last is the one that the broker accepts
		said  bool   // the client is told; else closed
	}{
		{"plain v2", thief, []step{both(handshake(1, "PLAIN", 0)), both(token("\x00erp\x00secret", "", 0))}, true},
		{"plain v0", thief, []step{both(handshake(1, "PLAIN", 0)), both(tokenVersion(0, "\x00erp\x00secret", ""))}, true},
		{"scram", thief, []step{
			both(handshake(1, "SCRAM-SHA-256", 0)), both(token("n,,n=erp,r=abc", serverFirst, 0)),
			both(token("c=biws,r=abcdef,p=AAAA", "v=AAAA", 0)),
		}, true},
		{"bearer", thief, []step{both(handshake(1, "OAUTHBEARER", 0)), both(token(bearer("erp"), "", 0))}, true},
		{"by source", quarantine.Quarantine{Sources: loopback}, []step{both(handshake(1, "PLAIN", 0)), both(token("\x00erp\x00secret", "", 0))}, true},
		{"by client id", quarantine.Quarantine{ClientID: "app"}, []step{both(handshake(1, "PLAIN", 0)), both(token("\x00erp\x00secret", "", 0))}, true},
		{"raw", thief, []step{both(handshake(0, "PLAIN", 0)), {raw("\x00erp\x00secret"), raw("")}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, withQuarantines(c.q))
			by := l.p.opt.Quarantine.All()[0]
			more, _ := groups(9)
			for i, s := range c.steps {
				last := i == len(c.steps)-1
				if last {
					l.ask(s.ask, more) // the client does not wait
				} else {
					l.ask(s.ask)
				}
				l.asked(s.ask)
				l.answer(s.answer)
				if !last {
					l.answered(s.answer)
				}
			}
			if c.said {
				l.refused(c.steps[len(c.steps)-1].ask, by)
			}
			l.closed("quarantined")
			l.nothingMore(l.broker)
			l.wasCut(by)
			l.onlyAs("", access.OpDescribe)
			if !l.some(func(r *access.Record) bool {
				return r.Kind == "authn" && r.Operation == "FAILURE" && r.Principal == "User:erp" && r.Error == "SASL_AUTHENTICATION_FAILED" && r.Rule == by.Rule()
			}) {
				t.Error("the refused login is not recorded")
			}
			if l.some(func(r *access.Record) bool { return r.Kind == "authn" && r.Operation == "SUCCESS" }) {
				t.Error("a success is recorded")
			}
			if s := l.p.Stats(); s.LoginsRefused != 1 || s.Quarantines != 1 || s.SessionsCut != 0 {
				t.Errorf("counted %d logins refused, %d quarantines, %d sessions cut", s.LoginsRefused, s.Quarantines, s.SessionsCut)
			}
			l.noSecrets("secret")
		})
	}
}

func tokenVersion(version int16, client, server string) (request, answer []byte) {
	q := kmsg.NewPtrSASLAuthenticateRequest()
	q.SASLAuthBytes = []byte(client)
	r := kmsg.NewPtrSASLAuthenticateResponse()
	r.SASLAuthBytes = []byte(server)
	request = framed(q, version)
	return request, to(request, answered(r, version, version >= 2))
}

// refused wants SASL_AUTHENTICATION_FAILED as the answer to a token, and that it names the quarantine and nothing else of it.
func (l *line) refused(ask []byte, by *quarantine.Quarantine) {
	l.t.Helper()
	_ = l.client.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 1<<10)
	n, err := readFrame(l.client, buf)
	if err != nil {
		l.t.Fatal("the login was not answered:", err)
	}
	version := int16(binary.BigEndian.Uint16(ask[6:]))
	body := buf[8:n]
	if version >= 2 {
		body = body[1:] // the header's tags
	}
	r := kmsg.NewPtrSASLAuthenticateResponse()
	r.SetVersion(version)
	if err := r.ReadFrom(body); err != nil {
		l.t.Fatal(err)
	}
	if string(buf[4:8]) != string(ask[8:12]) || r.ErrorCode != 58 || len(r.SASLAuthBytes) > 0 || r.SessionLifetimeMillis != 0 {
		l.t.Errorf("answered %+v", r)
	}
	if r.ErrorMessage == nil || !strings.Contains(*r.ErrorMessage, by.ID) || strings.Contains(*r.ErrorMessage, by.Reason) {
		l.t.Errorf("the client is told %v", r.ErrorMessage)
	}
}

// nothingMore wants the end of the stream and no byte before it.
func (l *line) nothingMore(nc net.Conn) {
	l.t.Helper()
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	if b, err := io.ReadAll(nc); len(b) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		l.t.Errorf("the broker got % x, %v", head(b), err)
	}
}

// A delegation token is its owner's, as far as the owner is known, whoever learned it first.
func TestQuarantineOfATokensOwner(t *testing.T) {
	l := newLine(t, relay.ModeAuto, nil)
	login := func() []byte {
		for _, s := range []step{both(handshake(1, "SCRAM-SHA-256", 0)), both(token("n,,n=abc,r=abc,tokenauth=true", "r=abcdef,s=c2FsdA==,i=4096", 0))} {
			l.ask(s.ask)
			l.asked(s.ask)
			l.answer(s.answer)
			l.answered(s.answer)
		}
		last, ok := token("c=biws,r=abcdef,p=AAAA", "v=AAAA", 0)
		l.ask(last)
		l.asked(last)
		l.answer(ok)
		return last
	}
	login()
	deadline := time.Now().Add(patience)
	for l.p.Sessions()[0].Principal != "Token:abc" {
		if time.Now().After(deadline) {
			t.Fatalf("the session is %+v", l.p.Sessions())
		}
		time.Sleep(time.Millisecond)
	}
	l.cluster.LearnTokenOwner("abc", "User:erp")
	by, what := l.quarantine(thief)
	if len(what.Sessions) != 1 {
		t.Errorf("cut %+v", what)
	}
	l.client.Close()
	l.broker.Close()

	l.client, l.broker = l.dial(), nil
	l.refused(login(), by)
	l.closed("quarantined")
}

// Real clients take it as a login that failed, and others are let in.
func TestQuarantinedLoginOfRealClients(t *testing.T) {
	fake := kafkatest.Start(t, kafkatest.Options{Topics: []string{"orders"}, SASL: users})
	for name, m := range map[string]sasl.Mechanism{
		"plain": plain.Auth{User: "erp", Pass: "erp-secret"}.AsMechanism(),
		"scram": scram.Auth{User: "erp", Pass: "erp-secret"}.AsSha256Mechanism(),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, fake.Addrs, relay.ModeAuto, withQuarantines(thief))
			cl := newClient(t, r, kgo.SASL(m), kgo.RequestRetries(0))
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := cl.Ping(ctx); !errors.Is(err, kerr.SaslAuthenticationFailed) {
				t.Errorf("the client sees %v", err)
			}
			cl.Close()
			ping(t, r, kgo.SASL(scram.Auth{User: "we,ird=name", Pass: "odd-secret"}.AsSha256Mechanism()))
			r.lift(r.p.opt.Quarantine.All()[0])
			ping(t, r, kgo.SASL(m))
			r.settle()
			r.noSecrets("erp-secret")
		})
	}
}

// Without a login the first request that needs somebody to ask it ends the session; ApiVersions may come before.
func TestQuarantineWithoutLogin(t *testing.T) {
	for name, q := range map[string]quarantine.Quarantine{
		"principal": {Principal: access.Anonymous}, "source": {Sources: loopback}, "client id": {ClientID: "app"},
		"all of them": {Principal: access.Anonymous, Sources: loopback, ClientID: "app"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, withQuarantines(q))
			versions := framed(kmsg.NewPtrApiVersionsRequest(), 0)
			l.ask(versions)
			l.asked(versions)
			a := to(versions, answered(kmsg.NewPtrApiVersionsResponse(), 0, false))
			l.answer(a)
			l.answered(a)
			more, _ := groups(9)
			l.ask(more)
			l.closed("quarantined")
			l.nothingMore(l.broker)
			l.wasCut(l.p.opt.Quarantine.All()[0])
		})
	}
}

// What is not the whole condition lets pass, and so does every exception.
func TestQuarantineOfOthers(t *testing.T) {
	l := newLine(t, relay.ModeAuto, withQuarantines(
		quarantine.Quarantine{Principal: "User:erp"}, quarantine.Quarantine{Principal: access.Anonymous, ClientID: "other"},
		quarantine.Quarantine{Principal: access.Anonymous, ExceptSources: loopback},
		quarantine.Quarantine{Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		quarantine.Quarantine{Certificate: strings.Repeat("0", 64)},
	))
	q, a := groups(9)
	l.ask(q)
	l.asked(q)
	l.answer(a)
	l.answered(a)
	if _, what := l.quarantine(quarantine.Quarantine{Session: ulid.Make().String()}); len(what.Sessions) != 0 {
		t.Errorf("cut %+v", what)
	}
	l.ask(q)
	l.asked(q)
}

// The client id is looked at with each request, and a session is known by those that it had.
func TestQuarantineByClientID(t *testing.T) {
	named := func(id string, correlation int32) []byte {
		return kmsg.NewRequestFormatter(kmsg.FormatterClientID(id)).AppendRequest(nil, kmsg.NewPtrListGroupsRequest(), correlation)
	}
	t.Run("changes to it", func(t *testing.T) {
		l := newLine(t, relay.ModeAuto, withQuarantines(quarantine.Quarantine{ClientID: "thief"}))
		one, a := groups(1)
		l.ask(one)
		l.asked(one)
		l.ask(named("thief", 2), named("app", 3))
		l.closed("quarantined") // the answer to the first would have come after it
		l.nothingMore(l.broker)
		_ = a
	})
	t.Run("changed from it", func(t *testing.T) {
		l := newLine(t, relay.ModeAuto, withQuarantines())
		first, second := named("thief", 1), named("app", 2)
		l.ask(first, second)
		l.asked(first, second)
		if _, what := l.quarantine(quarantine.Quarantine{ClientID: "thief"}); len(what.Sessions) != 1 {
			t.Errorf("cut %+v", what)
		}
		l.closed("quarantined")
	})
	t.Run("remembers a few", func(t *testing.T) {
		var c conn
		for i := range 3 * saidMost {
			c.says(fmt.Sprint(i / 2))
		}
		if said := *c.said.Load(); len(said) != saidMost || said[saidMost-1] != fmt.Sprint((3*saidMost-1)/2) {
			t.Errorf("remembers %v", said)
		}
	})
}

// Certificates and fingerprints of TLS clients.
func TestQuarantineOfTLS(t *testing.T) {
	ca := kafkatest.NewCA(t)
	server, _, _ := ca.Issue(pkix.Name{CommonName: "proxy"})
	stolen, _, _ := ca.Issue(pkix.Name{CommonName: "erp"})
	other, _, _ := ca.Issue(pkix.Name{CommonName: "erp"})
	fake := kafkatest.Start(t, kafkatest.Options{Topics: []string{"orders"}})
	mapping, err := identity.ParseMapping([]string{"RULE:^CN=([^,]+).*$/$1/"})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, fake.Addrs, relay.ModeAuto, func(s *ClusterSpec, _ *Options) {
		s.Listeners[0].Mapping = mapping
		cfg := &tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: ca.Pool, ClientAuth: tls.RequireAndVerifyClientCert}
		s.Listeners[0].TLS = func() *tls.Config { return cfg }
	})
	with := func(cert tls.Certificate) kgo.Opt {
		return kgo.DialTLSConfig(&tls.Config{RootCAs: ca.Pool, Certificates: []tls.Certificate{cert}})
	}
	ping(t, r, with(stolen))
	r.settle()
	var print, ja4 string
	for _, rec := range r.all() {
		if rec.Operation == "OPEN" {
			ja4 = rec.Ja4
		}
		if rec.Kind == "authn" && rec.Credential != nil {
			print, _, _ = strings.Cut(rec.Credential.Id, " ")
		}
	}
	for name, c := range map[string]struct {
		q     quarantine.Quarantine
		other bool // the other certificate is let in
	}{
		"certificate": {quarantine.Quarantine{Certificate: quarantine.ParseCertificate(strings.ToUpper(print))}, true},
		"ja4":         {quarantine.Quarantine{JA4: ja4}, false},
		"principal":   {thief, false},
	} {
		q, _ := r.quarantine(c.q)
		for cert, passes := range map[*tls.Certificate]bool{&stolen: false, &other: c.other} {
			cl := newClient(t, r, with(*cert), kgo.RequestRetries(0))
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			if err := cl.Ping(ctx); (err == nil) != passes {
				t.Errorf("%s: a client gets %v", name, err)
			}
			cancel()
			cl.Close()
		}
		r.lift(q)
		ping(t, r, with(stolen))
		r.settle()
		r.wasCut(q)
	}
}

// sick is a policy that cannot decide.
type sick struct{}

func (sick) Session(*access.Session) api.Decider { return sick{} }
func (sick) Decide(*access.Request, *access.Action) *access.Decision {
	return &access.Decision{Verdict: access.Refuse, Enforced: true, Reason: "the engine is broken"}
}
func (sick) Epoch(*access.Identity) uint64 { return 7 }

// watching is a policy in monitor mode.
type watching struct{ sick }

func (watching) Session(*access.Session) api.Decider { return watching{} }
func (watching) Decide(*access.Request, *access.Action) *access.Decision {
	return &access.Decision{Enforced: true, Would: &access.Would{Verdict: access.Deny}}
}

// A quarantine stands above every policy, whatever state it is in: one that cuts and one that denies.
func TestQuarantineNeedsNoPolicy(t *testing.T) {
	for name, policy := range map[string]api.Policy{"broken": sick{}, "monitor": watching{}, "none": api.AllowAll{}} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) { o.Policy = policy })
			versions := framed(kmsg.NewPtrApiVersionsRequest(), 0)
			l.ask(versions)
			l.asked(versions)

			d := l.p.decider(&access.Session{Source: netip.MustParseAddrPort("10.1.2.3:1")}, l.cluster)
			who := &access.Identity{Principal: "User:erp"}
			r := &access.Request{Identity: who, Client: &access.Client{}}
			read := &access.Action{Operation: access.OpRead, Type: access.ResTopic, Name: "payroll"}
			before, epoch, watches := d.Decide(r, read), d.Epoch(who), api.Watches(d)
			q, what := l.quarantine(quarantine.Quarantine{Principal: "User:erp", Topics: []string{"payroll"}})
			if got := d.Decide(r, read); got.Verdict != access.Deny || !got.Stops() || got.Rule != q.Rule() {
				t.Errorf("decided %+v", got)
			}
			if got := d.Decide(r, &access.Action{Operation: access.OpRead, Type: access.ResTopic, Name: "orders"}); got.Verdict != before.Verdict {
				t.Errorf("another topic is decided %+v", got)
			}
			if api.Watches(d) {
				t.Error("something is carried out now")
			}
			l.cluster.LearnTokenOwner("abc", "User:erp")
			r.Identity = &access.Identity{Principal: "Token:abc"}
			if got := d.Decide(r, read); got.Verdict != access.Deny {
				t.Errorf("a token of the principal's is decided %+v", got)
			}
			r.Identity = who
			if d.Epoch(who) == epoch || len(what.Sessions) != 0 {
				t.Error("the epoch has not moved, or sessions were cut", what)
			}
			epoch = d.Epoch(who)
			l.lift(q)
			if got := d.Decide(r, read); got.Verdict != before.Verdict || d.Epoch(who) == epoch || api.Watches(d) != watches {
				t.Errorf("after it was lifted: %+v", got)
			}

			if _, what := l.quarantine(quarantine.Quarantine{Sources: loopback}); len(what.Sessions) != 1 {
				t.Errorf("cut %+v", what)
			}
			l.closed("quarantined")
		})
	}
}

// A cut ends a dial that is under way: afterwards no byte goes to the broker either.
func TestCutEndsADial(t *testing.T) {
	ca := kafkatest.NewCA(t)
	l := newLine(t, relay.ModeAuto, func(s *ClusterSpec, _ *Options) {
		s.TLS = &UpstreamTLS{Config: func() *tls.Config { return &tls.Config{RootCAs: ca.Pool} }}
	})
	q, _ := groups(1)
	l.ask(q)
	l.accept() // and no handshake
	if _, what := l.quarantine(quarantine.Quarantine{Principal: access.Anonymous}); len(what.Sessions) != 1 {
		t.Errorf("cut %+v", what)
	}
	l.closed("quarantined")
}

// Whatever comes and goes at the same time: no request is answered that was sent after an add had returned, while its
// lift has not begun.
func TestQuarantineRaces(t *testing.T) {
	q, a := groups(1)
	broker := newCanned(t, map[int16][]byte{int16(kmsg.ListGroups): a})
	r := newRig(t, []string{broker.addr()}, relay.ModeAuto, nil)
	var turns [2]atomic.Int64 // of each switch: odd while its quarantine is in force
	barred := func() (now [2]int64) { return [2]int64{turns[0].Load(), turns[1].Load()} }
	ctx, cancel := context.WithCancel(context.Background())
	var clients, switches sync.WaitGroup
	var answers atomic.Int64
	for i := range 6 {
		clients.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			for ctx.Err() == nil {
				nc, err := net.Dial("tcp", r.addr)
				if err != nil {
					t.Error(err)
					return
				}
				for range 1 + rng.IntN(20) {
					before := barred()
					if !roundTrip(nc, q) {
						break
					}
					answers.Add(1)
					for k, now := range barred() {
						if now%2 == 1 && now == before[k] {
							t.Error("a session goes on that is quarantined")
						}
					}
				}
				nc.Close()
			}
		})
	}
	for i, c := range []quarantine.Quarantine{{Principal: access.Anonymous}, {Sources: loopback, ClientID: "app"}} {
		switches.Go(func() {
			for range 50 {
				by := complete(c)
				if err := r.p.opt.Quarantine.Add(by); err != nil {
					t.Error(err)
					return
				}
				r.p.Cut(by)
				turns[i].Add(1)
				time.Sleep(time.Millisecond)
				turns[i].Add(1)
				if _, err := r.p.opt.Quarantine.Lift(by.ID); err != nil {
					t.Error(err)
				}
				for n := answers.Load(); answers.Load() < n+20 && turns[1-i].Load() < 100; {
					time.Sleep(time.Millisecond) // the other one may be in force
				}
			}
		})
	}
	switches.Wait()
	cancel()
	clients.Wait()
	nc := dialRig(t, r) // and when all is lifted, all is as before
	if !roundTrip(nc, q) {
		t.Error("nobody answers")
	}
	nc.Close()
	r.settle()
	if n := r.p.Stats().SessionsCut; n == 0 {
		t.Error("no session was cut")
	}
}

// roundTrip says whether a request is answered.
func roundTrip(nc net.Conn, q []byte) bool {
	_ = nc.SetDeadline(time.Now().Add(patience))
	if _, err := nc.Write(q); err != nil {
		return false
	}
	_, err := readFrame(nc, make([]byte, 1<<10))
	return err == nil
}

// A quarantine of a topic reaches a consumer that is in the middle of it: it is denied that topic, and no other, within its
// session; lifted, it goes on. Whatever the mode of the policy.
func TestQuarantineOfATopic(t *testing.T) {
	fake := kafkatest.Start(t, kafkatest.Options{Topics: []string{"orders", "payroll"}})
	for name, policy := range map[string]api.Policy{"none": api.AllowAll{}, "monitor": watching{}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, fake.Addrs, relay.ModeAuto, func(_ *ClusterSpec, o *Options) { o.Policy = policy })
			producer := newClient(t, r, kgo.ClientID("producer"))
			consumer := newClient(t, r, kgo.ConsumeTopics("orders", "payroll"), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()), kgo.ClientID("thief"))
			ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
			defer cancel()
			var denied bool
			read := func(until func(topic string) bool) {
				t.Helper()
				for done := false; !done; {
					if ctx.Err() != nil {
						t.Fatal("never")
					}
					for _, topic := range []string{"orders", "payroll"} {
						if err := producer.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr(); err != nil {
							t.Fatal(err)
						}
					}
					poll, stop := context.WithTimeout(ctx, 50*time.Millisecond)
					f := consumer.PollFetches(poll)
					stop()
					f.EachError(func(topic string, _ int32, err error) {
						denied = denied || topic == "payroll" && errors.Is(err, kerr.TopicAuthorizationFailed)
					})
					f.EachRecord(func(rec *kgo.Record) { done = done || until(rec.Topic) })
				}
			}
			seen := map[string]bool{}
			both := func(topic string) bool { seen[topic] = true; return len(seen) == 2 }
			read(both)

			q, what := r.quarantine(quarantine.Quarantine{Principal: access.Anonymous, ClientID: "thief", Operations: []access.Operation{access.OpRead}, Topics: []string{"payroll"}})
			if len(what.Sessions) == 0 || r.p.Stats().SessionsCut != 0 {
				t.Errorf("%d sessions are concerned, %d cut", len(what.Sessions), r.p.Stats().SessionsCut)
			}
			began := false
			read(func(topic string) bool {
				began = began || topic == "orders" && denied // what was on its way before has been read
				if began && topic == "payroll" {
					t.Error("payroll is still delivered")
				}
				return began && topic == "orders"
			})
			r.lift(q)
			clear(seen)
			read(both)
			producer.Close()
			consumer.Close()
			r.settle()
			if !r.some(func(rec *access.Record) bool {
				return rec.Kind == "access" && rec.Resource == "payroll" && rec.Decision == "deny" && rec.GetEnforced() && rec.Rule == q.Rule() && rec.Reason == q.Reason
			}) {
				t.Error("no record says that payroll was denied, and by what")
			}
		})
	}
}

// BenchmarkLimited is what the quarantines add to a decision.
func BenchmarkLimited(b *testing.B) {
	topics := map[string][]quarantine.Quarantine{"none": nil, "of others": {{Principal: "User:other", Topics: []string{"payroll"}}}}
	for name, all := range topics {
		b.Run(name, func(b *testing.B) {
			o := Options{Policy: api.AllowAll{}}
			withQuarantines(all...)(nil, &o)
			d := (&Proxy{opt: o}).decider(&access.Session{Source: netip.MustParseAddrPort("10.1.2.3:1")}, nil)
			r := &access.Request{Identity: &access.Identity{Principal: "User:erp"}, Client: &access.Client{}}
			a := &access.Action{Operation: access.OpRead, Type: access.ResTopic, Name: "orders"}
			b.ReportAllocs()
			for b.Loop() {
				if d.Decide(r, a).Stops() {
					b.Fatal("denied")
				}
			}
		})
	}
}

// A follower's read is a read: who may be one where no policy says otherwise reads no more for it of what is quarantined.
func TestQuarantinedReadsOfAFollower(t *testing.T) {
	for _, version := range []int16{5, 11, 17} {
		l := newLine(t, relay.ModeAuto, withQuarantines(quarantine.Quarantine{
			Principal: access.Anonymous, Operations: []access.Operation{access.OpRead}, Topics: []string{"payroll"},
		}))
		l.cluster.LearnTopics([]access.Topic{orders, payroll})
		following := func(topics ...access.Topic) []byte {
			q := fetching(version, 0, -1, topics...)
			if q.ReplicaID = 2; version >= 15 {
				q.ReplicaID, q.ReplicaState.ID = -1, 2
			}
			return framed(q, version)
		}
		data := fetched(version, 0, 300, orders)
		l.trip(following(orders, payroll), following(orders), data, and(data, failing(payroll, 29)))
		l.client.Close()
		l.settle()
	}
}

// What is quarantined on a topic is not allowed by a right on the cluster that stands for the topic's own.
func TestQuarantinedTopicIsNotTheClusters(t *testing.T) {
	deletes := func(topics ...string) []byte {
		q := kmsg.NewPtrDeleteTopicsRequest()
		q.TopicNames = topics
		return framed(q, 3)
	}
	creates := func(topics ...string) []byte {
		q := kmsg.NewPtrCreateTopicsRequest()
		for _, name := range topics {
			t := kmsg.NewCreateTopicsRequestTopic()
			t.Topic, t.NumPartitions, t.ReplicationFactor = name, 1, 1
			q.Topics = append(q.Topics, t)
		}
		return framed(q, 4)
	}
	epochs := func(topics ...string) []byte {
		q := kmsg.NewPtrOffsetForLeaderEpochRequest()
		for _, name := range topics {
			t := kmsg.NewOffsetForLeaderEpochRequestTopic()
			t.Topic = name
			q.Topics = append(q.Topics, t)
		}
		return framed(q, 3)
	}
	for name, ask := range map[string]func(...string) []byte{"DeleteTopics": deletes, "CreateTopics": creates, "OffsetForLeaderEpoch": epochs} {
		t.Run(name, func(t *testing.T) {
			for _, terms := range []*terms{nil, newTerms(t, access.Limits{})} { // with a policy that has limits, too
				l := newLine(t, relay.ModeAuto, func(s *ClusterSpec, o *Options) {
					withQuarantines(quarantine.Quarantine{Principal: access.Anonymous, Topics: []string{"payroll"}})(s, o)
					if terms != nil {
						terms.under(s, o)
					}
				})
				l.ask(ask("orders", "payroll"))
				l.asked(ask("orders"))
				l.client.Close()
				l.settle()
			}
		})
	}
}
