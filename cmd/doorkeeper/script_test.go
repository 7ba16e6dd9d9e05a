package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/internal/kafkatest"
)

func TestMain(m *testing.M) {
	kafkatest.Run()
	testscript.Main(m, map[string]func(){"doorkeeper": main})
}

// TestScripts drives the program as people do; each script in testdata tells one story. Beside testscript's own
// commands there are those of scriptCommands, and in the environment: $KAFKA and $KAFKA_SASL (fake brokers, the second
// with the user erp, password secret), $PORT, $FIRST_PORT and $NODES (free), and in the directory ca.pem, s.pem, s.key and
// tokens.yaml with the tokens "viewer", "responder" and "operator".
func TestScripts(t *testing.T) {
	fake := kafkatest.Start(t, kafkatest.Options{Topics: []string{"purchasing", "salaries"}, Settings: map[string]string{
		"advertised.listeners":           "PLAINTEXT://{address},EXTERNAL://127.0.0.1:1",
		"listeners":                      "PLAINTEXT://:9092,EXTERNAL://:9093,CONTROLLER://:2",
		"listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,EXTERNAL:SASL_SSL,CONTROLLER:SSL",
	}})
	login := kafkatest.Start(t, kafkatest.Options{SASL: map[string]string{"erp": "secret"}})
	ca := kafkatest.NewCA(t)
	_, cert, key := ca.Issue(pkix.Name{CommonName: "doorkeeper"})
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			first := freePorts(12)
			e.Setenv("KAFKA", fake.Addrs[0])
			e.Setenv("KAFKA_SASL", login.Addrs[0])
			e.Setenv("PORT", strconv.Itoa(first))
			e.Setenv("FIRST_PORT", strconv.Itoa(first+1))
			e.Setenv("NODES", strconv.Itoa(first+2))
			// The state directory's path must be short enough for a socket in it, and a work directory's is not.
			state, err := os.MkdirTemp("", "dk")
			if err != nil {
				return err
			}
			e.Defer(func() { os.RemoveAll(state) })
			e.Setenv("STATE", state)
			for name, text := range map[string][]byte{"ca.pem": ca.PEM, "s.pem": cert, "s.key": key, "tokens.yaml": tokens("viewer", "responder", "operator")} {
				if err := os.WriteFile(filepath.Join(e.WorkDir, name), text, 0o600); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: scriptCommands,
	})
}

// tokens are named as their roles, and are so themselves.
func tokens(roles ...string) []byte {
	var text []byte
	for _, role := range roles {
		sum := sha256.Sum256([]byte(role))
		text = fmt.Appendf(text, "- {name: the-%s, role: %s, sha256: %s}\n", role, role, hex.EncodeToString(sum[:]))
	}
	return text
}

var nextPort atomic.Int64

// freePorts finds n ports in a row that are free, and gives none out twice: scripts run at the same time.
func freePorts(n int) int {
	for {
		first := 31000 - n + int(nextPort.Add(int64(n)))
		free := true
		for port := first; port < first+n; port++ {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
			if err != nil {
				free = false
				break
			}
			l.Close()
		}
		if free {
			return first
		}
	}
}

var scriptCommands = map[string]func(*testscript.TestScript, bool, []string){
	// ready waits until the proxy with $STATE answers, or with ! until none does.
	"ready": func(ts *testscript.TestScript, neg bool, _ []string) {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(ts.Getenv("STATE"), "admin.sock"))
		}}}
		until(ts, "the proxy is ready", func() bool {
			resp, err := client.Get("http://x/readyz")
			if err == nil {
				resp.Body.Close()
			}
			return (err == nil && resp.StatusCode == http.StatusOK) != neg
		})
	},
	// await FILE REGEXP waits until the file has a match.
	"await": func(ts *testscript.TestScript, _ bool, args []string) {
		want := regexp.MustCompile(args[1])
		until(ts, args[0]+" has "+args[1], func() bool {
			text, err := os.ReadFile(ts.MkAbs(args[0]))
			return err == nil && want.Match(text)
		})
	},
	// write TOPIC VALUE and read TOPIC go through the proxy at $PORT. With ! the right to write must be missing.
	"write": func(ts *testscript.TestScript, neg bool, args []string) {
		withClient(ts, func(ctx context.Context, client *kgo.Client) {
			err := client.ProduceSync(ctx, &kgo.Record{Topic: args[0], Value: []byte(args[1])}).FirstErr()
			if neg && errors.Is(err, kerr.TopicAuthorizationFailed) {
				return
			}
			ts.Check(err)
		})
	},
	"read": func(ts *testscript.TestScript, _ bool, args []string) {
		withClient(ts, func(ctx context.Context, client *kgo.Client) {
			if client.PollFetches(ctx).NumRecords() == 0 {
				ts.Fatalf("nothing to read in %s", args[0])
			}
		}, kgo.ConsumeTopics(args[0]), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	},
	// stay connects a client through the proxy that stays until the script's end.
	"stay": func(ts *testscript.TestScript, _ bool, _ []string) {
		client, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:"+ts.Getenv("PORT")), kgo.ClientID("stays\x1b[2J"), kgo.SoftwareNameAndVersion("guest", "7"))
		ts.Check(err)
		ts.Defer(client.Close)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		ts.Check(client.Ping(ctx))
	},
	// hold opens a session through the proxy at $PORT; held wants it to go on, cut wants it to end.
	"hold": func(ts *testscript.TestScript, _ bool, _ []string) {
		nc, err := net.Dial("tcp", "127.0.0.1:"+ts.Getenv("PORT"))
		ts.Check(err)
		ts.Defer(func() { nc.Close() })
		sessions.Store(ts, nc)
		ts.Check(askMetadata(nc))
	},
	"held": func(ts *testscript.TestScript, _ bool, _ []string) {
		nc, _ := sessions.Load(ts)
		ts.Check(askMetadata(nc.(net.Conn)))
	},
	"cut": func(ts *testscript.TestScript, _ bool, _ []string) {
		nc, _ := sessions.Load(ts)
		if askMetadata(nc.(net.Conn)) == nil {
			ts.Fatalf("the session goes on")
		}
	},
	// barred wants a new session to be ended at its first request.
	"barred": func(ts *testscript.TestScript, _ bool, _ []string) {
		nc, err := net.Dial("tcp", "127.0.0.1:"+ts.Getenv("PORT"))
		ts.Check(err)
		defer nc.Close()
		if askMetadata(nc) == nil {
			ts.Fatalf("the session is served")
		}
	},
	// listen ADDRESS TEXT answers every connection with the text and closes it.
	"listen": func(ts *testscript.TestScript, _ bool, args []string) {
		l, err := net.Listen("tcp", args[0])
		ts.Check(err)
		ts.Defer(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Write([]byte(args[1]))
				c.Close()
			}
		}()
	},
}

func until(ts *testscript.TestScript, what string, is func() bool) {
	for range 1000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("never: %s", what)
}

func withClient(ts *testscript.TestScript, do func(context.Context, *kgo.Client), more ...kgo.Opt) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers("127.0.0.1:" + ts.Getenv("PORT")), kgo.ClientID("erp\x1b[2J")}, more...)...)
	ts.Check(err)
	defer client.Close()
	do(ctx, client)
}

var sessions sync.Map // what "hold" has opened, by script

// askMetadata asks for the topics, under a client id that no terminal likes.
func askMetadata(nc net.Conn) error {
	if err := nc.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	q := kmsg.NewPtrMetadataRequest()
	q.SetVersion(9)
	if _, err := nc.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("erp\x1b[2J")).AppendRequest(nil, q, 1)); err != nil {
		return err
	}
	size := make([]byte, 4)
	if _, err := io.ReadFull(nc, size); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, nc, int64(binary.BigEndian.Uint32(size)))
	return err
}
