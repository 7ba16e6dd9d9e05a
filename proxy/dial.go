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

// dial connects to a broker: to the node, or with bootstrap to the next of the configured addresses that answers.
// It returns the socket, and the connection to speak on: the socket itself or TLS over it.
func (s *clusterState) dial(ctx context.Context, node int32, pool *relay.Pool) (*net.TCPConn, net.Conn, error) {
	spec := s.spec.Load()
	var errs []error
	for _, addr := range s.addresses(spec, node) {
		raw, nc, err := dialOne(ctx, spec, addr, pool)
		if err == nil {
			s.dialed.Store(&dialResult{})
			return raw, nc, nil
		}
		errs = append(errs, fmt.Errorf("broker %s: %w", addr, err))
	}
	if len(errs) == 0 {
		errs = append(errs, fmt.Errorf("broker %d has no known address", node))
	}
	err := errors.Join(errs...)
	s.dialed.Store(&dialResult{err})
	return nil, nil, err
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

func dialOne(ctx context.Context, spec *ClusterSpec, addr string, pool *relay.Pool) (*net.TCPConn, net.Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	raw := nc.(*net.TCPConn)
	if spec.TLS == nil {
		return raw, raw, nil
	}
	cfg := spec.TLS.Config().Clone()
	if cfg.ServerName = spec.TLS.ServerName; cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(addr) // it was dialled: it has both parts
	}
	t := tls.Client(relay.NewRecords(raw, pool), cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, nil, upstreamTLSError(err)
	}
	return raw, t, nil
}

func upstreamTLSError(err error) error {
	var rec tls.RecordHeaderError
	if errors.As(err, &rec) {
		return errors.New("the broker does not speak TLS on this port: it is a plaintext listener (leave out the cluster's tls, or use another port)")
	}
	return fmt.Errorf("TLS: %w", err)
}
