package brokers

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// WaitReady waits until every running node answers a metadata request that lists all running nodes.
func (c *Cluster) WaitReady(ctx context.Context) error {
	running := 0
	for _, p := range c.nodes {
		if p != nil {
			running++
		}
	}
	for _, id := range c.IDs() {
		if c.nodes[id-1] == nil {
			continue
		}
		if err := c.waitNode(ctx, id, running); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) waitNode(ctx context.Context, id int32, running int) error {
	deadline := time.Now().Add(3 * time.Minute)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Address(id, Plain)))
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		ask, cancel := context.WithTimeout(ctx, 2*time.Second)
		meta, err := kadm.NewClient(client).BrokerMetadata(ask)
		cancel()
		if err == nil && len(meta.Brokers) >= running && meta.Controller >= 0 {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("%d of %d brokers, controller %d", len(meta.Brokers), running, meta.Controller)
		}
		select {
		case <-c.nodes[id-1].Done():
			return fmt.Errorf("node %d ended while it started: %w", id, c.nodes[id-1].err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("node %d is not ready: %w", id, err)
		}
	}
}
