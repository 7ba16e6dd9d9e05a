package proxy

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/internal/kafkatest"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A client of the real sort, before a fake cluster: what it is denied it hears of as from a broker, and it goes on with the
// rest; when the law changes it follows, in either way, without being started anew.
func TestClientUnderALaw(t *testing.T) {
	for _, mode := range []relay.Mode{relay.ModeUser, relay.ModeKernel} {
		t.Run(mode.String(), func(t *testing.T) {
			fake := kafkatest.Start(t, kafkatest.Options{Brokers: 2, Partitions: 3, Topics: []string{"orders", "payroll"}})
			w := newLaw("payroll")
			r := newRig(t, fake.Addrs, mode, w.under)
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			write := func(addrs []string, topics ...string) error {
				cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
				if err != nil {
					t.Fatal(err)
				}
				defer cl.Close()
				var records []*kgo.Record
				for _, topic := range topics {
					for i := range 20 {
						records = append(records, &kgo.Record{Topic: topic, Value: fmt.Append(nil, i)})
					}
				}
				return cl.ProduceSync(ctx, records...).FirstErr()
			}
			if err := write(fake.Addrs, "orders", "payroll"); err != nil {
				t.Fatal(err)
			}
			if err := write([]string{r.addr}, "payroll"); !errors.Is(err, kerr.TopicAuthorizationFailed) {
				t.Errorf("writing to payroll: %v", err)
			}
			if err := write([]string{r.addr}, "orders"); err != nil {
				t.Errorf("writing to orders: %v", err)
			}
			cl, err := kgo.NewClient(kgo.SeedBrokers(r.addr), kgo.ConsumeTopics("orders", "payroll"),
				kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(200*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			c := consumed{t: t, ctx: ctx, cl: cl}
			c.until(func() bool { return c.read["orders"] == 40 && c.denied["payroll"] > 0 })
			if c.read["payroll"] > 0 {
				t.Fatalf("%d records of payroll were read", c.read["payroll"])
			}
			w.change("payroll", access.Allow)
			c.until(func() bool { return c.read["payroll"] == 20 })
			w.change("orders", access.Deny)
			c.denied = nil
			c.until(func() bool { return c.denied["orders"] > 0 })
			if err := write(fake.Addrs, "orders", "payroll"); err != nil {
				t.Fatal(err)
			}
			c.until(func() bool { return c.read["payroll"] == 40 })
			if c.read["orders"] != 40 {
				t.Errorf("%d records of orders were read, 40 of them before they were denied", c.read["orders"])
			}
		})
	}
}

// consumed is what a consumer got.
type consumed struct {
	t      *testing.T
	ctx    context.Context
	cl     *kgo.Client
	read   map[string]int
	denied map[string]int
}

// until polls until it holds. Errors but denials are failures.
func (c *consumed) until(holds func() bool) {
	c.t.Helper()
	for !holds() {
		fetches := c.cl.PollFetches(c.ctx)
		if c.ctx.Err() != nil {
			c.t.Fatalf("read %v, denied %v", c.read, c.denied)
		}
		if c.read == nil {
			c.read = map[string]int{}
		}
		if c.denied == nil {
			c.denied = map[string]int{}
		}
		fetches.EachError(func(topic string, _ int32, err error) {
			if !errors.Is(err, kerr.TopicAuthorizationFailed) {
				c.t.Fatalf("%s: %v", topic, err)
			}
			c.denied[topic]++
		})
		fetches.EachRecord(func(r *kgo.Record) { c.read[r.Topic]++ })
	}
}

// A client that is denied everything asks some times, and not some thousand.
func TestDeniedClientDoesNotSpin(t *testing.T) {
	fake := kafkatest.Start(t, kafkatest.Options{Brokers: 1, Partitions: 1, Topics: []string{"payroll"}})
	r := newRig(t, fake.Addrs, relay.ModeAuto, newLaw("payroll").under)
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.addr), kgo.ConsumeTopics("payroll"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		cl.PollFetches(ctx)
	}
	if n := r.p.totals.requests[1].Load(); n == 0 || n > 6 {
		t.Errorf("%d fetches in 3 s", n)
	} else if s := r.p.Stats(); s.Denied["Fetch"] == 0 || s.Denied["Fetch"] < n-1 || s.Denied["Metadata"] != 0 || s.Refused["Fetch"] != 0 {
		t.Errorf("of %d fetches %d were denied and %d refused, says the count; of metadata %d", n, s.Denied["Fetch"], s.Refused["Fetch"], s.Denied["Metadata"])
	}
}
