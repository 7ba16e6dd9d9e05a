package api

import "doorkeeper/access"

// askEither asks for an action that Kafka also grants to who may do another one: DESCRIBE on the cluster stands for
// DESCRIBE on every group, say. The first is the action that is noted and recorded, for it names the resource; the others
// are asked, and then decide, only where it is not allowed. One refusal among denials makes it a refusal: what could
// not be decided may yet be allowed. What is decreed of the resource (Decreed) nothing else can allow.
//
// What Kafka asks only to trim its answer is not asked here, since the broker's own authorizer trims it: the bits of
// AuthorizedOperations, and the settings shown for a topic just created.
func (x *Exchange) askEither(first access.Action, others ...access.Action) {
	n := len(x.Actions)
	d := x.ask(first)
	if len(x.Actions) == n { // there is no room for it
		return
	}
	if d.Verdict != access.Allow && Decreed(x.Env.Decider, &x.Request, &first) != nil {
		return
	}
	for i := 0; i < len(others) && d.Verdict != access.Allow; i++ {
		o := x.Env.Decider.Decide(&x.Request, &others[i])
		if o.Verdict == access.Allow || o.Verdict == access.Refuse && d.Verdict == access.Deny {
			d = o
		}
	}
	x.Actions[n].Decision = d
}

// entry is Topic for a request's entry that may have either. It does not intern the name: anybody could fill the
// cluster's table with words.
func (x *Exchange) entry(name string, id [16]byte) *access.Topic {
	if id != [16]byte{} {
		return x.Topic(nil, id)
	}
	if t := x.Env.Cluster.TopicByName([]byte(name)); t != nil {
		return t
	}
	return &access.Topic{Name: name}
}

// onTopic, onGroup and onCluster make actions.
func onTopic(op access.Operation, t *access.Topic) access.Action {
	return access.Action{Operation: op, Type: access.ResTopic, Name: t.Name, TopicID: t.ID}
}

func onGroup(op access.Operation, name string) access.Action {
	return access.Action{Operation: op, Type: access.ResGroup, Name: name}
}

func onCluster(op access.Operation) access.Action {
	return access.Action{Operation: op, Type: access.ResCluster, Name: access.ClusterResource}
}

// askReplica notes the replica id of a request that consumers and followers share, and asks for the followers' right
// where it is a follower's. -1 is a consumer. Other negative ids make a broker answer as it would a follower (facts of
// Kafka 4.3.1: even with READ alone), so they are an error, unless nothing is carried out.
func (x *Exchange) askReplica(id int32) error {
	x.ReplicaID = id
	switch {
	case id == consumer:
		return nil
	case id < 0 && !Watches(x.Env.Decider):
		return replicaError(id)
	}
	x.AskCluster(access.OpClusterAction)
	return nil
}

// followerError is what every partition is answered with where a follower's right was asked for and is not there.
func (x *Exchange) followerError() int16 {
	return x.stopped(x.Decided(access.OpClusterAction, access.ResCluster, access.ClusterResource), errTopicAuthorization)
}
