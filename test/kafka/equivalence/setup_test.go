package equivalence

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// setUp makes what the cases speak of, and waits until the coordinators are there.
func (s *side) setUp() error {
	if err := s.makeTopics(slices.Concat(openTopics, shutTopics)...); err != nil {
		return err
	}
	if err := s.coordinators(); err != nil {
		return err
	}
	if err := s.fill(); err != nil {
		return err
	}
	return commits(slices.Concat(openGroups, shutGroups)...)(s)
}

// coordinators has the coordinators of groups, transactions and share groups made, which takes them a moment.
func (s *side) coordinators() error {
	for kind, key := range []string{"any", "any", "any:AAAAAAAAAAAAAAAAAAAAAQ:0"} {
		_, err := s.askReady(func() kmsg.Request {
			q := kmsg.NewPtrFindCoordinatorRequest()
			q.SetVersion(6)
			q.CoordinatorType, q.CoordinatorKeys = int8(kind), []string{key}
			return q
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fill writes three batches into partition 0 of every topic.
func (s *side) fill() error {
	for range 3 {
		q := produceRequest(slices.Concat(openTopics, shutTopics), nil, -1, batch())
		q.SetVersion(13)
		for i := range q.Topics {
			q.Topics[i].Partitions = q.Topics[i].Partitions[:1]
		}
		r, err := s.asAdmin(q)
		if err != nil {
			return err
		}
		for _, t := range r.(*kmsg.ProduceResponse).Topics {
			if code := t.Partitions[0].ErrorCode; code != 0 {
				return fmt.Errorf("%s: filling %s: error %d", s.name, s.names[t.TopicID], code)
			}
		}
	}
	return nil
}
