package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"

	"doorkeeper/admin"
	"doorkeeper/app"
	"doorkeeper/config"
)

// A surveyor finds every listener that a cluster's brokers advertise, and whether it can be reached from here.
type surveyor struct {
	config *config.Config
	login  sasl.Mechanism
	here   bool // this is the proxy's own host, which reaches the brokers by necessity
}

// dials is how many listeners are tried at a time.
const dials = 16

// survey looks at every cluster of the configuration.
func (s *surveyor) survey(ctx context.Context) (*admin.Coverage, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	c := &admin.Coverage{Time: time.Now().UTC(), From: host}
	for i := range s.config.Clusters {
		cl := &s.config.Clusters[i]
		found, err := s.cluster(ctx, cl)
		if err != nil {
			return nil, fmt.Errorf("cluster %s: %w", cl.Name, err)
		}
		c.Listeners = append(c.Listeners, found...)
	}
	s.reach(ctx, c.Listeners)
	c.Summarize()
	return c, nil
}

// cluster asks each broker for its listeners. Those that doorkeeper uses have the verdict upstream, its own doorkeeper.
func (s *surveyor) cluster(ctx context.Context, cl *config.Cluster) ([]admin.CoverageListener, error) {
	secure, err := app.UpstreamTLS(cl.TLS)
	if err != nil {
		return nil, err
	}
	p := probe{address: cl.Bootstrap[0], tls: secure, login: s.login, timeout: s.config.Timeouts.Dial}
	options := append(p.options(), kgo.SeedBrokers(cl.Bootstrap...))
	if secure != nil {
		options = append(options, kgo.DialTLSConfig(secure.Clone())) // of each broker the name is its host
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 6*p.timeout)
	defer cancel()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{}
	metadata, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("asking for the cluster's brokers: %w", p.explain(err))
	}
	var all []admin.CoverageListener
	for _, b := range metadata.Brokers {
		settings, err := brokerSettings(ctx, client, b.NodeID)
		if err != nil {
			return nil, fmt.Errorf("asking broker %d for its listeners: %w", b.NodeID, p.explain(err))
		}
		upstream := net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
		for _, l := range advertised(settings, b.Host) {
			l.Cluster, l.Node = cl.Name, b.NodeID
			switch {
			case l.Address == upstream || slices.Contains(cl.Bootstrap, l.Address):
				l.Verdict = admin.CoverageUpstream
			case leadsToUs(cl, l.Address, b.NodeID):
				l.Verdict = admin.CoverageOurs
			}
			all = append(all, l)
		}
	}
	return all, nil
}

// settingNames are the broker's settings that say where it listens.
var settingNames = []string{"listeners", "advertised.listeners", "listener.security.protocol.map"}

// brokerSettings asks a broker for them (DescribeConfigs, DESCRIBE_CONFIGS on the cluster).
func brokerSettings(ctx context.Context, client *kgo.Client, node int32) (map[string]string, error) {
	request := kmsg.NewPtrDescribeConfigsRequest()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeBroker, strconv.Itoa(int(node))
	resource.ConfigNames = settingNames
	request.Resources = append(request.Resources, resource)
	answer, err := client.Broker(int(node)).Request(ctx, request)
	if err != nil {
		return nil, err
	}
	settings := map[string]string{}
	for _, r := range answer.(*kmsg.DescribeConfigsResponse).Resources {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			return nil, fmt.Errorf("%w (it takes DESCRIBE_CONFIGS on the cluster: give a login that has it with --command-config)", err)
		}
		for _, c := range r.Configs {
			if c.Value != nil {
				settings[c.Name] = *c.Value
			}
		}
	}
	if settings["listeners"] == "" && settings["advertised.listeners"] == "" {
		return nil, errors.New("it says neither listeners nor advertised.listeners")
	}
	return settings, nil
}

// advertised reads a broker's settings: what it advertises, and what it listens on but does not advertise (a controller's
// listener), at the broker's own host where the setting names none.
func advertised(settings map[string]string, host string) []admin.CoverageListener {
	protocols := map[string]string{}
	for pair := range strings.SplitSeq(settings["listener.security.protocol.map"], ",") {
		name, protocol, _ := strings.Cut(strings.TrimSpace(pair), ":")
		protocols[name] = protocol
	}
	var all []admin.CoverageListener
	known := map[string]bool{}
	for _, setting := range []string{"advertised.listeners", "listeners"} {
		for entry := range strings.SplitSeq(settings[setting], ",") {
			name, address, ok := strings.Cut(strings.TrimSpace(entry), "://")
			at, port, err := net.SplitHostPort(address)
			if !ok || err != nil || known[name] {
				continue
			}
			if ip := net.ParseIP(at); at == "" || ip != nil && ip.IsUnspecified() {
				at = host
			}
			known[name] = true
			all = append(all, admin.CoverageListener{Name: name, Protocol: protocols[name], Address: net.JoinHostPort(at, port)})
		}
	}
	return all
}

// leadsToUs says whether the address is where one of the cluster's listeners tells clients to find the node.
func leadsToUs(cl *config.Cluster, address string, node int32) bool {
	for i := range cl.Listeners {
		l := &cl.Listeners[i]
		host, port, err := net.SplitHostPort(l.Address)
		if err != nil {
			continue
		}
		if l.AdvertisedHost != "" {
			host = l.AdvertisedHost
		}
		if host == "" {
			continue
		}
		if address == net.JoinHostPort(host, port) || address == net.JoinHostPort(host, strconv.Itoa(l.FirstPort+int(node))) {
			return true
		}
	}
	return false
}

// reach tries every listener that is not doorkeeper's. A TCP connection is enough: what answers is the broker's business.
func (s *surveyor) reach(ctx context.Context, all []admin.CoverageListener) {
	var wg sync.WaitGroup
	turns := make(chan struct{}, dials)
	for i := range all {
		l := &all[i]
		if l.Verdict == admin.CoverageOurs {
			continue
		}
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			s.try(ctx, l)
		})
	}
	wg.Wait()
}

func (s *surveyor) try(ctx context.Context, l *admin.CoverageListener) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeouts.Dial)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Address)
	switch {
	case err != nil:
		l.Verdict, l.Why = admin.CoverageClosed, err.Error()
		return
	case l.Verdict == admin.CoverageUpstream && s.here:
		l.Why = "doorkeeper's own way to the broker, which this host has by necessity: check from a host that clients are on"
	default:
		l.Verdict = admin.CoverageOpen
		l.Why = "let only doorkeeper's host through to it"
	}
	_ = conn.Close()
}
