package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/identity"
	"doorkeeper/internal/kafkatest"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

var users = map[string]string{"erp": "erp-secret", "we,ird=name": "odd-secret"}

func TestSASLIsObserved(t *testing.T) {
	fake := kafkatest.Start(t, kafkatest.Options{Topics: []string{"orders"}, SASL: users})
	for _, c := range []struct {
		name, principal, auth string
		mechanism             sasl.Mechanism
	}{
		{"plain", "User:erp", "PLAIN", plain.Auth{User: "erp", Pass: "erp-secret"}.AsMechanism()},
		{"scram 256", "User:erp", "SCRAM-SHA-256", scram.Auth{User: "erp", Pass: "erp-secret"}.AsSha256Mechanism()},
		{"scram 512", "User:erp", "SCRAM-SHA-512", scram.Auth{User: "erp", Pass: "erp-secret"}.AsSha512Mechanism()},
		{"scram with escapes", "User:we,ird=name", "SCRAM-SHA-256", scram.Auth{User: "we,ird=name", Pass: "odd-secret"}.AsSha256Mechanism()},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, fake.Addrs, relay.ModeAuto, nil)
			ping(t, r, kgo.SASL(c.mechanism))
			r.settle()
			var logins int
			for _, rec := range r.all() {
				switch {
				case rec.Kind == "authn":
					logins++
					if rec.Operation != "SUCCESS" || rec.Principal != c.principal || rec.Mechanism != c.auth {
						t.Errorf("login recorded as %s of %s by %s", rec.Operation, rec.Principal, rec.Mechanism)
					}
				case rec.Kind == "access" && rec.Resource == "orders":
					if rec.Principal != c.principal || rec.PrincipalSource != access.Observed || rec.Auth != c.auth {
						t.Errorf("access recorded under %s (%s, %s)", rec.Principal, rec.PrincipalSource, rec.Auth)
					}
				}
			}
			if logins == 0 {
				t.Error("no login was recorded")
			}
			r.noSecrets("erp-secret", "odd-secret")
		})
	}
}

func TestFailedLogin(t *testing.T) {
	fake := kafkatest.Start(t, kafkatest.Options{SASL: users})
	r := newRig(t, fake.Addrs, relay.ModeAuto, nil)
	cl := newClient(t, r, kgo.SASL(plain.Auth{User: "hunter2", Pass: "wrong-secret"}.AsMechanism()), kgo.RequestRetries(0))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := cl.Ping(ctx); err == nil {
		t.Fatal("login with a wrong password succeeded")
	}
	cl.Close()
	r.settle()
	var failures int
	for _, rec := range r.all() {
		if rec.Kind == "authn" {
			failures++
			if rec.Operation != "FAILURE" || rec.Principal != identity.Unknown {
				t.Errorf("recorded as %s of %s", rec.Operation, rec.Principal)
			}
		}
	}
	if failures == 0 {
		t.Error("no failed login was recorded")
	}
	r.noSecrets("hunter2", "wrong-secret")
}

// Nothing but the SASL exchange passes between a handshake and the broker's success.
func TestNoRequestBeforeSASLCompletes(t *testing.T) {
	fake := kafkatest.Start(t, kafkatest.Options{Topics: []string{"orders"}, SASL: users})
	r := newRig(t, fake.Addrs, relay.ModeAuto, nil)
	nc := dialRig(t, r)
	h := kmsg.NewPtrSASLHandshakeRequest()
	h.Mechanism = "PLAIN"
	m := kmsg.NewPtrMetadataRequest()
	if _, err := nc.Write(append(framed(h, 1), framed(m, 9)...)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	if _, err := readFrame(nc, buf); err != nil {
		t.Fatal("the handshake was not answered:", err)
	}
	if n, err := readFrame(nc, buf); err == nil {
		t.Fatalf("Metadata was answered with %d bytes in the middle of SASL", n)
	}
	r.settle()
	r.mustCause("before authentication was complete")
}

func TestTLSAndCertificates(t *testing.T) {
	ca := kafkatest.NewCA(t)
	server, _, _ := ca.Issue(pkix.Name{CommonName: "proxy"})
	client, _, _ := ca.Issue(pkix.Name{CommonName: "erp", Organization: []string{"Example"}})
	fake := kafkatest.Start(t, kafkatest.Options{Topics: []string{"orders"}})
	mapping, err := identity.ParseMapping([]string{"RULE:^CN=([^,]+),.*$/$1/", "DEFAULT"})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, fake.Addrs, relay.ModeAuto, func(s *ClusterSpec, _ *Options) {
		s.Listeners[0].Mapping = mapping
		cfg := &tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: ca.Pool, ClientAuth: tls.RequireAndVerifyClientCert}
		s.Listeners[0].TLS = func() *tls.Config { return cfg }
	})
	ping(t, r, kgo.DialTLSConfig(&tls.Config{RootCAs: ca.Pool, Certificates: []tls.Certificate{client}}))
	r.settle()
	var seen int
	for _, rec := range r.all() {
		if rec.Kind == "access" && rec.Resource == "orders" {
			seen++
			if rec.Principal != "User:erp" || rec.PrincipalSource != access.Mapped || rec.TlsSubject == "" || rec.Ja4 == "" {
				t.Errorf("recorded under %s (%s), subject %q, ja4 %q", rec.Principal, rec.PrincipalSource, rec.TlsSubject, rec.Ja4)
			}
		}
	}
	if seen == 0 {
		t.Error("no access was recorded")
	}
	if !r.some(func(rec *access.Record) bool {
		return rec.Kind == "authn" && rec.Operation == "SUCCESS" && rec.Principal == "User:erp" && rec.Mechanism == "TLS" && rec.Credential != nil
	}) {
		t.Error("the certificate's login is not recorded")
	}
	for _, rec := range r.all() {
		switch {
		case rec.Operation == "OPEN" && (rec.Ja4 == "" || rec.Principal != "User:erp"):
			t.Errorf("OPEN does not say who came: %s", access.AppendJSON(nil, rec))
		case rec.Operation == "CLOSE" && (rec.GetClientAcked() > rec.GetClientOut() || rec.GetClientOut() < 500 || rec.GetClientIn() < 500):
			t.Errorf("CLOSE does not count the socket's bytes: %s", access.AppendJSON(nil, rec))
		}
	}

	// A client without TLS is told apart, in the log and in a record.
	cl := newClient(t, r, kgo.RequestRetries(0))
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := cl.Ping(ctx); err == nil {
		t.Error("a plaintext client got an answer on a TLS listener")
	}
	cl.Close()
	r.settle()
	if !r.some(func(rec *access.Record) bool { return rec.Kind == "authn" && rec.Error == errPlaintext.Error() }) {
		t.Error("no record says that a plaintext client came")
	}
}

func TestTLSClientOnPlaintextListener(t *testing.T) {
	fake := kafkatest.Start(t, kafkatest.Options{})
	r := newRig(t, fake.Addrs, relay.ModeAuto, nil)
	nc := dialRig(t, r)
	_ = tls.Client(nc, &tls.Config{ServerName: "localhost"}).Handshake()
	r.settle()
	r.mustCause("TLS client on a plaintext listener")
}

func newClient(t testing.TB, r *rig, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(r.addr), kgo.ClientID("app")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// ping describes one topic through the proxy.
func ping(t testing.TB, r *rig, opts ...kgo.Opt) {
	t.Helper()
	cl := newClient(t, r, opts...)
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	q := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr("orders")
	q.Topics = append(q.Topics, topic)
	resp, err := q.RequestWith(ctx, cl)
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Fatal(err)
	}
}

func (r *rig) some(is func(*access.Record) bool) bool {
	for _, rec := range r.all() {
		if is(rec) {
			return true
		}
	}
	return false
}

// mustCause wants a session that ended for a reason with these words.
func (r *rig) mustCause(words string) {
	r.t.Helper()
	if !r.some(func(rec *access.Record) bool { return rec.Operation == "CLOSE" && strings.Contains(rec.Cause, words) }) {
		r.t.Errorf("no session was closed because of %q", words)
	}
}

func (r *rig) noSecrets(secrets ...string) {
	r.t.Helper()
	for _, rec := range r.all() {
		line := string(access.AppendJSON(nil, rec))
		for _, s := range secrets {
			if strings.Contains(line, s) {
				r.t.Errorf("a record shows %q: %s", s, line)
			}
		}
	}
}
