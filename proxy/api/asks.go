package api

import (
	"cmp"

	"doorkeeper/access"
)

// The operation NONE. Where Kafka's authorizer is asked nothing, or only about the cluster, the resource that a request
// is about is asked for with OpNone: so that a record names it, and a policy of ours may say no. A policy in Kafka's own
// terms is never asked about NONE.

// userPrefix makes a USER resource's name, which is a principal, of a user's name.
const userPrefix = "User:"

// principal is who asks, as Kafka's "Type:name".
func (x *Exchange) principal() string {
	if x.Identity == nil {
		return access.Anonymous
	}
	return x.Identity.Principal
}

// askTopicName is AskTopic for a topic that the request names. It does not intern the name: anybody could fill the
// cluster's table with words.
func (x *Exchange) askTopicName(op access.Operation, name string) {
	if t := x.Env.Cluster.TopicByName([]byte(name)); t != nil {
		x.AskTopic(op, t)
		return
	}
	x.Ask(op, access.ResTopic, name)
}

// askGroups asks for each group of a list. A list of one is the request's group.
func (x *Exchange) askGroups(op access.Operation, groups []string) {
	if len(groups) == 1 {
		x.Group = groups[0]
	}
	for _, g := range groups {
		x.Ask(op, access.ResGroup, g)
	}
}

// askUser asks for an operation on somebody else's USER resource. On their own everybody may do it.
func (x *Exchange) askUser(op access.Operation, principal, self string) {
	if principal == self {
		op = access.OpNone
	}
	x.Ask(op, access.ResUser, principal)
}

// askCreate asks whether topics may be created, as the broker does: who may create in the cluster may create every
// topic; only else is each topic asked for. The actions name the topics either way, and what is decreed of a topic stands.
func (x *Exchange) askCreate(topics []string) {
	if len(topics) == 0 {
		return
	}
	a := access.Action{Operation: access.OpCreate, Type: access.ResCluster, Name: access.ClusterResource}
	d := x.Env.Decider.Decide(&x.Request, &a)
	for _, t := range topics {
		if d.Verdict == access.Deny {
			x.Ask(access.OpCreate, access.ResTopic, t)
			continue
		}
		topic := access.Action{Operation: access.OpCreate, Type: access.ResTopic, Name: t}
		if x.roomFor(&topic) {
			x.put(topic, cmp.Or(Decreed(x.Env.Decider, &x.Request, &topic), d), 0)
		}
	}
}
