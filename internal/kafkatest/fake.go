// Package kafkatest starts what tests need: fake clusters in child processes, and certificates.
package kafkatest

import (
	"fmt"
	"os"
	"testing"

	"doorkeeper/internal/fakecluster"
)

// Options of a fake cluster.
type Options struct {
	Brokers    int               // 0: 1
	Partitions int               // of each topic; 0: 1
	Topics     []string          // to make
	SASL       map[string]string // PLAIN and SCRAM users with their passwords
	Settings   map[string]string // fakecluster.Options.Settings
}

// Run is for TestMain: in a child it serves a fake cluster until its standard input ends, and does not return.
func Run() {
	asked, err := fakecluster.ServeIfAsked()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "kafkatest:", err)
		os.Exit(1)
	case asked:
		os.Exit(0)
	}
}

// Start starts a fake cluster and ends it with the test. TestMain must call Run.
func Start(t testing.TB, o Options) *fakecluster.Cluster {
	t.Helper()
	topics := map[string]int32{}
	for _, name := range o.Topics {
		topics[name] = int32(max(1, o.Partitions))
	}
	c, err := fakecluster.Start(fakecluster.Options{Brokers: o.Brokers, Topics: topics, Users: o.SASL, Settings: o.Settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // a test may have made it end on purpose
	return c
}
