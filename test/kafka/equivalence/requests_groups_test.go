package equivalence

import "github.com/twmb/franz-go/pkg/kmsg"

// The requests of classic groups and of offsets: keys 8 to 16, 42, 47.

func commitsOffsets(g *gen) []script {
	group, names := g.group(), g.topics()
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrOffsetCommitRequest()
		q.Group, q.Generation = group, -1
		topics(&q.Topics, names, 0, 7)
		for i := range q.Topics {
			q.Topics[i].Partitions[0].Offset = 1
		}
		return q
	})}
}

func fetchesOffsets(g *gen) []script {
	group, groups, names := g.group(), g.groups(), g.topics()
	request := func(names []string) *kmsg.OffsetFetchRequest {
		q := kmsg.NewPtrOffsetFetchRequest()
		q.Group = group
		topics(&q.Topics, names, 0, 7)
		for _, group := range groups {
			e := kmsg.NewOffsetFetchRequestGroup()
			e.Group, e.MemberEpoch = group, -1
			topics(&e.Topics, names, 0, 7)
			q.Groups = append(q.Groups, e)
		}
		return q
	}
	return []script{
		ask("plain", func() kmsg.Request { return request(names) }),
		ask("of all topics", func() kmsg.Request { return request(nil) }),
	}
}

func findsCoordinators(g *gen) []script {
	find := func(kind int8, key string, keys []string) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrFindCoordinatorRequest()
			q.CoordinatorType, q.CoordinatorKey, q.CoordinatorKeys = kind, key, keys
			return q
		}
	}
	all := []script{ask("of groups", find(0, g.group(), g.groups()))}
	if g.version >= 1 {
		all = append(all, ask("of transactions", find(1, g.txn(), g.txns())))
	}
	if g.version >= 6 {
		const key = "open-g:AAAAAAAAAAAAAAAAAAAAAQ:0"
		all = append(all, ask("of a share group", find(2, key, []string{key, "no key"})))
	}
	return all
}

func joins(g *gen) []script {
	group := g.made(g.group())[0]
	join := func(past []kmsg.Response) kmsg.Request {
		q := joinRequest(group)
		q.MemberID = last[kmsg.JoinGroupResponse](past).MemberID
		return q
	}
	return []script{then("plain", join, join)}
}

func syncs(g *gen) []script {
	group := g.made(g.group())[0]
	steps := member(group)
	return []script{then("plain", steps[0], steps[1], func(past []kmsg.Response) kmsg.Request { return syncRequest(group, past) })}
}

func heartbeats(g *gen) []script {
	group := g.made(g.group())[0]
	return []script{then("plain", append(member(group), func(past []kmsg.Response) kmsg.Request {
		joined := last[kmsg.JoinGroupResponse](past)
		q := kmsg.NewPtrHeartbeatRequest()
		q.Group, q.Generation, q.MemberID = group, joined.Generation, joined.MemberID
		return q
	})...)}
}

func leaves(g *gen) []script {
	group := g.made(g.group())[0]
	return []script{then("plain", append(member(group), func(past []kmsg.Response) kmsg.Request {
		q := kmsg.NewPtrLeaveGroupRequest()
		q.Group, q.MemberID = group, last[kmsg.JoinGroupResponse](past).MemberID
		for _, id := range []string{q.MemberID, "nobody"} {
			m := kmsg.NewLeaveGroupRequestMember()
			m.MemberID = id
			q.Members = append(q.Members, m)
		}
		return q
	})...)}
}

func describesGroups(g *gen) []script {
	groups, live := g.groups(), g.made(g.group())[0]
	describe := func(groups ...string) func([]kmsg.Response) kmsg.Request {
		return func([]kmsg.Response) kmsg.Request {
			q := kmsg.NewPtrDescribeGroupsRequest()
			q.Groups, q.IncludeAuthorizedOperations = groups, true
			return q
		}
	}
	return []script{
		then("plain", describe(groups...)),
		then("with a member", append(member(live), describe(live))...),
	}
}

func listsGroups(g *gen) []script {
	list := func(states, types []string) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrListGroupsRequest()
			q.StatesFilter, q.TypesFilter = states, types
			return q
		}
	}
	return []script{
		ask("plain", list(nil, nil)).lists(),
		ask("empty ones", list([]string{"Empty"}, []string{"classic"})).lists(),
	}
}

func deletesGroups(g *gen) []script {
	groups := g.made(g.groups()...)
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrDeleteGroupsRequest()
		q.Groups = append([]string{"open-lost"}, groups...)
		return q
	}).prepared(commits(groups...))}
}

func deletesOffsets(g *gen) []script {
	group, names := g.made(g.group())[0], g.topics()
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrOffsetDeleteRequest()
		q.Group = group
		topics(&q.Topics, names, 0, 7)
		return q
	}).prepared(commits(group))}
}
