package api

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A Metadata request creates the topics that it names and that do not exist, if it says so (up to v3 it always does) and
// the broker's auto.create.topics.enable does. Kafka asks CREATE only for what does not exist, which here is not known
// for sure. So where any topic of a request may not be created:
//
//   - From v4 on it goes to the broker with the order not to create. The topics that may be created, and of which nobody
//     here has heard, are asked for before, in a request of our own that lets the broker create them: its answer to that
//     is what it answers to a client then, 3.
//   - Up to v3 there is no such order: it is asked before which of the topics exist, and those that do not are taken out.
//   - What the answer says of a topic that is not there depends on the broker's setting: 29 where it would have created
//     it, else 3. The setting is asked for on the client's connection, once for each broker in a while.

// mayCreateAll says whether topics that were seen to exist could be created: nobody can tell whether they still exist.
// That is not noted, for mostly they do.
func (x *Exchange) mayCreateAll(known []string) bool {
	for _, name := range known {
		if x.createDecision(name).Stops() {
			return false
		}
	}
	return true
}

// createDecision is what was, or else is, decided about the creation of a topic.
func (x *Exchange) createDecision(name string) *access.Decision {
	if d := x.Decided(access.OpCreate, access.ResTopic, name); d != nil {
		return d
	}
	topic := access.Action{Operation: access.OpCreate, Type: access.ResTopic, Name: name}
	if d := Decreed(x.Env.Decider, &x.Request, &topic); d != nil {
		return d
	}
	a := onCluster(access.OpCreate)
	if d := x.Env.Decider.Decide(&x.Request, &a); d.Verdict != access.Deny {
		return d
	}
	return x.Env.Decider.Decide(&x.Request, &topic)
}

// creations are the topics of a request that may be described, by whether they may be created.
func (x *Exchange) creations(q *kmsg.MetadataRequest) (may []string, not map[string]int16) {
	if allTopicsAsked(q) || q.Version >= 4 && !q.AllowAutoTopicCreation {
		return nil, nil
	}
	if byID, err := namedByID(q.Topics); byID || err != nil {
		return nil, nil
	}
	not = make(map[string]int16)
	for i := range q.Topics {
		name := q.Topics[i].Topic
		if name == nil || x.topicError(access.OpDescribe, *name) != 0 {
			continue
		}
		if code := x.stopped(x.createDecision(*name), errTopicAuthorization); code != 0 {
			not[*name] = code
		} else if x.Decided(access.OpCreate, access.ResTopic, *name) != nil {
			may = append(may, *name) // nobody has seen it exist
		}
	}
	return may, not
}

// askMetadata are the questions before a request of which something may not be created.
func askMetadata(x *Exchange, q *kmsg.MetadataRequest) (list []kmsg.Request) {
	may, not := x.creations(q)
	if len(not) == 0 {
		return nil
	}
	if q.Version < 4 {
		var names []string
		for name := range not {
			names = append(names, name)
		}
		list = existence(names)
	} else if len(may) > 0 {
		list = existence(may)
		list[0].(*kmsg.MetadataRequest).AllowAutoTopicCreation = true
	}
	return append(list, x.askAutoCreate()...)
}

// takeCreations takes out what the broker must not create, or takes its leave to create anything.
func (m *metadataMerge) takeCreations(x *Exchange, q *kmsg.MetadataRequest) {
	_, not := x.creations(q)
	if len(not) == 0 {
		return
	}
	creates := x.autoCreates()
	for name, code := range not {
		if !creates && code == errTopicAuthorization {
			not[name] = errUnknownTopic
		}
	}
	if q.Version >= 4 {
		q.AllowAutoTopicCreation, m.create = false, not
		return
	}
	found := x.found()
	seen := make(map[string]bool)
	q.Topics = slices.DeleteFunc(q.Topics, func(t kmsg.MetadataRequestTopic) bool {
		if t.Topic == nil || not[*t.Topic] == 0 || found.exists(*t.Topic) {
			return false
		}
		if name := *t.Topic; !seen[name] {
			seen[name] = true
			m.uncreated = append(m.uncreated, metadataError(name, not[name], internalTopic(name)))
		}
		return true
	})
}

// AutoCreate is what is known of the brokers' auto.create.topics.enable. One per cluster, shared by its connections.
type AutoCreate struct {
	mu sync.Mutex
	of map[int32]autoCreate // by node, at most maxAutoCreate
}

type autoCreate struct {
	on    bool
	until time.Time
}

const (
	autoCreateSetting = "auto.create.topics.enable"
	// autoCreateFor is how long an answer holds: a broker reads the setting when it starts.
	autoCreateFor = 10 * time.Minute
	maxAutoCreate = 10_000
	// describeConfigs is the version that asks for it: the oldest that Kafka 4 has.
	describeConfigs = 1
	maxAskedNodes   = 100
)

func (a *AutoCreate) get(node int32, now time.Time) (on, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, known := a.of[node]
	return c.on, known && now.Before(c.until)
}

func (a *AutoCreate) put(node int32, on bool, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil || len(a.of) >= maxAutoCreate {
		a.of = make(map[int32]autoCreate)
	}
	a.of[node] = autoCreate{on, now.Add(autoCreateFor)}
}

// askAutoCreate asks for the broker's setting, if it is not known. Which broker it is may not be known either: it answers
// for itself alone, so all are named.
func (x *Exchange) askAutoCreate() []kmsg.Request {
	if x.Env.AutoCreate == nil {
		return nil
	}
	node := x.Session.Broker
	if _, known := x.Env.AutoCreate.get(node, x.Received); known {
		return nil
	}
	nodes := x.Env.Cluster.Nodes()
	q := kmsg.NewPtrDescribeConfigsRequest()
	q.SetVersion(describeConfigs)
	for i := range nodes[:min(len(nodes), maxAskedNodes)] {
		if node >= 0 && nodes[i].ID != node {
			continue
		}
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeBroker, strconv.Itoa(int(nodes[i].ID))
		r.ConfigNames = []string{autoCreateSetting}
		q.Resources = append(q.Resources, r)
	}
	if len(q.Resources) == 0 {
		return nil
	}
	return []kmsg.Request{q}
}

// autoCreates says whether the broker creates topics. Where it does not tell it is taken to have Kafka's default: it does.
func (x *Exchange) autoCreates() bool {
	if x.Env.AutoCreate == nil {
		return true
	}
	for _, r := range x.enforced.heard {
		if c, is := r.(*kmsg.DescribeConfigsResponse); is {
			x.Env.AutoCreate.put(x.Session.Broker, createsBy(c), x.Received)
		}
	}
	on, known := x.Env.AutoCreate.get(x.Session.Broker, x.Received)
	return on || !known
}

func createsBy(r *kmsg.DescribeConfigsResponse) bool {
	for i := range r.Resources {
		for j := range r.Resources[i].Configs {
			if c := &r.Resources[i].Configs[j]; c.Name == autoCreateSetting && deref(c.Value) == "false" {
				return false
			}
		}
	}
	return true
}
