// Package kafkatest starts fakes for tests: a kfake cluster as a child process, because a frame that it does not expect
// ends its process, and that must not be the test's.
package kafkatest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// childEnv marks a test binary that is to be a fake cluster.
const childEnv = "DOORKEEPER_KFAKE"

// Options of a fake cluster.
type Options struct {
	Brokers    int               // 0: 1
	Partitions int               // of each topic; 0: 1
	Topics     []string          // to make
	SASL       map[string]string // PLAIN and SCRAM users with their passwords
}

// Run is for TestMain: in a child it serves a fake cluster until its standard input ends, and does not return.
func Run() {
	text := os.Getenv(childEnv)
	if text == "" {
		return
	}
	if err := serve(text); err != nil {
		fmt.Fprintln(os.Stderr, "kafkatest:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(text string) error {
	var o Options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	opts := []kfake.Opt{kfake.NumBrokers(max(1, o.Brokers)), kfake.SeedTopics(int32(max(1, o.Partitions)), o.Topics...)}
	if len(o.SASL) > 0 {
		opts = append(opts, kfake.EnableSASL())
		for user, password := range o.SASL {
			for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
				opts = append(opts, kfake.Superuser(mechanism, user, password))
			}
		}
	}
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Println(strings.Join(c.ListenAddrs(), ","))
	_, err = bufio.NewReader(os.Stdin).ReadString('\n') // until the parent is gone
	_ = err
	return nil
}

// Fake is a running fake cluster.
type Fake struct{ Addrs []string }

// Start starts a fake cluster and ends it with the test. TestMain must call Run.
func Start(t testing.TB, o Options) *Fake {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("kafkatest: the fake cluster did not start: %v", err)
	}
	return &Fake{Addrs: strings.Split(strings.TrimSpace(line), ",")}
}
