package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"

	"doorkeeper/app"
	"doorkeeper/config"
)

// checkOnline asks every bootstrap broker, each for itself: one that is down shall not hide behind another.
func (c *cli) checkOnline(ctx context.Context, cfg *config.Config, commandConfig string) error {
	login, err := readLogin(commandConfig)
	if err != nil {
		return err
	}
	bad := false
	for _, cl := range cfg.Clusters {
		secure, err := app.UpstreamTLS(cl.TLS)
		if err != nil {
			return err
		}
		for _, address := range cl.Bootstrap {
			p := probe{address: address, tls: secure, login: login, timeout: cfg.Timeouts.Dial}
			found, err := p.run(ctx)
			if err != nil {
				bad = true
				fmt.Fprintf(c.out, "cluster %s: %s: %s\n", cl.Name, address, safe(err.Error()))
				continue
			}
			fmt.Fprintf(c.out, "cluster %s: %s: ok, %s\n", cl.Name, address, safe(found))
		}
	}
	if bad {
		return no
	}
	return nil
}

// A probe asks one broker.
type probe struct {
	address string
	tls     *tls.Config // nil: plaintext
	login   sasl.Mechanism
	timeout time.Duration
}

// run goes one step at a time, so that the error says which failed: connect, TLS, then Kafka.
func (p *probe) run(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*p.timeout)
	defer cancel()
	facts, err := p.dial(ctx)
	if err != nil {
		return "", err
	}
	client, err := kgo.NewClient(p.options()...)
	if err != nil {
		return "", err
	}
	defer client.Close()
	broker := client.SeedBrokers()[0]
	apis, err := versions(ctx, broker)
	if err != nil {
		return "", fmt.Errorf("asking for API versions: %w", p.explain(err))
	}
	facts = append(facts, fmt.Sprintf("%d APIs", apis))
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{} // none, where nil is all
	answer, err := broker.Request(ctx, request)
	if err != nil {
		return "", fmt.Errorf("asking for the cluster's brokers: %w", p.explain(err))
	}
	return strings.Join(append(facts, cluster(answer.(*kmsg.MetadataResponse))...), ", "), nil
}

// versions asks how many APIs the broker has.
func versions(ctx context.Context, broker *kgo.Broker) (int, error) {
	request := kmsg.NewPtrApiVersionsRequest()
	request.ClientSoftwareName, request.ClientSoftwareVersion = "doorkeeper", app.Version
	answer, err := broker.Request(ctx, request)
	if err != nil {
		return 0, err
	}
	r := answer.(*kmsg.ApiVersionsResponse)
	return len(r.ApiKeys), kerr.ErrorForCode(r.ErrorCode)
}

// dial connects once without Kafka.
func (p *probe) dial(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close()
	if p.tls == nil {
		return []string{"plaintext"}, nil
	}
	t := tls.Client(conn, p.tlsFor())
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS handshake: %w%s", err, tlsHint(err))
	}
	return []string{tls.VersionName(t.ConnectionState().Version)}, nil
}

func (p *probe) tlsFor() *tls.Config {
	c := p.tls.Clone()
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(p.address) // config has checked it
	}
	return c
}

func tlsHint(err error) string {
	var record tls.RecordHeaderError
	if errors.As(err, &record) {
		return " (the broker's port speaks no TLS: leave out the cluster's tls, or use the TLS port)"
	}
	var verify *tls.CertificateVerificationError
	if errors.As(err, &verify) {
		return " (tls.ca_file must hold the CA of the brokers, and tls.server_name a name in their certificates)"
	}
	return ""
}

func (p *probe) options() []kgo.Opt {
	options := []kgo.Opt{
		kgo.SeedBrokers(p.address), kgo.ClientID("doorkeeper-check"), kgo.RequestRetries(0), kgo.DisableClientMetrics(),
		kgo.DialTimeout(p.timeout), kgo.RetryTimeout(p.timeout),
	}
	if p.tls != nil {
		options = append(options, kgo.DialTLSConfig(p.tlsFor()))
	}
	if p.login != nil {
		options = append(options, kgo.SASL(p.login))
	}
	return options
}

// explain adds what to do to an error that a broker does not explain itself.
func (p *probe) explain(err error) error {
	var kafka *kerr.Error
	switch {
	case errors.As(err, &kafka):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), strings.Contains(err.Error(), "closed"), strings.Contains(err.Error(), "reset"):
		if p.login == nil {
			return fmt.Errorf("%w (a broker that wants a login closes like this: give --command-config FILE; one that wants TLS does too: set the cluster's tls)", err)
		}
		return fmt.Errorf("%w (some brokers close like this on a wrong user, password or mechanism)", err)
	}
	return err
}

func cluster(m *kmsg.MetadataResponse) []string {
	id := "unnamed cluster"
	if m.ClusterID != nil {
		id = "cluster id " + *m.ClusterID
	}
	var nodes []string
	for _, b := range m.Brokers {
		nodes = append(nodes, fmt.Sprintf("%d at %s", b.NodeID, net.JoinHostPort(b.Host, fmt.Sprint(b.Port))))
	}
	return []string{id, fmt.Sprintf("%d brokers (%s)", len(nodes), strings.Join(nodes, "; "))}
}
