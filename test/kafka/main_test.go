// Package kafka runs real brokers and real clients, direct and through doorkeeper, and holds doorkeeper's access
// records against what was on the wire.
package kafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"doorkeeper/test/kafka/brokers"
	"doorkeeper/test/kafka/door"
	"doorkeeper/test/kafka/tap"
)

// What the tests share: one cluster of three nodes, and one doorkeeper before it.
var shared sharedParts

type sharedParts struct {
	cluster *brokers.Cluster
	door    *door.Door
	direct  *tap.Recorder
}

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "doorkeeper-kafka-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := start(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	code := m.Run()
	fmt.Println(&coverage)
	if code != 0 {
		fmt.Fprintf(os.Stderr, "the brokers' logs:\n%s\n", shared.cluster.LogTail(60))
		fmt.Fprintf(os.Stderr, "doorkeeper's log:\n%s\n", shared.door.Log())
	}
	return code
}

func start(ctx context.Context, dir string) error {
	var err error
	shared.cluster, err = brokers.Start(ctx, filepath.Join(dir, "kafka"), brokers.Options{Nodes: 3})
	if err != nil {
		return err
	}
	shared.direct = &tap.Recorder{}
	for _, id := range shared.cluster.IDs() {
		for _, l := range []brokers.Listener{brokers.TappedOpen, brokers.TappedSASL} {
			port := shared.cluster.Port(id, l)
			_, err := tap.Listen(fmt.Sprintf("%s:%d", brokers.Tapped, port), shared.cluster.Address(id, l), id, nil, shared.direct)
			if err != nil {
				return err
			}
		}
	}
	shared.door, err = door.Start(ctx, filepath.Join(dir, "door"), shared.cluster, door.Options{})
	return err
}

func stop() {
	if shared.door != nil {
		shared.door.Close()
	}
	shared.cluster.Stop()
}
