package equivalence

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The requests that move records, and those about offsets and metadata: keys 0 to 3, 21, 23, 61, 75.

func produceRequest(names []string, transaction *string, acks int16, records []byte) *kmsg.ProduceRequest {
	q := kmsg.NewPtrProduceRequest()
	q.TransactionID, q.Acks, q.TimeoutMillis = transaction, acks, 5_000
	topics(&q.Topics, names, 0, 1)
	for i := range q.Topics {
		for j := range q.Topics[i].Partitions {
			q.Topics[i].Partitions[j].Records = records
		}
	}
	return q
}

func produces(g *gen) []script {
	names, txn := g.topics(), g.txn()
	plain := func(acks int16) func() kmsg.Request {
		return func() kmsg.Request { return produceRequest(names, nil, acks, batch()) }
	}
	return []script{
		ask("plain", plain(-1)),
		unanswered(names, plain(0)),
		ask("no such partition", func() kmsg.Request {
			q := produceRequest(names, nil, 1, batch())
			q.Topics[0].Partitions[1].Partition = 7
			return q
		}),
		ask("transactional without an id", func() kmsg.Request {
			return produceRequest(names, nil, -1, producerBatch(4711, 0, true))
		}),
		ask("an id without a transaction", func() kmsg.Request {
			return produceRequest(names, &txn, -1, batch())
		}),
		then("in a transaction", begin(txn), addPartitions(txn, names), func(past []kmsg.Response) kmsg.Request {
			id, epoch := producer(past)
			q := produceRequest(names, &txn, -1, producerBatch(id, epoch, true))
			for i := range q.Topics {
				q.Topics[i].Partitions = q.Topics[i].Partitions[:1]
			}
			return q
		}, endTxn(txn, true)).cleaned(ends(txn)),
	}
}

// unanswered is a write of which nobody hears when it is done, where the connection is over before.
func unanswered(names []string, make func() kmsg.Request) script {
	s := ask("no answer", make)
	s.silent = names
	return s
}

// ends are the end offsets of the topics' first partitions.
func (s *side) ends(names []string) (offsets []int64, err error) {
	q := kmsg.NewPtrListOffsetsRequest()
	q.SetVersion(5)
	for _, name := range names {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = name
		for i := range int32(2) {
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition, p.Timestamp = i, -1
			t.Partitions = append(t.Partitions, p)
		}
		q.Topics = append(q.Topics, t)
	}
	r, err := s.asAdmin(q)
	if err != nil {
		return nil, err
	}
	for _, t := range r.(*kmsg.ListOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			offsets = append(offsets, p.Offset)
		}
	}
	return offsets, nil
}

// level waits until topics end alike on all sides, and stay so for a moment.
func (b *bench) level(names []string) error {
	var last []int64
	still := 0
	return b.sides[0].settled(func() (bool, error) {
		alike := true
		for i, s := range b.sides {
			ends, err := s.ends(names)
			if err != nil {
				return false, err
			}
			alike = alike && slices.Equal(ends, last)
			if i == 0 {
				last = ends
			}
			alike = alike && slices.Equal(ends, last)
		}
		if still++; !alike {
			still = 0
		}
		return still == 4, nil
	})
}

func fetchRequest(names []string) *kmsg.FetchRequest {
	q := kmsg.NewPtrFetchRequest()
	q.MaxWaitMillis, q.MinBytes, q.MaxBytes, q.SessionEpoch = 50, 1, 1<<20, -1
	topics(&q.Topics, names, 0, 1)
	for i := range q.Topics {
		for j := range q.Topics[i].Partitions {
			q.Topics[i].Partitions[j].PartitionMaxBytes = 100
		}
	}
	return q
}

func fetches(g *gen) []script {
	names := g.topics()
	goOn := func(epoch int32, change func(*kmsg.FetchRequest)) step {
		return func(past []kmsg.Response) kmsg.Request {
			q := fetchRequest(nil)
			q.SessionID, q.SessionEpoch = last[kmsg.FetchResponse](past).SessionID, epoch
			change(q)
			return q
		}
	}
	return []script{
		ask("plain", func() kmsg.Request { return fetchRequest(names) }),
		then("in a session", func([]kmsg.Response) kmsg.Request {
			q := fetchRequest(names)
			q.SessionEpoch = 0
			return q
		}, goOn(1, func(*kmsg.FetchRequest) {}), goOn(2, func(q *kmsg.FetchRequest) {
			topics(&q.ForgottenTopics, names[:1], 0, 1)
			topics(&q.Topics, []string{"shut-read", "shut-a"}, 0)
			for i := range q.Topics {
				q.Topics[i].Partitions[0].PartitionMaxBytes = 100
			}
		}), goOn(3, func(*kmsg.FetchRequest) {})),
		ask("as a follower", func() kmsg.Request {
			q := fetchRequest(names)
			q.ReplicaID, q.ReplicaState.ID = 2, 2
			return q
		}),
	}
}

func listsOffsets(g *gen) []script {
	names := g.topics()
	make := func(replica int32) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrListOffsetsRequest()
			q.ReplicaID = replica
			topics(&q.Topics, names, 0, 1, 7)
			for i := range q.Topics {
				for j, at := range []int64{-1, -2, batchTime} {
					q.Topics[i].Partitions[j].Timestamp = at
				}
			}
			return q
		}
	}
	return []script{ask("plain", make(-1)), ask("as a follower", make(2))}
}

func metadata(g *gen) []script {
	names := g.topics()
	if g.version < 4 { // which makes every topic that it asks for
		names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(lostTopics, name) })
	}
	request := func(names []string) *kmsg.MetadataRequest {
		q := kmsg.NewPtrMetadataRequest()
		q.Topics = []kmsg.MetadataRequestTopic{}
		topics(&q.Topics, names)
		for i := range q.Topics {
			q.Topics[i].TopicID = [16]byte{}
		}
		q.IncludeTopicAuthorizedOperations, q.IncludeClusterAuthorizedOperations = true, true
		return q
	}
	all := []script{ask("by name", func() kmsg.Request { return request(names) })}
	if g.version >= 12 {
		all = append(all, ask("by id", func() kmsg.Request {
			q := request(names)
			for i, name := range names {
				q.Topics[i].TopicID, q.Topics[i].Topic = madeID(name), nil
			}
			return q
		}))
	}
	switch g.mode {
	case allowed:
		all = append(all, ask("of all topics", func() kmsg.Request {
			q := request(nil)
			q.Topics = nil
			return q
		}).lists())
		if g.version >= 1 {
			all = append(all, ask("of no topics", func() kmsg.Request { return request(nil) }))
		}
	case missing:
		fresh := g.made("open-auto", "shut-auto")
		all = append(all, ask("makes topics", func() kmsg.Request {
			q := request(append(fresh, "open-a", "shut-a"))
			q.AllowAutoTopicCreation = true
			return q
		}).cleaned(removes(fresh...)))
	}
	return all
}

func deletesRecords(g *gen) []script {
	names := g.topics()
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrDeleteRecordsRequest()
		q.TimeoutMillis = 5_000
		topics(&q.Topics, names, 0, 1)
		return q
	})}
}

func offsetsForEpoch(g *gen) []script {
	names := g.topics()
	make := func(replica int32) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrOffsetForLeaderEpochRequest()
			q.ReplicaID = replica
			topics(&q.Topics, names, 0, 1)
			return q
		}
	}
	return []script{ask("plain", make(-1)), ask("as a follower", make(2))}
}

func describesProducers(g *gen) []script {
	names := g.topics()
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrDescribeProducersRequest()
		topics(&q.Topics, names, 0, 7)
		return q
	})}
}

func describesTopicPartitions(g *gen) []script {
	names := g.topics()
	request := func(names []string) *kmsg.DescribeTopicPartitionsRequest {
		q := kmsg.NewPtrDescribeTopicPartitionsRequest()
		q.ResponsePartitionLimit = 2000
		topics(&q.Topics, names)
		return q
	}
	all := []script{
		ask("by name", func() kmsg.Request { return request(names) }),
		ask("from a cursor", func() kmsg.Request {
			q := request(names)
			cursor := kmsg.NewDescribeTopicPartitionsRequestCursor()
			cursor.Topic, cursor.Partition = names[0], 1
			q.Cursor = &cursor
			return q
		}),
		ask("a few partitions", func() kmsg.Request {
			q := request(names)
			q.ResponsePartitionLimit = 3
			return q
		}),
	}
	if g.mode == allowed {
		all = append(all, ask("of all topics", func() kmsg.Request { return request(nil) }).lists())
	}
	return all
}
