package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeQuorum (key 55), versions 0 to 2 (KIP-595).
//
//   - v1: when each replica last fetched and was caught up (KIP-836)
//   - v2: error messages, directory ids, and the controllers' listeners (KIP-853)
//
// Actions: DESCRIBE on the cluster. Denied: 31, from v2 with Kafka's message.
//
// Nobody reaches a controller through the proxy, and its address is not the client's business: host and port of each
// listener are emptied. Their names stay, as do the nodes.
var describeQuorumRow = row(kmsg.DescribeQuorum, deriveDescribeQuorum, hideControllers, denies(denyDescribeQuorum))

func deriveDescribeQuorum(x *Exchange, _ *kmsg.DescribeQuorumRequest) error {
	x.AskCluster(access.OpDescribe)
	return nil
}

func hideControllers(_ *Exchange, r *kmsg.DescribeQuorumResponse) (changed bool, err error) {
	for i := range r.Nodes {
		for j := range r.Nodes[i].Listeners {
			l := &r.Nodes[i].Listeners[j]
			if l.Host != "" || l.Port != 0 {
				l.Host, l.Port, changed = "", 0, true
			}
		}
	}
	return changed, nil
}

func denyDescribeQuorum(*Exchange, *kmsg.DescribeQuorumRequest) (*kmsg.DescribeQuorumResponse, error) {
	r := kmsg.NewPtrDescribeQuorumResponse()
	r.ErrorCode, r.ErrorMessage = errClusterAuthorization, message(errClusterAuthorization)
	return r, nil
}
