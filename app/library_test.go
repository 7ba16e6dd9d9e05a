package app

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"doorkeeper/access"
	"doorkeeper/internal/kafkatest"
	"doorkeeper/policy"
	"doorkeeper/policy/library"
)

const librarySettings = `settings:
  access:
    "User:shop": {write: [orders], transactional_id_prefixes: [shop-]}
    "User:billing": {read: [orders], write: [invoices], groups: [billing]}
  networks:
    "*": ["127.0.0.0/8"]
    "User:far": [10.0.0.0/8]
  office_hours: {}
  egress: {"*": [{bytes: 10000000, window: 1h}]}
  read_from: {max_age: 24h, except: []}
  internal_topics: []
  brokers: []
`

// estate is a proxy under the starter rules before a cluster with logins.
func estate(t *testing.T) (r *running, client func(user string, opts ...kgo.Opt) *kgo.Client) {
	users := map[string]string{"shop": "s", "billing": "b", "far": "f"}
	fake := kafkatest.Start(t, kafkatest.Options{Topics: []string{"orders", "invoices", "payroll", "untagged"}, SASL: users})
	h := newHome(t)
	h.mkdir("policy")
	for name, text := range library.Files() {
		h.write("policy/"+name, string(text))
	}
	h.write("policy/settings.yaml", librarySettings)
	h.write("catalog.yaml", "topics: {orders: {tags: [orders]}, invoices: {tags: [invoices]}, payroll: {tags: [pii]}}\n")
	r = h.start("proxy_id: dk\nstate_dir: state\nlog: {format: json}\nwatch: false\ncatalog_file: catalog.yaml\npolicy: {paths: [policy/], deadline: 1s}\n" +
		"clusters:\n  - name: erp\n    bootstrap: [\"" + fake.Addrs[0] + "\"]\n    listeners:\n" + listener("a", ""))
	return r, func(user string, opts ...kgo.Opt) *kgo.Client {
		t.Helper()
		cl, err := kgo.NewClient(append([]kgo.Opt{
			kgo.SeedBrokers(r.address("a")), kgo.SASL(plain.Auth{User: user, Pass: users[user]}.AsMechanism()),
			kgo.FetchMaxWait(100 * time.Millisecond), kgo.DisableClientMetrics(),
		}, opts...)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
		return cl
	}
}

// TestLibraryAtWork: under the starter rules honest clients do their work with what real clients ask for on the way
// (groups, offsets, idempotent and transactional producers), and nobody does more.
func TestLibraryAtWork(t *testing.T) {
	r, client := estate(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	const n = 20

	shop := client("shop")
	for i := range n {
		if err := shop.ProduceSync(ctx, &kgo.Record{Topic: "orders", Value: []byte(strconv.Itoa(i))}).FirstErr(); err != nil {
			t.Fatalf("an idempotent producer: %v", err)
		}
	}
	transactional := client("shop", kgo.TransactionalID("shop-1"))
	if err := transactional.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := transactional.ProduceSync(ctx, &kgo.Record{Topic: "orders", Value: []byte("last")}).FirstErr(); err != nil {
		t.Fatalf("a transactional producer: %v", err)
	}
	if err := transactional.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}

	billing := client("billing", kgo.ConsumerGroup("billing"), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for seen := 0; seen <= n; {
		f := billing.PollFetches(ctx)
		if errs := f.Errors(); len(errs) > 0 {
			t.Fatalf("a consumer in a group: %v", errs)
		}
		seen += f.NumRecords()
	}
	if err := billing.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatalf("committing: %v", err)
	}
	if err := billing.ProduceSync(ctx, &kgo.Record{Topic: "invoices", Value: []byte("1")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	// Of all topics, a client sees its own.
	meta, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client("billing"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, topic := range meta.Topics {
		names = append(names, *topic.Topic)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"invoices", "orders"}) {
		t.Errorf("billing sees %v", names)
	}

	for _, topic := range []string{"payroll", "untagged", "invoices"} {
		thief := client("billing", kgo.ConsumeTopics(topic))
		if f := thief.PollFetches(ctx); !errors.Is(f.Err(), kerr.TopicAuthorizationFailed) || f.NumRecords() > 0 {
			t.Errorf("reading %s: %v, %d records", topic, f.Err(), f.NumRecords())
		}
	}
	if err := shop.ProduceSync(ctx, &kgo.Record{Topic: "invoices", Value: []byte("x")}).FirstErr(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("the shop writes invoices: %v", err)
	}
	if f := client("billing", kgo.ConsumerGroup("shop"), kgo.ConsumeTopics("orders")).PollFetches(ctx); !errors.Is(f.Err(), kerr.GroupAuthorizationFailed) {
		t.Errorf("another's group: %v", f.Err())
	}
	if err := client("far").ProduceSync(ctx, &kgo.Record{Topic: "orders"}).FirstErr(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("from the wrong network: %v", err)
	}
	remove := kmsg.NewPtrDeleteTopicsRequest()
	name := "orders"
	remove.TopicNames, remove.Topics = []string{name}, []kmsg.DeleteTopicsRequestTopic{{Topic: &name}}
	if resp, err := remove.RequestWith(ctx, client("billing")); err != nil || resp.Topics[0].ErrorCode != kerr.TopicAuthorizationFailed.Code {
		t.Errorf("deleting: %+v, %v", resp, err)
	}
	// Break-glass: for a while, one more topic, which is then recorded access by access.
	if err := client("shop").ProduceSync(ctx, &kgo.Record{Topic: "payroll"}).FirstErr(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("before the grant: %v", err)
	}
	r.law.engine.SetGrants([]policy.Grant{{
		ID: "01JD", Principal: "User:shop", Operation: access.OpWrite, Type: access.ResTopic, Name: "payroll",
		From: time.Now().Add(-time.Minute), Until: time.Now().Add(time.Hour), Actor: "bob", Reason: "incident 4711",
	}})
	if err := client("shop").ProduceSync(ctx, &kgo.Record{Topic: "payroll"}).FirstErr(); err != nil {
		t.Errorf("under a grant: %v", err)
	}
	if s := r.policyStats(); s.Errors > 0 {
		t.Errorf("%d evaluations failed", s.Errors)
	}
}
