package api

import "doorkeeper/access"

// What the handlers of denials share: which error a resource is answered with, and where its entry goes in the broker's
// answer.

// stopped is the error that a decision is answered with, 0 if the action may go on or was not asked for.
func (x *Exchange) stopped(d *access.Decision, denied int16) int16 {
	if d == nil || !d.Stops() {
		return 0
	}
	return x.Code(d, denied)
}

// topicError is stopped for a topic by its name.
func (x *Exchange) topicError(op access.Operation, name string) int16 {
	return x.stopped(x.Decided(op, access.ResTopic, name), errTopicAuthorization)
}

// groupError is stopped for a group.
func (x *Exchange) groupError(op access.Operation, group string) int16 {
	return x.stopped(x.Decided(op, access.ResGroup, group), errGroupAuthorization)
}

// txnError is stopped for a transactional id.
func (x *Exchange) txnError(id string) int16 {
	return x.stopped(x.Decided(access.OpWrite, access.ResTransactionalID, id), errTxnAuthorization)
}

// clusterError is stopped for the cluster.
func (x *Exchange) clusterError(op access.Operation) int16 {
	return x.stopped(x.Decided(op, access.ResCluster, access.ClusterResource), errClusterAuthorization)
}

// entryError is stopped for a topic that versions from byID on name by its id. An id without a name is no topic that
// anybody knows: a broker says so, and asks its authorizer nothing.
func (x *Exchange) entryError(op access.Operation, name string, id [16]byte, byID bool) int16 {
	code := x.stopped(x.DecidedTopic(op, name, id), errTopicAuthorization)
	if code == errTopicAuthorization && byID && x.Env.Cluster.TopicByID(id) == nil {
		return errUnknownTopicID
	}
	return code
}

// newOrder notes where in a request each topic stands first.
func newOrder[Q any](topics []Q, key func(q *Q) topicKey) map[topicKey]int {
	order := make(map[topicKey]int, len(topics))
	for i := range topics {
		k := key(&topics[i])
		if _, twice := order[k]; !twice {
			order[k] = i
		}
	}
	return order
}

// unknownTopic says whether a broker knew the topic or partition so little that it asked no coordinator.
func unknownTopic(code int16) bool { return code == errUnknownTopic || code == errUnknownTopicID }

// placed is an entry of ours that belongs into the broker's answer, and the place in the request of what it answers.
type placed[T any] struct {
	at    int
	entry T
}

// insert puts entries of ours into the broker's, both in the request's order. before says whether one of ours stands
// before one of the broker's; what stands before none goes to the end.
func insert[T any](broker []T, ours []placed[T], before func(at int, b *T) bool) []T {
	all := make([]T, 0, len(broker)+len(ours))
	for i := range broker {
		for len(ours) > 0 && before(ours[0].at, &broker[i]) {
			all, ours = append(all, ours[0].entry), ours[1:]
		}
		all = append(all, broker[i])
	}
	for i := range ours {
		all = append(all, ours[i].entry)
	}
	return all
}

// weave puts entries of ours where they stood among the n of the request, for answers that have one entry for each.
func weave[T any](broker []T, ours []placed[T], n int) []T {
	all := make([]T, 0, n)
	for i := range n {
		switch {
		case len(ours) > 0 && ours[0].at == i:
			all, ours = append(all, ours[0].entry), ours[1:]
		case len(broker) > 0:
			all, broker = append(all, broker[0]), broker[1:]
		}
	}
	return append(all, broker...)
}

// take splits a request's entries: kept go on; of each other one, taken makes what it is answered with.
func take[Q, R any](entries []Q, taken func(q *Q) (R, bool)) (kept []Q, ours []placed[R]) {
	kept = entries[:0]
	for i := range entries {
		if r, ok := taken(&entries[i]); ok {
			ours = append(ours, placed[R]{i, r})
		} else {
			kept = append(kept, entries[i])
		}
	}
	return kept, ours
}

// folded puts what a request says of one topic in several places into one entry, at the first of them.
func folded[T any](ours []placed[T], key func(t *T) topicKey, add func(to, from *T)) []placed[T] {
	first := make(map[topicKey]int, len(ours))
	kept := ours[:0]
	for i := range ours {
		k := key(&ours[i].entry)
		if at, twice := first[k]; twice {
			add(&kept[at].entry, &ours[i].entry)
			continue
		}
		first[k] = len(kept)
		kept = append(kept, ours[i])
	}
	return kept
}

// entries are ours without their places.
func entries[T any](ours []placed[T]) []T {
	list := make([]T, len(ours))
	for i := range ours {
		list[i] = ours[i].entry
	}
	return list
}

// grouped are answers to partitions by topic, each partition once, in the order in which they came.
type grouped[P any] struct {
	names []string
	of    map[string][]P
	keys  []partitionKey
	at    map[partitionKey]int // where in of
}

type partitionKey struct {
	topic     string
	partition int32
}

func (g *grouped[P]) add(topic string, partition int32, p P) {
	if g.of == nil {
		g.of, g.at = make(map[string][]P), make(map[partitionKey]int)
	}
	k := partitionKey{topic, partition}
	if _, twice := g.at[k]; twice {
		return
	}
	list, known := g.of[topic]
	if !known {
		g.names = append(g.names, topic)
	}
	g.at[k], g.keys = len(list), append(g.keys, k)
	g.of[topic] = append(list, p)
}

// in has some of what was added in another order.
func (g *grouped[P]) in(order []partitionKey) grouped[P] {
	var ordered grouped[P]
	for _, k := range order {
		ordered.add(k.topic, k.partition, g.of[k.topic][g.at[k]])
	}
	return ordered
}

// overrule lets the action that was asked last pass although it was denied; the denial stays on record, with a word on
// why it was not carried out.
func (x *Exchange) overrule(why string) {
	k := &x.Actions[len(x.Actions)-1]
	d := *k.Decision
	d.Enforced = false
	if d.Reason != "" {
		d.Reason += "; "
	}
	d.Reason += "let pass: " + why
	k.Decision = &d
}

// trim takes from a broker's AuthorizedOperations what may not be done on the resource, and says whether that changed
// them. Where something could not be decided nothing is said, as to a client that did not ask.
func (f *filter) trim(bits *int32, typ access.ResourceType, name string) (changed bool) {
	was := *bits
	if *bits = f.operations(was, typ, name); f.undecided() {
		*bits = unasked
	}
	return *bits != was
}
