package api

import (
	"fmt"

	"doorkeeper/access"
	"doorkeeper/cluster"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// FindCoordinator (key 10), versions 0 to 6.
//
//   - v1: coordinators of transactions (KIP-98); v3: flexible; v4: several keys (KIP-699)
//   - v5: TRANSACTION_ABORTABLE (KIP-890); v6: coordinators of share groups' state (KIP-932)
//
// Actions: DESCRIBE on each group or transactional id; CLUSTER_ACTION for share groups' state, which only brokers need.
//
// The answer's addresses are rewritten and learned. An error comes with node -1, host "" and port -1: left untouched.
var findCoordinatorRow = row(kmsg.FindCoordinator, deriveFindCoordinator, rewriteFindCoordinator)

// The types of coordinators (CoordinatorType).
const (
	coordinatesGroup       = 0
	coordinatesTransaction = 1
	coordinatesShare       = 2
)

func deriveFindCoordinator(x *Exchange, q *kmsg.FindCoordinatorRequest) error {
	keys := q.CoordinatorKeys
	if q.Version < 4 {
		keys = []string{q.CoordinatorKey}
	}
	switch q.CoordinatorType {
	case coordinatesGroup:
		x.askGroups(access.OpDescribe, keys)
	case coordinatesTransaction:
		if len(keys) == 1 {
			x.TransactionalID = keys[0]
		}
		for _, k := range keys {
			x.Ask(access.OpDescribe, access.ResTransactionalID, k)
		}
	case coordinatesShare:
		x.AskCluster(access.OpClusterAction)
	default:
		return fmt.Errorf("coordinator type %d", q.CoordinatorType)
	}
	return nil
}

func rewriteFindCoordinator(x *Exchange, r *kmsg.FindCoordinatorResponse) (changed bool, err error) {
	if r.Version < 4 {
		return x.coordinator(r.NodeID, &r.Host, &r.Port)
	}
	for i := range r.Coordinators {
		k := &r.Coordinators[i]
		c, err := x.coordinator(k.NodeID, &k.Host, &k.Port)
		if err != nil {
			return false, err
		}
		changed = changed || c
	}
	return changed, nil
}

// coordinator learns and rewrites one address.
func (x *Exchange) coordinator(node int32, host *string, port *int32) (changed bool, err error) {
	x.Env.Cluster.Learn([]cluster.Node{{ID: node, Host: *host, Port: *port}}, "")
	return x.advertise(node, host, port)
}
