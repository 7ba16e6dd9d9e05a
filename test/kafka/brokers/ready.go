package brokers

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
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
	var err error
	for {
		var known int
		if known, err = askBrokers(ctx, c.Address(id, Plain)); err == nil && known >= running {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("it knows %d of %d brokers", known, running)
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

// askBrokers asks one node how many brokers it knows. The client is new each time: one that lives keeps its answers.
func askBrokers(ctx context.Context, address string) (int, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ask, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	response, err := client.SeedBrokers()[0].Request(ask, kmsg.NewPtrMetadataRequest())
	if err != nil {
		return 0, err
	}
	return len(response.(*kmsg.MetadataResponse).Brokers), nil
}
