package kafka

import (
	"context"
	"testing"
	"time"

	"doorkeeper/test/kafka/brokers"
)

func TestBoot(t *testing.T) {
	start := time.Now()
	c, err := brokers.Start(context.Background(), t.TempDir(), brokers.Options{Nodes: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	t.Logf("up after %v", time.Since(start))
	t.Log(c.LogTail(20))
}
