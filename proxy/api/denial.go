package api

import "doorkeeper/access"

// What denials of several APIs have in common.

// needs is the message of a controller's ClusterAuthorizationException. Kafka writes the whole request into it, with the
// addresses and ports of its connection inside the cluster; of that the API's name is left.
func (x *Exchange) needs(op access.Operation) *string {
	m := "Request Request(api=" + x.API.Name() + ") needs " + op.String() + " permission."
	return &m
}

// A deniedGroup is one of several groups that may not be seen, with its error.
type deniedGroup struct {
	group string
	code  int16
}

// splitGroups parts the groups of a request, in its order, by what was decided about an operation on each.
func (x *Exchange) splitGroups(op access.Operation, groups []string) (kept []string, denied []deniedGroup) {
	for _, g := range groups {
		if d := x.Decided(op, access.ResGroup, g); d.Stops() {
			denied = append(denied, deniedGroup{g, x.Code(d, errGroupAuthorization)})
		} else {
			kept = append(kept, g)
		}
	}
	return kept, denied
}

// wholeGroup is the error of an answer for one group as a whole, 0 if only some topics are denied, or none: 30 where the
// group's operation is denied, the row's own error where it, or a topic's operation, could not be decided.
func (x *Exchange) wholeGroup(op access.Operation, group string, onTopics access.Operation) int16 {
	if d := x.Decided(op, access.ResGroup, group); d.Stops() {
		return x.Code(d, errGroupAuthorization)
	}
	for i := range x.Actions {
		a := &x.Actions[i]
		if a.Operation == onTopics && a.Type == access.ResTopic && a.Decision.Stops() && a.Decision.Verdict == access.Refuse {
			return x.API.retry
		}
	}
	return 0
}

// inOrder puts our own entries where their resources stood in the request. own has a place for each of them: nil is the
// next of those that the broker answered.
func inOrder[T any](own []*T, answered []T) []T {
	all := make([]T, 0, max(len(own), len(answered)))
	for _, o := range own {
		switch {
		case o != nil:
			all = append(all, *o)
		case len(answered) > 0:
			all = append(all, answered[0])
			answered = answered[1:]
		}
	}
	return append(all, answered...)
}

// early puts our own entries among the broker's as a broker builds such an answer: what it says itself, in the order of
// the request, and then what its coordinator says. ours is indexed by name; first tells the broker's own entries.
func early[T any](order []string, ours map[string]*T, answered []T, name func(*T) string, first func(*T) bool) []T {
	theirs := make(map[string]int)
	for i := range answered {
		if a := &answered[i]; first(a) {
			theirs[name(a)] = i
		}
	}
	all := make([]T, 0, len(ours)+len(answered))
	for _, n := range order {
		if o := ours[n]; o != nil {
			all = append(all, *o)
		} else if i, ok := theirs[n]; ok {
			all = append(all, answered[i])
		}
	}
	for i := range answered {
		if j, ok := theirs[name(&answered[i])]; !ok || i != j {
			all = append(all, answered[i])
		}
	}
	return all
}
