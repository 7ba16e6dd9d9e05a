package api

import (
	"doorkeeper/access"
	"doorkeeper/cluster"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeCluster (key 60), versions 0 to 2 (KIP-700).
//
//   - v1: brokers or controllers (KIP-919)
//   - v2: fenced brokers too (KIP-1073)
//
// Actions: DESCRIBE on the cluster if the client wants its authorized operations; without it they are 0, and the rest
// of the answer stands. Otherwise Kafka asks nothing; where a policy of ours denies that, the answer is 31.
//
// The operations are those that the broker allows and the policy too.
//
// The brokers are learned, fenced ones too, and stand in the answer under our addresses. A broker refuses to list
// controllers (MISMATCHED_ENDPOINT_TYPE); if something lists them after all, their addresses are emptied.
var describeClusterRow = row(kmsg.DescribeCluster, deriveDescribeCluster, rewriteDescribeCluster,
	denies(denyDescribeCluster))

// endpointController is DescribeCluster's endpoint type of controllers (KIP-919); 1 is brokers.
const endpointController = 2

func deriveDescribeCluster(x *Exchange, q *kmsg.DescribeClusterRequest) error {
	op := access.OpNone
	if q.IncludeClusterAuthorizedOperations {
		op = access.OpDescribe
	}
	x.AskCluster(op)
	return nil
}

func denyDescribeCluster(x *Exchange, q *kmsg.DescribeClusterRequest) (*kmsg.DescribeClusterResponse, error) {
	if !q.IncludeClusterAuthorizedOperations {
		r := kmsg.NewPtrDescribeClusterResponse()
		r.ErrorCode = errClusterAuthorization
		return r, nil
	}
	merges(x, func(r *kmsg.DescribeClusterResponse) {
		if r.ClusterAuthorizedOperations != unasked {
			r.ClusterAuthorizedOperations = 0
		}
	})
	return nil, nil
}

func rewriteDescribeCluster(x *Exchange, r *kmsg.DescribeClusterResponse) (changed bool, err error) {
	changed, err = x.rewriteCluster(r)
	if err != nil || x.Stopped(access.OpDescribe, access.ResCluster, access.ClusterResource) {
		return changed, err
	}
	f := x.filter()
	trimmed := f.trim(&r.ClusterAuthorizedOperations, access.ResCluster, access.ClusterResource)
	return changed || trimmed, nil
}

func (x *Exchange) rewriteCluster(r *kmsg.DescribeClusterResponse) (changed bool, err error) {
	if r.EndpointType == endpointController {
		for i := range r.Brokers {
			b := &r.Brokers[i]
			changed = changed || b.Host != "" || b.Port != 0
			b.Host, b.Port = "", 0
		}
		return changed, nil
	}
	if r.ErrorCode == 0 {
		x.Env.Cluster.Learn(describedNodes(r.Brokers), r.ClusterID)
	}
	for i := range r.Brokers {
		b := &r.Brokers[i]
		if b.Host == "" {
			continue // no address: nothing to stand in for
		}
		c, err := x.advertise(b.NodeID, &b.Host, &b.Port)
		if err != nil {
			return false, err
		}
		changed = changed || c
	}
	return changed, nil
}

func describedNodes(brokers []kmsg.DescribeClusterResponseBroker) []cluster.Node {
	nodes := make([]cluster.Node, 0, len(brokers))
	for i := range brokers {
		b := &brokers[i]
		if b.Host == "" {
			continue
		}
		nodes = append(nodes, cluster.Node{ID: b.NodeID, Host: b.Host, Port: b.Port, Rack: deref(b.Rack)})
	}
	return nodes
}
