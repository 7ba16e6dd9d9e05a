package sink

import (
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"doorkeeper/access"
	"doorkeeper/internal/kafkatest"
	"doorkeeper/internal/siemtest"
	"doorkeeper/journal"
)

// A standIn is a far side of siemtest.
type standIn interface {
	http.Handler
	Calm()
	Took() map[string]int
	Complaints() []string
}

func fixed(text string) Secret { return func() (string, error) { return text, nil } }

// far sides by type, and how to reach each over pipes.
var webTypes = map[string]func(rng *rand.Rand, poison func(string) bool, pipes *siemtest.Pipes) (standIn, Sender, int){
	"splunk": func(rng *rand.Rand, poison func(string) bool, pipes *siemtest.Pipes) (standIn, Sender, int) {
		return siemtest.NewSplunk(rng, "t0ken", false, poison), mustSplunk(false, pipes), 4
	},
	"splunk with acknowledgement": func(rng *rand.Rand, poison func(string) bool, pipes *siemtest.Pipes) (standIn, Sender, int) {
		return siemtest.NewSplunk(rng, "t0ken", true, poison), mustSplunk(true, pipes), 4
	},
	"elasticsearch": func(rng *rand.Rand, poison func(string) bool, pipes *siemtest.Pipes) (standIn, Sender, int) {
		e, err := NewElastic(ElasticOptions{HTTPOptions: HTTPOptions{URL: "http://es"}, Index: "kafka", Encode: access.AppendJSON})
		if err != nil {
			panic(err)
		}
		e.dial = pipes.Dial
		return siemtest.NewElastic(rng, "kafka", poison), e, 4
	},
	"webhook": func(rng *rand.Rand, poison func(string) bool, pipes *siemtest.Pipes) (standIn, Sender, int) {
		h, err := NewWebhook(WebhookOptions{HTTPOptions: HTTPOptions{URL: "http://hook/x"}, Secret: fixed("s3cret"), Encode: access.AppendJSON, JSON: true})
		if err != nil {
			panic(err)
		}
		h.dial = pipes.Dial
		return siemtest.NewWebhook(rng, "s3cret", poison), h, 1
	},
}

func mustSplunk(ack bool, pipes *siemtest.Pipes) *Splunk {
	s, err := NewSplunk(SplunkOptions{
		HTTPOptions: HTTPOptions{URL: "http://splunk:8088", Token: fixed("t0ken")}, Ack: ack, Format: "native", Encode: access.AppendJSON, JSON: true,
	})
	if err != nil {
		panic(err)
	}
	s.dial = pipes.Dial
	return s
}

// TestWebSinksLoseNothing: whatever the far side does, and although the sink ends and starts again in between, in the end
// it has every record, or the record is a dead letter because the far side never takes it.
func TestWebSinksLoseNothing(t *testing.T) {
	for name, make := range webTypes {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(8) {
				synctest.Test(t, func(t *testing.T) {
					rng := rand.New(rand.NewPCG(seed, 1))
					poison := func(target string) bool { return strings.HasSuffix(target, "13") }
					pipes := siemtest.NewPipes()
					far, _, inFlight := make(rand.New(rand.NewPCG(seed, 2)), poison, pipes)
					serve(t, pipes, far)
					next := func() Sender { _, s, _ := make(nil, nil, pipes); return s }
					losesNothing(t, rng, far, next, poison, Options{InFlight: inFlight, MaxRecords: 1 + rng.IntN(50), MaxWait: 200 * time.Millisecond})
				})
			}
		})
	}
}

func serve(t *testing.T, pipes *siemtest.Pipes, h http.Handler) {
	server := &http.Server{Handler: h}
	go server.Serve(pipes)
	t.Cleanup(func() { server.Close() })
}

func losesNothing(t *testing.T, rng *rand.Rand, far standIn, sender func() Sender, poison func(string) bool, opt Options) {
	t.Helper()
	j := journal.New(journal.Options{Proxy: "dk"})
	opt.Name, opt.Dir = "far", t.TempDir()
	n := 0
	for n < 300 {
		s := New(j, sender(), opt)
		s.Start()
		for range rng.IntN(100) {
			n++
			appendNamed(j, fmt.Sprint("record\n\"", n))
			time.Sleep(time.Duration(rng.IntN(100)) * time.Millisecond)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(5000))*time.Millisecond)
		_ = s.Close(ctx) // it may have had too little time
		cancel()
	}
	far.Calm()
	s := New(j, sender(), opt)
	s.Start()
	time.Sleep(time.Hour)
	closeSink(t, s)

	accounted := far.Took()
	for _, r := range deadLetters(t, opt.Dir, "far") {
		if !poison(r.Target) {
			t.Errorf("%q is a dead letter", r.Target)
		}
		accounted[r.Id]++
	}
	missing := 0
	for r := range j.Follow(t.Context(), journal.Position{}) {
		if accounted[r.Id] == 0 {
			missing++
		}
		delete(accounted, r.Id)
		if r.Seq == j.Head().Seq {
			break
		}
	}
	if missing > 0 || len(accounted) > 0 {
		t.Errorf("%d of %d records are nowhere; the far side has strangers: %v", missing, n, slices.Collect(maps.Keys(accounted)))
	}
	for _, complaint := range far.Complaints() {
		t.Error(complaint)
	}
}

// TestSetupIsNoDeadLetter: what is wrong with the sink's configuration is not the records' fault.
func TestSetupIsNoDeadLetter(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"wrong token": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"text":"Invalid token","code":4}`, http.StatusForbidden)
		},
		"wrong index": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"text":"Incorrect index","code":7}`, http.StatusBadRequest)
		},
		"no ack": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"text":"ACK is disabled","code":14}`, http.StatusBadRequest)
		},
		"no ackId": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"text":"Success","code":0}`, http.StatusOK)
		},
		"another server": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `<html>`, http.StatusOK) },
		"no such path":   http.NotFound,
		"somewhere else": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere/", http.StatusTemporaryRedirect)
		},
		"not this method": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusMethodNotAllowed) },
	} {
		synctest.Test(t, func(t *testing.T) {
			pipes := siemtest.NewPipes()
			asked := 0
			serve(t, pipes, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				if r.Host != "splunk:8088" || r.Header.Get("Authorization") != "Splunk t0ken" {
					t.Errorf("%s: %s got %q", name, r.Host, r.Header.Get("Authorization"))
				}
				answer(w, r)
			}))
			j := journal.New(journal.Options{})
			var log strings.Builder
			s := New(j, mustSplunk(true, pipes), Options{Name: "far", Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(&log, nil))})
			s.Start()
			appendNamed(j, "a", "b")
			time.Sleep(10 * time.Minute)
			if st := s.Stats(); st.Dead != 0 || st.Records != 0 || !st.Failing || asked < 10 {
				t.Errorf("%s: %+v after %d requests", name, st, asked)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.Close(ctx); err == nil {
				t.Errorf("%s: closed as if all were well", name)
			}
			if text := log.String(); !strings.Contains(text, "cannot deliver") || strings.Contains(text, "t0ken") {
				t.Errorf("%s: the log says %s", name, text)
			}
		})
	}
}

// TestSecretsAreReadAnew: a token that is replaced is used from the next request on, without a restart.
func TestSecretsAreReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipes := siemtest.NewPipes()
		far := siemtest.NewSplunk(nil, "second", false, nil)
		serve(t, pipes, far)
		var token atomic.Value
		token.Store("first")
		splunk, err := NewSplunk(SplunkOptions{
			HTTPOptions: HTTPOptions{URL: "http://splunk", Token: func() (string, error) { return token.Load().(string), nil }},
			Format:      "native", Encode: access.AppendJSON, JSON: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		splunk.dial = pipes.Dial
		j := journal.New(journal.Options{Proxy: "dk"})
		s := New(j, splunk, Options{Name: "far", Dir: t.TempDir()})
		s.Start()
		appendNamed(j, "a")
		time.Sleep(time.Minute)
		if !s.Stats().Failing {
			t.Error("the first token works")
		}
		token.Store("second")
		time.Sleep(time.Minute)
		if s.Stats().Failing || len(far.Took()) != 1 {
			t.Errorf("the second token does not: %+v", s.Stats())
		}
		closeSink(t, s)
	})
}

// TestCertificatesAreReadAnew: over real TLS. What the sink trusts changes while it runs.
func TestCertificatesAreReadAnew(t *testing.T) {
	ca := kafkatest.NewCA(t)
	cert, _, _ := ca.Issue(pkix.Name{CommonName: "hook"})
	far := siemtest.NewWebhook(nil, "s3cret", nil)
	server := httptest.NewUnstartedServer(far)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: ca.Pool, ClientAuth: tls.RequireAndVerifyClientCert}
	server.StartTLS()
	defer server.Close()
	var trust atomic.Pointer[tls.Config]
	trust.Store(&tls.Config{RootCAs: kafkatest.NewCA(t).Pool})
	hook, err := NewWebhook(WebhookOptions{
		HTTPOptions: HTTPOptions{URL: server.URL, TLS: trust.Load}, Secret: fixed("s3cret"), Encode: access.AppendJSON, JSON: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	j := journal.New(journal.Options{})
	appendNamed(j, "a")
	b := &Batch{}
	for r := range j.Follow(t.Context(), journal.Position{}) {
		b.add(r, hook)
		break
	}
	if err := hook.Send(t.Context(), b); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown CA: %v", err)
	}
	trust.Store(&tls.Config{RootCAs: ca.Pool})
	if err := hook.Send(t.Context(), b); err == nil {
		t.Error("without a certificate of ours it was accepted")
	}
	ours, _, _ := ca.Issue(pkix.Name{CommonName: "doorkeeper"})
	trust.Store(&tls.Config{RootCAs: ca.Pool, Certificates: []tls.Certificate{ours}})
	if err := hook.Send(t.Context(), b); err != nil || len(far.Took()) != 1 {
		t.Errorf("%v, took %v", err, far.Took())
	}
	if err := hook.Close(); err != nil {
		t.Error(err)
	}
}
