package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"

	"doorkeeper/relay"
)

// dialResult is how the last dial to a cluster went.
type dialResult struct{ err error }

// An upstream is the connection to a broker.
type upstream struct {
	conn    net.Conn // to speak on: raw, or TLS over it
	raw     *net.TCPConn
	records *relay.Records // between the two; nil on plaintext
}

// dial connects to a broker: to the node, or with bootstrap to the next of the configured addresses that answers.
func (s *clusterState) dial(ctx context.Context, node int32, pool *relay.Pool) (upstream, error) {
	spec := s.spec.Load()
	var errs []error
	for _, addr := range s.addresses(spec, node) {
		up, err := dialOne(ctx, spec, addr, pool)
		if err == nil {
			s.dialed.Store(&dialResult{})
			return up, nil
		}
		if errors.Is(ctx.Err(), context.Canceled) { // by us: that says nothing about the broker
			return upstream{}, ctx.Err()
		}
		errs = append(errs, fmt.Errorf("broker %s: %w", addr, err))
	}
	if len(errs) == 0 {
		errs = append(errs, fmt.Errorf("broker %d has no known address", node))
	}
	err := errors.Join(errs...)
	s.dialed.Store(&dialResult{err})
	return upstream{}, err
}

// addresses lists where to try, in order.
func (s *clusterState) addresses(spec *ClusterSpec, node int32) []string {
	if node != bootstrap {
		n, ok := s.cluster.Node(node)
		if !ok {
			return nil
		}
		return []string{net.JoinHostPort(n.Host, strconv.Itoa(int(n.Port)))}
	}
	first := int(s.next.Add(1)-1) % len(spec.Bootstrap)
	return append(append([]string(nil), spec.Bootstrap[first:]...), spec.Bootstrap[:first]...)
}

func dialOne(ctx context.Context, spec *ClusterSpec, addr string, pool *relay.Pool) (upstream, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return upstream{}, err
	}
	raw := nc.(*net.TCPConn)
	if spec.TLS == nil {
		return upstream{conn: raw, raw: raw}, nil
	}
	cfg := spec.TLS.Config().Clone()
	if cfg.ServerName = spec.TLS.ServerName; cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(addr) // it was dialled: it has both parts
	}
	records := relay.NewRecords(raw, pool)
	t := tls.Client(records, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		records.Release()
		return upstream{}, upstreamTLSError(err)
	}
	return upstream{t, raw, records}, nil
}

func upstreamTLSError(err error) error {
	var rec tls.RecordHeaderError
	if errors.As(err, &rec) {
		return errors.New("the broker does not speak TLS on this port: it is a plaintext listener (leave out the cluster's tls, or use another port)")
	}
	return fmt.Errorf("TLS: %w", err)
}
