package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// The estate: topics with their partitions, and who works with them.
var topics = map[string]int32{"orders": 3, "invoices": 2, "purchasing": 3, "payroll": 2}

var users = map[string]string{"shop": "shop-pw", "billing": "billing-pw", "erp": "erp-pw", "reporting": "reporting-pw"}

// How much lies in the topics that nobody reads during the demo but the thief, and how much is sold.
const (
	purchasingRecords = 1500
	payrollRecords    = 400
	moreRecords       = 100
	soldOrders        = 120
)

// An application is a client with its own name, software and address.
type application struct {
	user, clientID, software, version string
	from                              string // source address
}

var (
	loader    = application{"shop", "initial-load", "shop", "2.3.0", "127.0.0.1"}
	shop      = application{"shop", "shop-frontend", "shop", "2.3.0", "127.0.0.1"}
	billing   = application{"billing", "billing", "billing", "4.0.2", "127.0.0.1"}
	erp       = application{"erp", "erp-connector", "erp-connector", "5.1.0", "127.0.0.1"}
	reporting = application{"reporting", "reporting", "reporting", "1.9.4", "127.0.0.1"}
	// The thief has the ERP's credential, and nothing else of the ERP.
	thief = application{"erp", "export", "kgo", "1.22.3", "127.0.0.66"}
)

// client connects an application through addr. Where the system has no other loopback addresses than 127.0.0.1, every
// application comes from there.
func (a application) client(addr string, opts ...kgo.Opt) (*kgo.Client, error) {
	d := &net.Dialer{Timeout: 5 * time.Second}
	if canBind(a.from) {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(a.from)}
	}
	return kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addr), kgo.ClientID(a.clientID), kgo.SoftwareNameAndVersion(a.software, a.version),
		kgo.SASL(scram.Auth{User: a.user, Pass: users[a.user]}.AsSha256Mechanism()), kgo.Dialer(d.DialContext),
		kgo.FetchMaxWait(200 * time.Millisecond), kgo.DisableClientMetrics(),
	}, opts...)...)
}

func canBind(ip string) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// load fills the topics, before the story begins.
func load(ctx context.Context, addr string) error {
	cl, err := loader.client(addr)
	if err != nil {
		return err
	}
	defer cl.Close()
	for i := range purchasingRecords {
		send(ctx, cl, "purchasing", i, `{"order":"PO-%05d","supplier":"S-%03d","article":"valve DN%d","price":%d.50}`, i, i%97, 10+i%90, 100+i%900)
	}
	for i := range payrollRecords {
		send(ctx, cl, "payroll", i, `{"employee":"E-%04d","iban":"DE%020d","gross":%d}`, i, i*7919, 3000+i%4000)
	}
	return cl.Flush(ctx)
}

func send(ctx context.Context, cl *kgo.Client, topic string, key int, format string, args ...any) {
	cl.Produce(ctx, &kgo.Record{
		Topic: topic, Key: fmt.Appendf(nil, "%d", key), Value: fmt.Appendf(nil, format+strings.Repeat(" ", 120), args...),
	}, nil)
}

// sell produces orders, a few at a time.
func sell(ctx context.Context, addr string) error {
	cl, err := shop.client(addr)
	if err != nil {
		return err
	}
	defer cl.Close()
	for i := range soldOrders {
		send(ctx, cl, "orders", i, `{"order":%d,"customer":"C-%04d","total":%d.90}`, i, i%500, 10+i%200)
		if i%10 == 9 {
			if err := sleep(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return cl.Flush(ctx)
}

// bill reads orders and writes an invoice for each.
func bill(ctx context.Context, addr string) error {
	return billing.consume(ctx, addr, "billing", []string{"orders"}, soldOrders, func(cl *kgo.Client, r *kgo.Record, n int) {
		send(ctx, cl, "invoices", n, `{"invoice":%d,"for":%q}`, n, r.Key)
	})
}

// book is the ERP's own import: it reads invoices.
func book(ctx context.Context, addr string) error {
	return erp.consume(ctx, addr, "erp-import", []string{"invoices"}, soldOrders, nil)
}

// report reads invoices for the figures.
func report(ctx context.Context, addr string) error {
	return reporting.consume(ctx, addr, "reporting", []string{"invoices"}, soldOrders, nil)
}

// consume reads topics in a group until it has seen n records.
func (a application) consume(ctx context.Context, addr, group string, topics []string, n int, each func(*kgo.Client, *kgo.Record, int)) error {
	cl, err := a.client(addr, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer cl.CloseAllowingRebalance()
	for seen := 0; seen < n; {
		f := cl.PollFetches(ctx)
		if err := f.Err0(); err != nil {
			return err
		}
		f.EachRecord(func(r *kgo.Record) {
			if each != nil {
				each(cl, r, seen)
			}
			seen++
		})
	}
	return errors.Join(cl.Flush(ctx), cl.CommitUncommittedOffsets(ctx))
}

// steal copies two topics out, with no group, from their beginning to their end. The client stays connected, for whatever
// comes next.
func steal(ctx context.Context, addr string) (*kgo.Client, error) {
	cl, err := thief.client(addr, kgo.ConsumeTopics("payroll", "purchasing"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	for got := 0; got < purchasingRecords+payrollRecords; {
		f := cl.PollFetches(ctx)
		if err := f.Err0(); err != nil {
			cl.Close()
			return nil, err
		}
		got += f.NumRecords()
	}
	return cl, nil
}

// stealOn takes what comes, until the client is told that it may not.
func stealOn(ctx context.Context, cl *kgo.Client) (got int, err error) {
	for ctx.Err() == nil {
		f := cl.PollFetches(ctx)
		got += f.NumRecords()
		for _, e := range f.Errors() {
			if errors.Is(e.Err, kerr.TopicAuthorizationFailed) {
				return got, nil
			}
		}
	}
	return got, ctx.Err()
}

// more is what others write into the topics meanwhile.
func more(ctx context.Context, addr string) error {
	cl, err := loader.client(addr)
	if err != nil {
		return err
	}
	defer cl.Close()
	for i := range moreRecords {
		send(ctx, cl, "purchasing", i, `{"order":"PO-%05d","article":"pump"}`, purchasingRecords+i)
	}
	return cl.Flush(ctx)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
