package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Some denials say what only the broker knows: whether a topic exists, say. So before a request is enforced, its row may
// have questions of our own. They go to the broker on the client's connection; their answers reach nobody else.

// inquires gives a row its questions. They are asked for where some action may not pass.
func inquires[Q any](f func(x *Exchange, q *Q) []kmsg.Request) option {
	return func(a *API) {
		a.inquire = func(x *Exchange) []kmsg.Request { return f(x, any(x.Body).(*Q)) }
	}
}

// Questions are what must be asked before Enforce, after Derive. Their versions are set.
func (x *Exchange) Questions() []kmsg.Request {
	if x.API.inquire == nil || !x.enforced.always && x.Allowed() {
		return nil
	}
	return x.API.inquire(x)
}

// Hear takes the answer to one of the Questions.
func (x *Exchange) Hear(r kmsg.Response) { x.enforced.heard = append(x.enforced.heard, r) }

// plainMetadata is the version in which topics are asked for by name: the first that can be told to create none, without
// tags, and every broker since Kafka 0.11 has it.
const plainMetadata = 4

// existence asks whether topics exist.
func existence(names []string) []kmsg.Request {
	if len(names) == 0 {
		return nil
	}
	q := kmsg.NewPtrMetadataRequest()
	q.SetVersion(plainMetadata)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &name
		q.Topics = append(q.Topics, t)
	}
	return []kmsg.Request{q}
}

// found is what a broker knows of the topics that it was asked for.
type found map[string]foundTopic

type foundTopic struct {
	missing    bool
	partitions map[int32]bool // nil where the answer did not tell them
}

// found is what the answers to existence say. A topic with another error than that it is unknown does exist.
func (x *Exchange) found() found {
	f := make(found)
	for _, r := range x.enforced.heard {
		if m, is := r.(*kmsg.MetadataResponse); is {
			for i := range m.Topics {
				f.add(&m.Topics[i])
			}
		}
	}
	return f
}

func (f found) add(t *kmsg.MetadataResponseTopic) {
	var k foundTopic
	switch t.ErrorCode {
	case 0:
		k.partitions = make(map[int32]bool, len(t.Partitions))
		for i := range t.Partitions {
			k.partitions[t.Partitions[i].Partition] = true
		}
	case errUnknownTopic, errInvalidTopic:
		k.missing = true
	}
	f[deref(t.Topic)] = k
}

// exists says whether the broker said that it knows a topic.
func (f found) exists(topic string) bool {
	t, asked := f[topic]
	return asked && !t.missing
}

// missing says whether the broker said that it does not know a topic.
func (f found) missing(topic string) bool { return f[topic].missing }

// lacks says whether the broker said that it does not know a partition.
func (f found) lacks(topic string, partition int32) bool {
	t := f[topic]
	return t.missing || t.partitions != nil && !t.partitions[partition]
}
