package api

import (
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteRecords (key 21), versions 0 to 2 (KIP-107).
//
//   - v1: throttled after the answer (KIP-219); v2: flexible
//
// Actions: DELETE on each topic.
//
// Denied: 29 for each partition, low watermark -1, a partition once however often it is named. Topics and
// partitions stand in the order of Scala's maps. Refused: the connection ends.
var deleteRecordsRow = row[kmsg.DeleteRecordsRequest, kmsg.DeleteRecordsResponse](
	kmsg.DeleteRecords, deriveDeleteRecords, nil, each, denies(denyDeleteRecords))

func deriveDeleteRecords(x *Exchange, q *kmsg.DeleteRecordsRequest) error {
	for i := range q.Topics {
		x.askTopicName(access.OpDelete, q.Topics[i].Topic)
	}
	return nil
}

func denyDeleteRecords(x *Exchange, q *kmsg.DeleteRecordsRequest) (*kmsg.DeleteRecordsResponse, error) {
	var denied grouped[kmsg.DeleteRecordsResponseTopicPartition]
	kept := q.Topics[:0]
	for _, t := range q.Topics {
		code := x.topicError(access.OpDelete, t.Topic)
		if code == 0 {
			kept = append(kept, t)
			continue
		}
		for i := range t.Partitions {
			p := kmsg.NewDeleteRecordsResponseTopicPartition()
			p.Partition, p.LowWatermark, p.ErrorCode = t.Partitions[i].Partition, -1, code
			denied.add(t.Topic, p.Partition, p)
		}
	}
	if len(kept) == 0 {
		r := kmsg.NewPtrDeleteRecordsResponse()
		mergeDeleted(r, &denied)
		return r, nil
	}
	q.Topics = kept
	merges(x, func(r *kmsg.DeleteRecordsResponse) { mergeDeleted(r, &denied) })
	return nil, nil
}

// mergeDeleted adds the denied topics. A broker has their partitions in an immutable map if it could delete nothing, else
// in a mutable one.
func mergeDeleted(r *kmsg.DeleteRecordsResponse, denied *grouped[kmsg.DeleteRecordsResponseTopicPartition]) {
	n, some := len(denied.keys), false
	for i := range r.Topics {
		for j := range r.Topics[i].Partitions {
			some = some || r.Topics[i].Partitions[j].ErrorCode != errUnknownTopic
			n++
		}
	}
	of := make(map[string][]partitionKey, len(denied.names))
	for _, k := range denied.keys {
		of[k.topic] = append(of[k.topic], k)
	}
	for _, name := range denied.names {
		keys := of[name]
		if !some && n > keepsOrder {
			keys = immutableOrder(keys, partitionHash)
		} else {
			keys = mutableOrder(keys, len(keys), partitionHash)
		}
		t := kmsg.NewDeleteRecordsResponseTopic()
		ordered := denied.in(keys)
		t.Topic, t.Partitions = name, ordered.of[name]
		r.Topics = append(r.Topics, t)
	}
	r.Topics = deletedOrder(r.Topics)
}

func deletedOrder(topics []kmsg.DeleteRecordsResponseTopic) []kmsg.DeleteRecordsResponseTopic {
	names := make([]string, len(topics))
	for i := range topics {
		names[i] = topics[i].Topic
	}
	at := ranks(scalaOrder(names))
	slices.SortStableFunc(topics, func(a, b kmsg.DeleteRecordsResponseTopic) int { return at[a.Topic] - at[b.Topic] })
	return topics
}
