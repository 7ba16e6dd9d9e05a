package api

import (
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetFetch (key 9), versions 0 to 10.
//
//   - v2: null means all topics; v5: leader epochs (KIP-320); v6: flexible; v7: only stable offsets (KIP-447)
//   - v8: several groups (KIP-709); v9: member and its epoch (KIP-848); v10: topics by id
//
// Actions: DESCRIBE on each group, DESCRIBE on each of its topics. All topics stand as "*", which is noted and not asked:
// the broker decides about each topic of the answer, and so do we.
//
// Denied: a group 30, beside it from v2 on, to v1 on every partition that was asked for; a topic 29 on each partition with
// offset -1, behind the others. A group of which all topics are denied is asked for none of them, since it may still have
// an error of its own, which then comes alone. In answers about all topics the denied ones are left out. Refused: 14.
var offsetFetchRow = row[kmsg.OffsetFetchRequest, kmsg.OffsetFetchResponse](
	kmsg.OffsetFetch, deriveOffsetFetch, nil, denies(denyOffsetFetch), retries(errCoordinatorLoading))

func deriveOffsetFetch(x *Exchange, q *kmsg.OffsetFetchRequest) error {
	if q.Version < 8 {
		x.Group = q.Group
		x.Ask(access.OpDescribe, access.ResGroup, q.Group)
		if allOffsets(q) {
			x.noteAll(access.ResTopic)
			filters(x, x.filterOffsets)
		}
		for i := range q.Topics {
			x.askTopicName(access.OpDescribe, q.Topics[i].Topic)
		}
		return nil
	}
	if len(q.Groups) == 1 {
		x.Group = q.Groups[0].Group
	}
	for i := range q.Groups {
		x.askOffsets(&q.Groups[i])
	}
	return nil
}

// allOffsets says whether a request of one group is for all its topics: to v1 there is no null.
func allOffsets(q *kmsg.OffsetFetchRequest) bool { return q.Version >= 2 && q.Topics == nil }

func (x *Exchange) askOffsets(g *kmsg.OffsetFetchRequestGroup) {
	x.Ask(access.OpDescribe, access.ResGroup, g.Group)
	if g.Topics == nil {
		x.noteAll(access.ResTopic)
		filters(x, x.filterGroupOffsets)
	}
	for i := range g.Topics {
		x.AskTopic(access.OpDescribe, x.entry(g.Topics[i].Topic, g.Topics[i].TopicID))
	}
}

func denyOffsetFetch(x *Exchange, q *kmsg.OffsetFetchRequest) (*kmsg.OffsetFetchResponse, error) {
	if q.Version >= 8 {
		return denyGroupOffsets(x, q)
	}
	if code := x.groupError(access.OpDescribe, q.Group); code != 0 {
		r := kmsg.NewPtrOffsetFetchResponse()
		r.ErrorCode = code
		for i := 0; i < len(q.Topics) && q.Version < 2; i++ {
			r.Topics = append(r.Topics, offsetFetchError(&q.Topics[i], code))
		}
		return r, nil
	}
	kept, denied := take(q.Topics, func(t *kmsg.OffsetFetchRequestTopic) (kmsg.OffsetFetchResponseTopic, bool) {
		code := x.topicError(access.OpDescribe, t.Topic)
		return offsetFetchError(t, code), code != 0
	})
	q.Topics = kept // empty perhaps, but never null
	merges(x, func(r *kmsg.OffsetFetchResponse) {
		if r.ErrorCode == 0 {
			r.Topics = append(r.Topics, entries(denied)...)
		}
	})
	return nil, nil
}

func offsetFetchError(t *kmsg.OffsetFetchRequestTopic, code int16) kmsg.OffsetFetchResponseTopic {
	r := kmsg.NewOffsetFetchResponseTopic()
	r.Topic = t.Topic
	for _, partition := range t.Partitions {
		p := kmsg.NewOffsetFetchResponseTopicPartition() // leader epoch -1
		p.Partition, p.Offset, p.Metadata, p.ErrorCode = partition, -1, new(string), code
		r.Partitions = append(r.Partitions, p)
	}
	return r
}

// denyGroupOffsets is denyOffsetFetch for several groups: the answer has one entry for each, in the request's order.
func denyGroupOffsets(x *Exchange, q *kmsg.OffsetFetchRequest) (*kmsg.OffsetFetchResponse, error) {
	n := len(q.Groups)
	kept, denied := take(q.Groups, func(g *kmsg.OffsetFetchRequestGroup) (kmsg.OffsetFetchResponseGroup, bool) {
		r := kmsg.NewOffsetFetchResponseGroup()
		r.Group, r.ErrorCode = g.Group, x.groupError(access.OpDescribe, g.Group)
		return r, r.ErrorCode != 0
	})
	if len(kept) == 0 {
		r := kmsg.NewPtrOffsetFetchResponse()
		r.Groups = entries(denied)
		return r, nil
	}
	q.Groups = kept
	inner := make([]func(*kmsg.OffsetFetchResponseGroup), len(kept))
	for i := range kept {
		inner[i] = x.denyOffsetsOf(&kept[i], q.Version)
	}
	merges(x, func(r *kmsg.OffsetFetchResponse) {
		for i := range min(len(r.Groups), len(inner)) {
			if r.Groups[i].ErrorCode == 0 {
				inner[i](&r.Groups[i])
			}
		}
		r.Groups = weave(r.Groups, denied, n)
	})
	return nil, nil
}

// denyOffsetsOf takes the denied topics out of one group's, and returns what puts them into the group's answer: behind
// what the coordinator answered, among the other failures.
func (x *Exchange) denyOffsetsOf(g *kmsg.OffsetFetchRequestGroup, version int16) func(*kmsg.OffsetFetchResponseGroup) {
	if g.Topics == nil {
		return func(*kmsg.OffsetFetchResponseGroup) {}
	}
	order := newOrder(g.Topics, func(t *kmsg.OffsetFetchRequestGroupTopic) topicKey { return topicKey{t.Topic, t.TopicID} })
	kept, denied := take(g.Topics, func(t *kmsg.OffsetFetchRequestGroupTopic) (kmsg.OffsetFetchResponseGroupTopic, bool) {
		code := x.entryError(access.OpDescribe, t.Topic, t.TopicID, version >= 10)
		return groupOffsetsError(t, code), code != 0
	})
	g.Topics = kept // empty perhaps, but never null
	return func(r *kmsg.OffsetFetchResponseGroup) {
		r.Topics = insert(r.Topics, denied, func(at int, t *kmsg.OffsetFetchResponseGroupTopic) bool {
			return len(t.Partitions) > 0 && t.Partitions[0].ErrorCode == errUnknownTopicID && at < order[topicKey{t.Topic, t.TopicID}]
		})
	}
}

func groupOffsetsError(t *kmsg.OffsetFetchRequestGroupTopic, code int16) kmsg.OffsetFetchResponseGroupTopic {
	r := kmsg.NewOffsetFetchResponseGroupTopic()
	r.Topic, r.TopicID = t.Topic, t.TopicID
	for _, partition := range t.Partitions {
		p := kmsg.NewOffsetFetchResponseGroupTopicPartition() // leader epoch -1
		p.Partition, p.Offset, p.Metadata, p.ErrorCode = partition, -1, new(string), code
		r.Partitions = append(r.Partitions, p)
	}
	return r
}

// filterOffsets leaves the denied topics out of an answer about all topics.
func (x *Exchange) filterOffsets(r *kmsg.OffsetFetchResponse) (changed bool, err error) {
	f := x.filter()
	n := len(r.Topics)
	r.Topics = slices.DeleteFunc(r.Topics, func(t kmsg.OffsetFetchResponseTopic) bool {
		return !f.shows(access.OpDescribe, access.ResTopic, t.Topic)
	})
	if f.refused {
		r.ErrorCode, r.Topics = errCoordinatorLoading, nil
	}
	return f.refused || len(r.Topics) < n, f.err()
}

// filterGroupOffsets is filterOffsets for those groups of a request that named no topics.
func (x *Exchange) filterGroupOffsets(r *kmsg.OffsetFetchResponse) (changed bool, err error) {
	all := make(map[string]bool)
	q := x.Body.(*kmsg.OffsetFetchRequest)
	for i := range q.Groups {
		if g := &q.Groups[i]; g.Topics == nil {
			all[g.Group] = true
		}
	}
	f := x.filter()
	for i := range r.Groups {
		if g := &r.Groups[i]; all[g.Group] {
			changed = f.offsets(g) || changed
		}
	}
	return changed, f.err()
}

// offsets leaves the denied topics out of one group's. What cannot be decided, as an id that has no name here and is not
// allowed without one, makes the group one to ask for again.
func (f *filter) offsets(g *kmsg.OffsetFetchResponseGroup) (changed bool) {
	kept := g.Topics[:0]
	for i := range g.Topics {
		t := f.x.entry(g.Topics[i].Topic, g.Topics[i].TopicID)
		f.note(access.OpDescribe, access.ResTopic, t.Name)
		d := f.decide(access.OpDescribe, access.ResTopic, t.Name)
		switch {
		case !d.Stops():
			kept = append(kept, g.Topics[i])
		case d.Verdict == access.Refuse || t.Name == "":
			g.ErrorCode, g.Topics = errCoordinatorLoading, nil
			return true
		}
	}
	changed = len(kept) < len(g.Topics)
	g.Topics = kept
	return changed
}
