//go:build linux

package door

import (
	"fmt"
	"strings"

	"doorkeeper/test/net/sandbox"
)

// Options say what the proxy is to be.
type Options struct {
	Namespace *sandbox.Namespace // where it runs; nil: here
	UID       uint32             // as whom
	Files     int                // the limit of its descriptors; 0: that of the tests
	State     string             // its state_dir; "": one of its own
	Clusters  []Cluster
	Extra     string // YAML at the top level
	Socket    string // admin.socket; "": the default
	UIDs      string // admin.uids, in YAML
}

// A Cluster has one listener. Broker n is at First + n.
type Cluster struct {
	Name      string
	Bootstrap string
	Address   string
	First     int
}

// One is a single cluster on loopback, in front of the broker at Upstream.
func One() []Cluster {
	return []Cluster{{Name: "net", Bootstrap: Upstream, Address: Address, First: 9100}}
}

// Where things are in the tests' own network namespace.
const (
	Address  = "127.0.0.1:9092" // the proxy
	Upstream = "127.0.0.1:9001" // the broker
)

func (o *Options) config(state string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "proxy_id: net\nstate_dir: %q\nwatch: false\nrecords: {flow_interval: 1s, summary_interval: 2s}\n", state)
	fmt.Fprintf(&b, "admin: {pprof: true")
	if o.Socket != "" {
		fmt.Fprintf(&b, ", socket: %q", o.Socket)
	}
	if o.UIDs != "" {
		fmt.Fprintf(&b, ", uids: %s", o.UIDs)
	}
	fmt.Fprintf(&b, "}\n%s\nclusters:\n", o.Extra)
	for _, c := range o.Clusters {
		fmt.Fprintf(&b, "  - name: %s\n    bootstrap: [%q]\n    listeners:\n      - {name: plain, address: %q, first_port: %d}\n",
			c.Name, c.Bootstrap, c.Address, c.First)
	}
	return b.String()
}
