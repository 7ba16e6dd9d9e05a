package api

import (
	"errors"

	"doorkeeper/access"
	"doorkeeper/cluster"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Metadata (key 3), versions 0 to 13.
//
//   - v0: an empty list means all topics; v1: null does, and the answer has controller and racks
//   - v2: cluster id (KIP-78); v4: whether unknown topics may be created; v5: offline replicas (KIP-112)
//   - v7: leader epochs (KIP-320); v8: authorized operations (KIP-430), for the cluster until v10 (KIP-700)
//   - v9: flexible; v10: topic ids in the answer (KIP-516); v12: topics by id
//   - v13: an error for the whole answer, upon which clients start again from their bootstrap servers (KIP-1102)
//
// Actions: DESCRIBE on each topic, once with the name "*" for all topics. CREATE on a topic (or the cluster) where the
// request lets the broker create it and nobody here has seen the topic exist: then the broker may create it. DESCRIBE
// on the cluster where its authorized operations are asked for.
//
// The answer's addresses are rewritten. Nodes, the cluster's id, and names and ids of topics are learned.
var metadataRow = row(kmsg.Metadata, deriveMetadata, rewriteMetadata)

var errNameAndID = errors.New("a topic is named by name and by id")

func deriveMetadata(x *Exchange, q *kmsg.MetadataRequest) error {
	if q.IncludeClusterAuthorizedOperations && q.Version >= 8 && q.Version <= 10 {
		x.AskCluster(access.OpDescribe)
	}
	if q.Topics == nil || q.Version == 0 && len(q.Topics) == 0 {
		x.Ask(access.OpDescribe, access.ResTopic, access.AllResources)
		return nil
	}
	byID, err := namedByID(q.Topics)
	if err != nil {
		return err
	}
	var create []string
	for i := range q.Topics {
		t := &q.Topics[i]
		switch {
		case t.TopicID != [16]byte{}:
			x.AskTopic(access.OpDescribe, x.Topic(nil, t.TopicID))
		case byID || t.Topic == nil:
			// The broker overlooks names where any entry has an id, and an entry with neither.
		case x.askExisting(*t.Topic):
		case q.Version < 4 || q.AllowAutoTopicCreation:
			create = append(create, *t.Topic)
		}
	}
	x.askCreate(create)
	return nil
}

// namedByID says whether the broker reads ids and overlooks names: it does where any entry has an id. An entry with
// both is an error: brokers of other versions may read it as the name.
func namedByID(topics []kmsg.MetadataRequestTopic) (byID bool, err error) {
	for i := range topics {
		if topics[i].TopicID == [16]byte{} {
			continue
		}
		if topics[i].Topic != nil && *topics[i].Topic != "" {
			return false, errNameAndID
		}
		byID = true
	}
	return byID, nil
}

// askExisting asks for one topic by name, and says whether it is known to exist. Only an id proves that: names
// are interned from requests, too.
func (x *Exchange) askExisting(name string) bool {
	t := x.entry(name, [16]byte{})
	x.AskTopic(access.OpDescribe, t)
	return t.ID != [16]byte{}
}

func rewriteMetadata(x *Exchange, r *kmsg.MetadataResponse) (changed bool, err error) {
	x.learnMetadata(r)
	for i := range r.Brokers {
		b := &r.Brokers[i]
		c, err := x.advertise(b.NodeID, &b.Host, &b.Port)
		if err != nil {
			return false, err
		}
		changed = changed || c
	}
	return changed, nil
}

// learnMetadata notes nodes, the cluster's id and topics. The nodes come before their addresses are asked for.
func (x *Exchange) learnMetadata(r *kmsg.MetadataResponse) {
	nodes := make([]cluster.Node, 0, len(r.Brokers))
	for i := range r.Brokers {
		b := &r.Brokers[i]
		nodes = append(nodes, cluster.Node{ID: b.NodeID, Host: b.Host, Port: b.Port, Rack: deref(b.Rack)})
	}
	x.Env.Cluster.Learn(nodes, deref(r.ClusterID))

	var p pairs
	for i := range r.Topics {
		if t := &r.Topics[i]; t.ErrorCode == 0 && t.Topic != nil {
			p = append(p, access.Topic{Name: *t.Topic, ID: t.TopicID}) // no id before v10
		}
	}
	x.learnPairs(p)
}
