package api

import (
	"cmp"
	"errors"
	"slices"

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
// Actions: DESCRIBE on each topic; for all topics "*" is noted, and each topic of the answer is decided when it comes.
// CREATE on the cluster, or else on the topic, where the request lets the broker create it and nobody here has seen the
// topic exist: then the broker may create it. DESCRIBE on the cluster where its authorized operations are asked for.
//
// Denied: a topic by name is 29 with a zero id, by id 29 without its name, an id that nobody knows 100, each once and
// without partitions, behind the others (100 before them). In answers about all topics the denied ones are left out.
// A topic that does not exist and may not be created is 29 if the broker would create it, else 3: see
// 03_metadata_create.go. Refused: 5. What could not be decided of an answer about all topics ends the connection, for to
// say 5 of a topic says that it is there.
//
// Authorized operations are cut down to what may be done; the cluster's are 0 where it may not be described.
//
// The answer's addresses are rewritten. Nodes, the cluster's id, and names and ids of topics are learned.
var metadataRow = row(kmsg.Metadata, deriveMetadata, rewriteMetadata,
	inquires(askMetadata), denies(denyMetadata), retries(errLeaderAbsent))

var errNameAndID = errors.New("a topic is named by name and by id")

func deriveMetadata(x *Exchange, q *kmsg.MetadataRequest) error {
	cluster := q.IncludeClusterAuthorizedOperations && q.Version >= 8 && q.Version <= 10
	if cluster {
		x.AskCluster(access.OpDescribe)
	}
	all := allTopicsAsked(q)
	if all || cluster || q.IncludeTopicAuthorizedOperations && q.Version >= 8 {
		filters(x, x.filterMetadata)
	}
	if all {
		x.noteAll(access.ResTopic)
		return nil
	}
	byID, err := namedByID(q.Topics)
	if err != nil {
		return err
	}
	var create, known []string
	for i := range q.Topics {
		t := &q.Topics[i]
		switch {
		case t.TopicID != [16]byte{}:
			x.AskTopic(access.OpDescribe, x.Topic(nil, t.TopicID))
		case byID || t.Topic == nil:
			// The broker overlooks names where any entry has an id, and an entry with neither.
		default:
			seen, hidden := x.askExisting(*t.Topic)
			switch {
			case hidden || q.Version >= 4 && !q.AllowAutoTopicCreation:
			case seen:
				known = append(known, *t.Topic)
			default:
				create = append(create, *t.Topic)
			}
		}
	}
	x.askCreate(create)
	x.enforced.always = !x.mayCreateAll(known)
	return nil
}

// allTopicsAsked says whether a request is for all topics.
func allTopicsAsked(q *kmsg.MetadataRequest) bool {
	return q.Topics == nil || q.Version == 0 && len(q.Topics) == 0
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

// askExisting asks for one topic by name, and says whether it was seen to exist, and whether it may not be described.
// Only an id proves that it exists: names are interned from requests, too.
func (x *Exchange) askExisting(name string) (seen, hidden bool) {
	t := x.entry(name, [16]byte{})
	d := x.AskTopic(access.OpDescribe, t)
	return t.ID != [16]byte{}, d.Stops()
}

// denyMetadata takes out of the request what may not be described, and sees to it that nothing is created that may not
// be.
func denyMetadata(x *Exchange, q *kmsg.MetadataRequest) (*kmsg.MetadataResponse, error) {
	if allTopicsAsked(q) {
		return nil, nil // what was decided is about the answer
	}
	byID, err := namedByID(q.Topics)
	if err != nil {
		return nil, err
	}
	var m metadataMerge
	if byID {
		m.takeIDs(x, q)
	} else {
		m.many = len(distinctNames(q.Topics)) > keepsOrder
		m.takeNames(x, q)
		m.takeCreations(x, q)
	}
	if q.Topics == nil {
		q.Topics = []kmsg.MetadataRequestTopic{} // none, and not all
	}
	m.alone = q.Version == 0 && len(q.Topics) == 0 // v0 cannot ask for none: it gets all, and shows ours alone
	merges(x, m.merge)
	return nil, nil
}

// A metadataMerge holds what a Metadata request lost, for its answer.
type metadataMerge struct {
	alone     bool                         // the broker's own entries are about other topics
	many      bool                         // a broker would hold the names in a set that orders them
	unknown   []kmsg.MetadataResponseTopic // before the broker's own entries
	denied    []kmsg.MetadataResponseTopic // behind them
	uncreated []kmsg.MetadataResponseTopic // between the two
	create    map[string]int16             // topics that may not be created, with what to say if they are not there
}

// takeIDs takes out ids. Names go with them: once no id is left a broker would look at the names, which were not decided.
func (m *metadataMerge) takeIDs(x *Exchange, q *kmsg.MetadataRequest) {
	seen := make(map[[16]byte]bool)
	q.Topics = slices.DeleteFunc(q.Topics, func(t kmsg.MetadataRequestTopic) bool {
		code := x.entryError(access.OpDescribe, "", t.TopicID, true)
		if t.TopicID == [16]byte{} || code == 0 {
			return t.TopicID == [16]byte{}
		}
		if !seen[t.TopicID] {
			seen[t.TopicID] = true
			r := kmsg.NewMetadataResponseTopic() // authorized operations omitted
			r.TopicID, r.ErrorCode = t.TopicID, code
			if code == errUnknownTopicID {
				m.unknown = append(m.unknown, r)
			} else {
				m.denied = append(m.denied, r)
			}
		}
		return true
	})
}

// takeNames takes out names.
func (m *metadataMerge) takeNames(x *Exchange, q *kmsg.MetadataRequest) {
	seen := make(map[string]bool)
	q.Topics = slices.DeleteFunc(q.Topics, func(t kmsg.MetadataRequestTopic) bool {
		if t.Topic == nil {
			return false
		}
		code := x.topicError(access.OpDescribe, *t.Topic)
		if code != 0 && !seen[*t.Topic] {
			seen[*t.Topic] = true
			m.denied = append(m.denied, metadataError(*t.Topic, code, false))
		}
		return code != 0
	})
}

// metadataError is a topic of which nothing is told.
func metadataError(name string, code int16, internal bool) kmsg.MetadataResponseTopic {
	r := kmsg.NewMetadataResponseTopic() // authorized operations omitted
	r.Topic, r.ErrorCode, r.IsInternal = &name, code, internal
	return r
}

func (m *metadataMerge) merge(r *kmsg.MetadataResponse) {
	if m.alone {
		r.Topics = nil
	}
	r.Topics = slices.DeleteFunc(r.Topics, func(t kmsg.MetadataResponseTopic) bool {
		if t.Topic == nil || t.ErrorCode != errUnknownTopic && t.ErrorCode != errInvalidTopic {
			return false
		}
		code := m.create[*t.Topic]
		if code != 0 {
			m.uncreated = append(m.uncreated, metadataError(*t.Topic, code, t.IsInternal))
		}
		return code != 0
	})
	if m.many {
		m.order(r)
	}
	r.Topics = slices.Concat(m.unknown, r.Topics, m.uncreated, m.denied)
}

// order gives the topics the order in which a broker that was asked for all of them would name them: ours, and its own that
// exist. Those that do not exist have another, which the broker gives them itself.
func (m *metadataMerge) order(r *kmsg.MetadataResponse) {
	there := 0
	for there < len(r.Topics) && r.Topics[there].ErrorCode != errUnknownTopic && r.Topics[there].ErrorCode != errInvalidTopic {
		there++
	}
	for _, list := range [][]kmsg.MetadataResponseTopic{r.Topics[:there], m.uncreated, m.denied} {
		names := make([]string, len(list))
		for i := range list {
			names[i] = deref(list[i].Topic)
		}
		at := ranks(scalaOrder(names))
		slices.SortStableFunc(list, func(a, b kmsg.MetadataResponseTopic) int { return at[deref(a.Topic)] - at[deref(b.Topic)] })
	}
}

// distinctNames are the names of a request, each once.
func distinctNames(topics []kmsg.MetadataRequestTopic) map[string]bool {
	names := make(map[string]bool, len(topics))
	for i := range topics {
		if t := topics[i].Topic; t != nil {
			names[*t] = true
		}
	}
	return names
}

// filterMetadata leaves out of an answer about all topics those that may not be described, and cuts authorized
// operations down.
func (x *Exchange) filterMetadata(r *kmsg.MetadataResponse) (changed bool, err error) {
	f := x.filter()
	if allTopicsAsked(x.Body.(*kmsg.MetadataRequest)) {
		n := len(r.Topics)
		r.Topics = slices.DeleteFunc(r.Topics, func(t kmsg.MetadataResponseTopic) bool {
			return !f.shows(access.OpDescribe, access.ResTopic, deref(t.Topic))
		})
		changed = len(r.Topics) < n
		if f.refused {
			return false, cmp.Or(f.err(), errRefused)
		}
	}
	for i := range r.Topics {
		t := &r.Topics[i]
		changed = f.trim(&t.AuthorizedOperations, access.ResTopic, deref(t.Topic)) || changed
	}
	return x.trimCluster(&f, r) || changed, f.err()
}

// trimCluster cuts the cluster's authorized operations down, which say nothing where nobody asked for them.
func (x *Exchange) trimCluster(f *filter, r *kmsg.MetadataResponse) (changed bool) {
	if r.AuthorizedOperations == unasked {
		return false
	}
	switch x.clusterError(access.OpDescribe) {
	case 0:
		return f.trim(&r.AuthorizedOperations, access.ResCluster, access.ClusterResource)
	case errClusterAuthorization:
		r.AuthorizedOperations = 0
	default:
		r.AuthorizedOperations = unasked
	}
	return true
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
