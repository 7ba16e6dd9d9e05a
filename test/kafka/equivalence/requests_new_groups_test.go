package equivalence

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The requests of the newer groups (KIP-848, KIP-932, KIP-1071): keys 68, 69, 76 to 79, 88 to 92.

const memberID = "AAAAAAAAAAAAAAAAAAAAAQ"

func consumerBeat(group string, names []string) *kmsg.ConsumerGroupHeartbeatRequest {
	q := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	q.Group, q.MemberID, q.RebalanceTimeoutMillis = group, memberID, 60_000
	q.SubscribedTopicNames, q.Topics = names, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	return q
}

func consumerBeats(g *gen) []script {
	groups, names := g.made(g.group(), g.group(), g.group()), g.topics()
	join := func(group string) step {
		return func([]kmsg.Response) kmsg.Request { return consumerBeat(group, names) }
	}
	again := func(group string) step {
		return func(past []kmsg.Response) kmsg.Request {
			joined := last[kmsg.ConsumerGroupHeartbeatResponse](past)
			q := kmsg.NewPtrConsumerGroupHeartbeatRequest()
			q.Group, q.MemberEpoch, q.RebalanceTimeoutMillis = group, joined.MemberEpoch, -1
			q.MemberID = memberID
			if joined.MemberID != nil {
				q.MemberID = *joined.MemberID
			}
			return q
		}
	}
	all := []script{then("names", join(groups[0]), again(groups[0]))}
	if g.version >= 1 {
		all = append(all, ask("regular expression", func() kmsg.Request {
			q := consumerBeat(groups[1], nil)
			q.SubscribedTopicRegex = kmsg.StringPtr("(open|shut)-[ab]")
			return q
		}))
	}
	return all
}

// beats makes the super user a member of groups, subscribed to names.
func beats(request func(group string, names []string) kmsg.Request, names []string, groups ...string) func(*side) error {
	return func(s *side) error {
		for _, group := range groups {
			_, err := s.askReady(func() kmsg.Request { return request(group, names) })
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func describesConsumerGroups(g *gen) []script {
	groups, names := g.groups(), g.topics()
	live := g.made(groups...)
	describe := func(groups ...string) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrConsumerGroupDescribeRequest()
			q.Groups, q.IncludeAuthorizedOperations = groups, true
			return q
		}
	}
	return []script{
		ask("plain", describe(groups...)),
		ask("with a member", describe(live...)).prepared(beats(func(group string, names []string) kmsg.Request {
			q := consumerBeat(group, names)
			q.SetVersion(1)
			return q
		}, names, live...)),
	}
}

func shareBeat(group string, names []string) *kmsg.ShareGroupHeartbeatRequest {
	q := kmsg.NewPtrShareGroupHeartbeatRequest()
	q.GroupID, q.MemberID, q.SubscribedTopicNames = group, memberID, names
	return q
}

func shareBeats(g *gen) []script {
	group, names := g.made(g.group())[0], g.topics()
	return []script{ask("plain", func() kmsg.Request { return shareBeat(group, names) })}
}

func joinsShare(group string, names []string) kmsg.Request {
	q := shareBeat(group, names)
	q.SetVersion(1)
	return q
}

func describesShareGroups(g *gen) []script {
	groups, names := g.groups(), g.topics()
	live := g.made(groups...)
	describe := func(groups ...string) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrShareGroupDescribeRequest()
			q.GroupIDs, q.IncludeAuthorizedOperations = groups, true
			return q
		}
	}
	return []script{
		ask("plain", describe(groups...)),
		ask("with a member", describe(live...)).prepared(beats(joinsShare, names, live...)),
	}
}

// shared makes a share group that reads topics from their start, and waits until the state of its partitions is there,
// which is made after the first member came.
func shared(group string) func(*side) error {
	names := slices.Concat(openTopics, shutTopics)
	return func(s *side) error {
		if err := fromStart(s, group); err != nil {
			return err
		}
		beat := func(epoch int32) func() kmsg.Request {
			return func() kmsg.Request {
				q := joinsShare(group, names).(*kmsg.ShareGroupHeartbeatRequest)
				q.MemberID, q.MemberEpoch = "AAAAAAAAAAAAAAAAAAAAAg", epoch
				return q
			}
		}
		if _, err := s.askReady(beat(0)); err != nil {
			return err
		}
		if err := s.settled(func() (bool, error) { return s.knowsShare(group, len(names)) }); err != nil {
			return err
		}
		_, err := s.askReady(beat(-1))
		return err
	}
}

// knowsShare says whether a share group has offsets of so many topics of two partitions.
func (s *side) knowsShare(group string, count int) (bool, error) {
	q := kmsg.NewPtrDescribeShareGroupOffsetsRequest()
	g := kmsg.NewDescribeShareGroupOffsetsRequestGroup()
	g.GroupID = group
	q.Groups = append(q.Groups, g)
	r, err := s.asAdmin(q)
	if err != nil {
		return false, err
	}
	known := 0
	for _, t := range r.(*kmsg.DescribeShareGroupOffsetsResponse).Groups[0].Topics {
		known += len(t.Partitions)
	}
	return known == 2*count, nil
}

func fromStart(s *side, group string) error {
	q := kmsg.NewPtrIncrementalAlterConfigsRequest()
	q.SetVersion(1)
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeGroupConfig, group
	c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	c.Name, c.Value = "share.auto.offset.reset", kmsg.StringPtr("earliest")
	r.Configs = append(r.Configs, c)
	q.Resources = append(q.Resources, r)
	_, err := s.asAdmin(q)
	return err
}

func shareFetch(group string, epoch int32, names []string) *kmsg.ShareFetchRequest {
	q := kmsg.NewPtrShareFetchRequest()
	q.GroupID, q.MemberID, q.ShareSessionEpoch = &group, kmsg.StringPtr(memberID), epoch
	q.MaxWaitMillis, q.MinBytes, q.MaxBytes, q.MaxRecords, q.BatchSize = 250, 1<<19, 1<<20, 10_000, 10_000
	topics(&q.Topics, names, 0)
	for i := range q.Topics {
		q.Topics[i].Partitions[0].PartitionMaxBytes = 1 << 20
	}
	return q
}

// sharing subscribes to names, which every user may do that may do anything here, and fetches; then goes on.
func sharing(g *gen, on func(group string, names []string) step) []script {
	group, names := g.made(g.group())[0], g.topics()
	subscribe := func([]kmsg.Response) kmsg.Request { return joinsShare(group, names) }
	return []script{then("plain", subscribe, func([]kmsg.Response) kmsg.Request {
		q := shareFetch(group, 0, names)
		q.SetVersion(1)
		return q
	}, on(group, names)).prepared(shared(group)).races()}
}

func shareFetches(g *gen) []script {
	group, names := g.made(g.group())[0], g.topics()
	subscribe := func([]kmsg.Response) kmsg.Request { return joinsShare(group, names) }
	return []script{then("plain", subscribe,
		func([]kmsg.Response) kmsg.Request { return shareFetch(group, 0, names) },
		func([]kmsg.Response) kmsg.Request {
			q := shareFetch(group, 1, names)
			q.MaxWaitMillis = 50
			for i := range q.Topics {
				b := kmsg.NewShareFetchRequestTopicPartitionAcknowledgementBatch()
				b.LastOffset, b.AcknowledgeTypes = 1, []int8{1}
				q.Topics[i].Partitions[0].AcknowledgementBatches = append(q.Topics[i].Partitions[0].AcknowledgementBatches, b)
			}
			return q
		},
	).prepared(shared(group)).races()}
}

func shareAcknowledges(g *gen) []script {
	return sharing(g, func(group string, names []string) step {
		return func([]kmsg.Response) kmsg.Request {
			q := kmsg.NewPtrShareAcknowledgeRequest()
			q.GroupID, q.MemberID, q.ShareSessionEpoch = &group, kmsg.StringPtr(memberID), 1
			topics(&q.Topics, names, 0)
			for i := range q.Topics {
				b := kmsg.NewShareAcknowledgeRequestTopicPartitionAcknowledgementBatch()
				b.LastOffset, b.AcknowledgeTypes = 1, []int8{1}
				q.Topics[i].Partitions[0].AcknowledgementBatches = append(q.Topics[i].Partitions[0].AcknowledgementBatches, b)
			}
			return q
		}
	})
}

func streamsBeat(group string, names []string, internal bool) *kmsg.StreamsGroupHeartbeatRequest {
	q := kmsg.NewPtrStreamsGroupHeartbeatRequest()
	q.Group, q.MemberID, q.RebalanceTimeoutMillis = group, memberID, 60_000
	t := kmsg.NewStreamsGroupHeartbeatRequestTopology()
	sub := kmsg.NewStreamsGroupHeartbeatRequestTopologySubtopology()
	sub.SubtopologyID, sub.SourceTopics = "0", names
	if internal {
		change := kmsg.NewTopicInfo()
		change.Topic, change.ReplicationFactor = group+"-store-changelog", 1
		sub.StateChangelogTopics = append(sub.StateChangelogTopics, change)
	}
	t.Subtopologies = append(t.Subtopologies, sub)
	q.Topology, q.ProcessID = &t, kmsg.StringPtr("process")
	q.ActiveTasks, q.StandbyTasks, q.WarmupTasks = []kmsg.TaskIDs{}, []kmsg.TaskIDs{}, []kmsg.TaskIDs{}
	return q
}

func streamsBeats(g *gen) []script {
	groups, names := g.made(g.group(), g.group()), g.topics()
	return []script{
		ask("plain", func() kmsg.Request { return streamsBeat(groups[0], names, false) }),
		ask("with internal topics", func() kmsg.Request { return streamsBeat(groups[1], names, true) }),
	}
}

func describesStreamsGroups(g *gen) []script {
	groups, names := g.groups(), g.topics()
	live := g.made(groups...)
	describe := func(groups ...string) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrStreamsGroupDescribeRequest()
			q.Groups, q.IncludeAuthorizedOperations = groups, true
			return q
		}
	}
	return []script{
		ask("plain", describe(groups...)),
		ask("with a member", describe(live...)).prepared(beats(func(group string, names []string) kmsg.Request {
			q := streamsBeat(group, names, false)
			q.SetVersion(0)
			return q
		}, names, live...)),
	}
}

// shareOffsets makes the super user set offsets of share groups, so that they are there.
func shareOffsets(groups ...string) func(*side) error {
	return func(s *side) error {
		for _, group := range groups {
			join := func(epoch int32) func() kmsg.Request {
				return func() kmsg.Request {
					q := shareBeat(group, openTopics)
					q.SetVersion(1)
					q.MemberEpoch = epoch
					return q
				}
			}
			for _, epoch := range []int32{0, -1} {
				if _, err := s.askReady(join(epoch)); err != nil {
					return err
				}
			}
			if err := s.settled(func() (bool, error) { return s.altersShare(group) }); err != nil {
				return err
			}
		}
		return nil
	}
}

// altersShare sets the offsets of all topics, and says whether all are there. The first time it may come before the
// broker has made their state.
func (s *side) altersShare(group string) (bool, error) {
	names := slices.Concat(openTopics, shutTopics)
	r, err := s.asAdmin(alterShare(group, names, 0, 1))
	if err != nil {
		return false, err
	}
	for _, t := range r.(*kmsg.AlterShareGroupOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return false, nil
			}
		}
	}
	return s.knowsShare(group, len(names))
}

func alterShare(group string, names []string, partitions ...int32) *kmsg.AlterShareGroupOffsetsRequest {
	q := kmsg.NewPtrAlterShareGroupOffsetsRequest()
	q.GroupID = group
	topics(&q.Topics, names, partitions...)
	return q
}

func describesShareOffsets(g *gen) []script {
	groups, names := g.made(g.groups()...), g.topics()
	make := func(names []string) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrDescribeShareGroupOffsetsRequest()
			for _, group := range append(groups, "open-lost") {
				e := kmsg.NewDescribeShareGroupOffsetsRequestGroup()
				e.GroupID = group
				topics(&e.Topics, names, 0)
				q.Groups = append(q.Groups, e)
			}
			return q
		}
	}
	return []script{
		ask("plain", make(names)).prepared(shareOffsets(groups...)),
		ask("of all topics", make(nil)),
	}
}

func altersShareOffsets(g *gen) []script {
	group, names := g.made(g.group())[0], g.topics()
	return []script{ask("plain", func() kmsg.Request { return alterShare(group, names, 0) }).prepared(shareOffsets(group))}
}

func deletesShareOffsets(g *gen) []script {
	group, names := g.made(g.group())[0], g.topics()
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrDeleteShareGroupOffsetsRequest()
		q.GroupID = group
		topics(&q.Topics, names)
		return q
	}).prepared(shareOffsets(group))}
}
