package api

import "doorkeeper/access"

// What the denials of several admin and group APIs have in common.

// needs is the message of a controller's ClusterAuthorizationException. Kafka writes the whole request into it, with the
// addresses and ports of its connection inside the cluster; of that the API's name is left.
func (x *Exchange) needs(op access.Operation) *string {
	m := "Request Request(api=" + x.API.Name() + ") needs " + op.String() + " permission."
	return &m
}

// wholeGroup is the error of an answer for one group as a whole, 0 if only some topics are denied, or none: 30 where the
// group's operation is denied, the row's own error where it, or a topic's operation, could not be decided.
func (x *Exchange) wholeGroup(op access.Operation, group string, onTopics access.Operation) int16 {
	if code := x.groupError(op, group); code != 0 {
		return code
	}
	for i := range x.Actions {
		a := &x.Actions[i]
		if a.Operation == onTopics && a.Type == access.ResTopic && a.Decision.Stops() && a.Decision.Verdict == access.Refuse {
			return x.API.retry
		}
	}
	return 0
}

// heartbeatError is the error of a heartbeat of which something may not pass: 30 for its group, else 29 if some topic is
// denied, whatever else could not be decided.
func (x *Exchange) heartbeatError(group string) int16 {
	if code := x.groupError(access.OpRead, group); code != 0 {
		return code
	}
	for i := range x.Actions {
		if d := x.Actions[i].Decision; d.Stops() && d.Verdict == access.Deny {
			return errTopicAuthorization
		}
	}
	return x.API.retry
}
