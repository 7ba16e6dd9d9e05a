package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"doorkeeper/test/kafka/brokers"
	"doorkeeper/test/kafka/truth"
)

// topicNames learns every topic that the brokers have, from themselves.
func (s *sharedParts) topicNames(names truth.Names) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.cluster.Bootstrap(brokers.Plain)...))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	topics, err := kadm.NewClient(client).ListTopicsWithInternal(ctx)
	if err != nil {
		return err
	}
	for _, t := range topics {
		names[t.ID] = t.Topic
	}
	return nil
}
