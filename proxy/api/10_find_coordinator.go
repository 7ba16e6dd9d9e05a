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
// Denied: 30 or 53 with node -1, host "" and port -1, from v4 on in the place of each key (an empty message there, Kafka's
// own to v3); for share groups' state 31 for every key, as the exception that the broker throws. Before v6 a broker refuses
// that type itself, and is not asked about. Refused: 15.
//
// The answer's addresses are rewritten and learned. An error comes with node -1, host "" and port -1: left untouched.
var findCoordinatorRow = row(kmsg.FindCoordinator, deriveFindCoordinator, rewriteFindCoordinator,
	denies(denyFindCoordinator), retries(errCoordinatorAbsent))

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
		if q.Version >= 6 { // else the broker answers INVALID_REQUEST before it asks
			x.AskCluster(access.OpClusterAction)
		}
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

func denyFindCoordinator(x *Exchange, q *kmsg.FindCoordinatorRequest) (*kmsg.FindCoordinatorResponse, error) {
	r := kmsg.NewPtrFindCoordinatorResponse()
	if q.Version < 4 {
		r.ErrorCode = x.coordinatorError(q.CoordinatorType, q.CoordinatorKey)
		r.ErrorMessage = message(r.ErrorCode)
		r.NodeID, r.Port = -1, -1
		return r, nil
	}
	n := len(q.CoordinatorKeys)
	kept, denied := take(q.CoordinatorKeys, func(key *string) (kmsg.FindCoordinatorResponseCoordinator, bool) {
		c := kmsg.NewFindCoordinatorResponseCoordinator()
		c.Key, c.NodeID, c.Port = *key, -1, -1
		c.ErrorCode, c.ErrorMessage = x.coordinatorError(q.CoordinatorType, *key), new(string)
		if q.CoordinatorType == coordinatesShare {
			c.ErrorMessage = message(c.ErrorCode)
		}
		return c, c.ErrorCode != 0
	})
	if len(kept) == 0 {
		r.Coordinators = entries(denied)
		return r, nil
	}
	q.CoordinatorKeys = kept
	merges(x, func(r *kmsg.FindCoordinatorResponse) { r.Coordinators = weave(r.Coordinators, denied, n) })
	return nil, nil
}

// coordinatorError is what a key is answered with, 0 if it is asked for.
func (x *Exchange) coordinatorError(typ int8, key string) int16 {
	switch typ {
	case coordinatesGroup:
		return x.groupError(access.OpDescribe, key)
	case coordinatesTransaction:
		return x.stopped(x.Decided(access.OpDescribe, access.ResTransactionalID, key), errTxnAuthorization)
	}
	return x.clusterError(access.OpClusterAction)
}
