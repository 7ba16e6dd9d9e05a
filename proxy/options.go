package proxy

import (
	"crypto/tls"
	"log/slog"
	"time"

	"doorkeeper/cluster"
	"doorkeeper/identity"
	"doorkeeper/journal"
	"doorkeeper/policy"
	"doorkeeper/proxy/api"
	"doorkeeper/quarantine"
	"doorkeeper/relay"
)

// Options is what a Proxy stands on. All fields but Accounts, Quarantine, Tracer and Mode are needed.
type Options struct {
	ProxyID string
	Journal *journal.Journal
	Policy  api.Policy
	Log     *slog.Logger

	Accounts   *policy.Accounts  // of the limits that decisions have; nil: they limit nothing
	Quarantine *quarantine.Store // above the policy; nil: an empty one
	Tracer     Tracer            // nil: no request is traced

	Limits   Limits
	Timeouts Timeouts
	Mode     relay.Mode // which mover; relay.Auto outside tests
}

// Limits bound what clients can take. They can be changed while the proxy runs.
type Limits struct {
	Connections  int   // at once; 0: no limit
	PerSource    int   // at once from one address; 0: no limit
	InFlight     int   // requests of one connection that wait for an answer
	ProduceFrame int64 // bytes of a Produce frame that are held until it is decided
	Buffers      int64 // bytes of all buffers; as much again for what decoded requests in flight keep
}

// Timeouts bound how long a peer can make others wait. They can be changed while the proxy runs.
type Timeouts struct {
	Handshake time.Duration // from accept to the end of TLS and SASL, and to the first request
	Dial      time.Duration // to a broker, TLS included
	Frame     time.Duration // an open request must move 64 KiB in it
	Stall     time.Duration // without a byte moved while a frame is open
	Drain     time.Duration
}

// A ClusterSpec is one cluster with the listeners before it.
type ClusterSpec struct {
	Name      string
	Bootstrap []string // host:port
	TLS       *UpstreamTLS
	Listeners []ListenerSpec
	Cluster   *cluster.Cluster
}

// UpstreamTLS is the TLS toward brokers.
type UpstreamTLS struct {
	Config     func() *tls.Config // asked at each dial, so that certificates can change
	ServerName string             // "": the broker's host
}

// A ListenerSpec is one address for clients.
type ListenerSpec struct {
	Name            string
	Address         string             // clients bootstrap here
	AdvertisedHost  string             // "": the address that the client connected to
	FirstPort       int                // broker n is at FirstPort+n
	TLS             func() *tls.Config // nil: plaintext; asked at each accept
	Mapping         *identity.Mapping
	OAuth           identity.OAuth
	AllowUnverified bool
}
