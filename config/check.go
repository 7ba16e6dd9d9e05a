package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// check holds the finished values against each other, and loads the files that they name.
func (c *Config) check() {
	if len(c.Clusters) == 0 {
		c.source.fail("clusters", "is required: name at least one cluster, with bootstrap and listeners")
	}
	clusters := unique{what: "cluster"}
	for i := range c.Clusters {
		path := fmt.Sprintf("clusters[%d]", i)
		c.checkName(&clusters, path+".name", c.Clusters[i].Name)
		c.checkCluster(path, &c.Clusters[i])
	}
	c.checkPolicy()
	if len(c.Sinks) == 0 {
		c.source.warn("sinks", "is an empty list: records stay in the journal alone")
	}
	sinks := unique{what: "sink"}
	for i := range c.Sinks {
		path := fmt.Sprintf("sinks[%d]", i)
		c.checkName(&sinks, path+".name", c.Sinks[i].Name)
		c.checkSink(path, &c.Sinks[i])
	}
	c.checkRecords()
	c.checkBounds()
	c.checkTelemetry()
	c.checkAdmin()
	c.checkPorts()
}

func (c *Config) checkCluster(path string, cl *Cluster) {
	if len(cl.Bootstrap) == 0 {
		c.source.fail(path+".bootstrap", "is required: give at least one broker as host:port")
	}
	for i, address := range cl.Bootstrap {
		at := fmt.Sprintf("%s.bootstrap[%d]", path, i)
		if c.checkAddress(at, address, false); cl.listensOn(address) {
			c.source.fail(at, "%s is this cluster's own listener: the proxy would connect to itself without end; name the brokers", address)
		}
	}
	if t := cl.TLS; t != nil {
		c.checkPair(path+".tls", t.CertFile, t.KeyFile, false)
		c.checkCA(path+".tls.ca_file", t.CAFile)
	}
	if len(cl.Listeners) == 0 {
		c.source.fail(path+".listeners", "is required: give at least one, with name, address and first_port")
	}
	names := unique{what: "listener"}
	for i := range cl.Listeners {
		at := fmt.Sprintf("%s.listeners[%d]", path, i)
		c.checkName(&names, at+".name", cl.Listeners[i].Name)
		c.checkListener(at, &cl.Listeners[i])
	}
}

// listensOn says whether one of the cluster's listeners certainly is at this address. Names are not looked up.
func (cl *Cluster) listensOn(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	for i := range cl.Listeners {
		own, ownPort, err := net.SplitHostPort(cl.Listeners[i].Address)
		if err != nil || ownPort != port {
			continue
		}
		if own == host || loopback(host) && (wildcard(own) || loopback(own)) {
			return true
		}
	}
	return false
}

func (c *Config) checkListener(path string, l *Listener) {
	c.checkAddress(path+".address", l.Address, true)
	switch l.Routing {
	case "ports":
		const highest = 65535 - portSpan + 1
		if !c.source.set(path + ".first_port") {
			c.source.fail(path+".first_port", "is required with routing ports: broker n gets port first_port + n")
		} else if l.FirstPort < 1 || l.FirstPort > highest {
			c.source.fail(path+".first_port", "%d cannot be the first of the brokers' ports: use 1 to %d", l.FirstPort, highest)
		}
	case "sni", "transparent":
		c.source.fail(path+".routing", "%s is not built yet: only ports is", l.Routing)
	default:
		c.source.fail(path+".routing", "%q is no routing: only ports is", l.Routing)
	}
	if host := l.AdvertisedHost; strings.ContainsAny(host, ":/ ") && net.ParseIP(host) == nil {
		c.source.fail(path+".advertised_host", "%q must be a host alone, without port or scheme: the port is the listener's or the broker's", host)
	}
	if t := l.TLS; t != nil {
		c.checkPair(path+".tls", t.CertFile, t.KeyFile, true)
		c.checkClientAuth(path+".tls", t)
	}
	if l.OAuth.PrincipalClaim == "" {
		c.source.fail(path+".oauth.principal_claim", "is empty: name the claim that holds the user, sub for example")
	}
}

func (c *Config) checkClientAuth(path string, t *ListenerTLS) {
	switch t.ClientAuth {
	case ClientAuthNone:
		if t.ClientCAFile != "" {
			c.source.warn(path+".client_ca_file", "is not used, since client_auth is none")
		}
	case ClientAuthRequest, ClientAuthRequire:
		if t.ClientCAFile == "" {
			c.source.fail(path+".client_auth", "%s needs client_ca_file: the CAs that may sign a client's certificate", t.ClientAuth)
		}
	default:
		c.source.fail(path+".client_auth", "%q must be none, request or require", t.ClientAuth)
	}
	c.checkCA(path+".client_ca_file", t.ClientCAFile)
}

func (c *Config) checkBounds() {
	positive := func(path string, d time.Duration) {
		if d <= 0 {
			c.source.fail(path, "must be longer than 0")
		}
	}
	positive("records.flow_interval", c.Records.FlowInterval)
	positive("records.summary_interval", c.Records.SummaryInterval)
	positive("records.sync_interval", c.Records.SyncInterval)
	positive("records.segment.max_age", c.Records.Segment.MaxAge)
	positive("timeouts.handshake", c.Timeouts.Handshake)
	positive("timeouts.dial", c.Timeouts.Dial)
	positive("timeouts.frame", c.Timeouts.Frame)
	positive("timeouts.stall", c.Timeouts.Stall)
	positive("timeouts.drain", c.Timeouts.Drain)

	l := c.Limits
	if l.Connections < 0 {
		c.source.fail("limits.connections", "cannot be negative: 0 is no limit")
	}
	if l.ConnectionsPerSource < 0 {
		c.source.fail("limits.connections_per_source", "cannot be negative: 0 is no limit")
	}
	if l.InFlight < 1 {
		c.source.fail("limits.in_flight", "must be at least 1, or no request could be sent")
	}
	if l.Buffers < MiB {
		c.source.fail("limits.buffers", "%s is too small to move anything: use at least 1MiB", l.Buffers)
	} else if l.ProduceFrame > l.Buffers {
		c.source.fail("limits.produce_frame", "%s is more than limits.buffers (%s): no such request could ever be held", l.ProduceFrame, l.Buffers)
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		c.source.fail("log.level", "%q must be debug, info, warn or error", c.Log.Level)
	}
	switch c.Log.Format {
	case "auto", "text", "json":
	default:
		c.source.fail("log.format", "%q must be auto, text or json", c.Log.Format)
	}
}

// socketPath is the longest path that a Unix socket's address can hold everywhere (104 bytes on macOS and the BSDs,
// with the closing zero; 108 on Linux).
const socketPath = 103

func (c *Config) checkAdmin() {
	a := &c.Admin
	if a.Socket == "" {
		c.source.fail("admin.socket", "is empty: leave it out for admin.sock in state_dir")
	} else if len(a.Socket) > socketPath {
		c.source.fail("admin.socket", "%s is longer than the %d bytes that a socket's path may have: set a shorter absolute path", a.Socket, socketPath)
	}
	for uid, role := range a.UIDs {
		if !role.Valid() {
			c.source.fail(fmt.Sprintf("admin.uids.%d", uid), "%q must be viewer, responder, operator or payload", role)
		}
	}
	if t := a.TLS; t != nil {
		c.checkPair("admin.tls", t.CertFile, t.KeyFile, true)
		c.checkCA("admin.tls.client_ca_file", t.ClientCAFile)
	}
	if a.TokensFile != "" {
		_, err := LoadTokens(a.TokensFile)
		c.adopt("admin.tokens_file", err)
	}
	if a.Address == "" {
		return
	}
	host, ok := c.checkAddress("admin.address", a.Address, true)
	if ok && a.TLS == nil && !loopback(host) {
		c.source.fail("admin.address", "%s is not a loopback address, and tokens would cross the network in the clear: set admin.tls, or use 127.0.0.1", a.Address)
	}
	if a.TokensFile == "" {
		c.source.warn("admin.address", "serves only health and metrics, since there is no tokens_file")
	}
}

// adopt notes what is wrong with a file that the configuration names: with that file's own lines, where it knows them.
func (c *Config) adopt(path string, err error) {
	var problems Problems
	if errors.As(err, &problems) {
		c.source.problems = append(c.source.problems, problems...)
	} else if err != nil {
		c.source.fail(path, "%v", err)
	}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// checkAddress splits host:port. With listen, the host may be left out (all addresses), and port 0 takes a free one.
func (c *Config) checkAddress(path, address string, listen bool) (host string, ok bool) {
	if address == "" {
		c.source.fail(path, "is required: give host:port")
		return "", false
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		what := "has no port"
		if strings.Contains(address, ":") {
			what = "is not host:port (an IPv6 address stands in brackets: [::1]:9092)"
		}
		c.source.fail(path, "%q %s: write it as in kafka.example.com:9092", address, what)
		return "", false
	}
	port, err := strconv.Atoi(service)
	lowest := 1
	if listen {
		lowest = 0
	}
	if err != nil || port < lowest || port > 65535 {
		c.source.fail(path, "%q has no valid port: use %d to 65535", address, lowest)
		return "", false
	}
	if host == "" && !listen {
		c.source.fail(path, "%q has no host", address)
		return "", false
	}
	return host, true
}

// unique finds names that were given before.
type unique struct {
	what string
	seen map[string]bool
}

// nameSyntax: names become file names, metric attributes and words of a filter.
var nameSyntax = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

func (c *Config) checkName(u *unique, path, name string) {
	switch {
	case name == "":
		c.source.fail(path, "is required")
	case !nameSyntax.MatchString(name):
		c.source.fail(path, "%q must be 1 to 63 letters, digits, dots, dashes or underscores, and begin with a letter or digit", name)
	case u.seen[name]:
		c.source.fail(path, "another %s is named %q: names must differ", u.what, name)
	}
	if u.seen == nil {
		u.seen = map[string]bool{}
	}
	u.seen[name] = true
}
