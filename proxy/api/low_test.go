package api

import (
	"fmt"
	"testing"

	"doorkeeper/access"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lowCase is a request with what must be asked for it, in every version from from up to to (0: the highest).
type lowCase struct {
	name     string
	from, to int16
	q        kmsg.Request
	group    string
	txn      string
	replica  int32
	want     []string
	err      bool
}

var (
	idOfA = [16]byte{1}
	idOfB = [16]byte{2}
)

// lowCases know the topics a and b by name and id.
var lowCases = []lowCase{
	{name: "consumer", replica: -1, q: &kmsg.ListOffsetsRequest{ReplicaID: -1, Topics: []kmsg.ListOffsetsRequestTopic{{Topic: "a"}, {Topic: "x"}}},
		want: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC x"}},
	{name: "follower", replica: 3, q: &kmsg.ListOffsetsRequest{ReplicaID: 3, Topics: []kmsg.ListOffsetsRequestTopic{{Topic: "a"}}},
		want: []string{"CLUSTER_ACTION CLUSTER kafka-cluster", "DESCRIBE TOPIC a"}},
	{name: "debugger", q: &kmsg.ListOffsetsRequest{ReplicaID: -2}, err: true},

	{name: "all by an empty list", to: 0, q: &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{}}, want: []string{allTopics}},
	{name: "none", from: 1, q: &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{}}},
	{name: "all", from: 1, q: &kmsg.MetadataRequest{}, want: []string{allTopics}},
	{name: "named, no choice but to create", to: 3, q: &kmsg.MetadataRequest{Topics: metadataTopics("a", "x")},
		want: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC x", "CREATE TOPIC x"}},
	{name: "named, create", from: 4, q: &kmsg.MetadataRequest{AllowAutoTopicCreation: true, Topics: metadataTopics("x", "a", "y")},
		want: []string{"DESCRIBE TOPIC x", "DESCRIBE TOPIC a", "DESCRIBE TOPIC y", "CREATE TOPIC x", "CREATE TOPIC y"}},
	{name: "named, do not create", from: 4, q: &kmsg.MetadataRequest{Topics: metadataTopics("x")}, want: []string{"DESCRIBE TOPIC x"}},
	{name: "by id", from: 12, q: &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{{TopicID: idOfA}, {TopicID: [16]byte{9}}}},
		want: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC"}},
	{name: "ids win over names", from: 12, q: &kmsg.MetadataRequest{AllowAutoTopicCreation: true,
		Topics: []kmsg.MetadataRequestTopic{{Topic: ptr("x")}, {TopicID: idOfB}, {}}}, want: []string{"DESCRIBE TOPIC b"}},
	{name: "both", from: 10, q: &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{{Topic: ptr("a"), TopicID: idOfB}}}, err: true},
	{name: "operations on the cluster", from: 8, to: 10, q: &kmsg.MetadataRequest{IncludeClusterAuthorizedOperations: true},
		want: []string{clusterDescribe, allTopics}},

	{name: "by name", to: 9, group: "g", q: &kmsg.OffsetCommitRequest{Group: "g", Topics: []kmsg.OffsetCommitRequestTopic{{Topic: "a"}}},
		want: []string{"READ GROUP g", "READ TOPIC a"}},
	{name: "by id", from: 10, group: "g", q: &kmsg.OffsetCommitRequest{Group: "g", Topics: []kmsg.OffsetCommitRequestTopic{{TopicID: idOfA}}},
		want: []string{"READ GROUP g", "READ TOPIC a"}},
	{name: "one group", to: 7, group: "g", q: &kmsg.OffsetFetchRequest{Group: "g", Topics: []kmsg.OffsetFetchRequestTopic{{Topic: "a"}}},
		want: []string{"DESCRIBE GROUP g", "DESCRIBE TOPIC a"}},
	{name: "all topics of one group", from: 2, to: 7, group: "g", q: &kmsg.OffsetFetchRequest{Group: "g"},
		want: []string{"DESCRIBE GROUP g", allTopics}},
	{name: "groups", from: 8, to: 9, q: &kmsg.OffsetFetchRequest{Groups: []kmsg.OffsetFetchRequestGroup{
		{Group: "g", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "a"}}}, {Group: "h"}}},
		want: []string{"DESCRIBE GROUP g", "DESCRIBE TOPIC a", "DESCRIBE GROUP h", allTopics}},
	{name: "one of groups, by id", from: 10, group: "g", q: &kmsg.OffsetFetchRequest{Groups: []kmsg.OffsetFetchRequestGroup{
		{Group: "g", Topics: []kmsg.OffsetFetchRequestGroupTopic{{TopicID: idOfB}}}}},
		want: []string{"DESCRIBE GROUP g", "DESCRIBE TOPIC b"}},

	{name: "group", to: 3, group: "g", q: &kmsg.FindCoordinatorRequest{CoordinatorKey: "g"}, want: []string{"DESCRIBE GROUP g"}},
	{name: "transaction", from: 1, to: 3, txn: "t", q: &kmsg.FindCoordinatorRequest{CoordinatorKey: "t", CoordinatorType: 1},
		want: []string{"DESCRIBE TRANSACTIONAL_ID t"}},
	{name: "groups", from: 4, q: &kmsg.FindCoordinatorRequest{CoordinatorKeys: []string{"g", "h"}},
		want: []string{"DESCRIBE GROUP g", "DESCRIBE GROUP h"}},
	{name: "transactions", from: 4, txn: "t", q: &kmsg.FindCoordinatorRequest{CoordinatorKeys: []string{"t"}, CoordinatorType: 1},
		want: []string{"DESCRIBE TRANSACTIONAL_ID t"}},
	{name: "share", from: 6, q: &kmsg.FindCoordinatorRequest{CoordinatorKeys: []string{"g:id:0", "g:id:1"}, CoordinatorType: 2},
		want: []string{"CLUSTER_ACTION CLUSTER kafka-cluster"}},
	{name: "unknown type", from: 1, q: &kmsg.FindCoordinatorRequest{CoordinatorType: 3}, err: true},

	{group: "g", q: &kmsg.JoinGroupRequest{Group: "g"}, want: []string{"READ GROUP g"}},
	{group: "g", q: &kmsg.HeartbeatRequest{Group: "g"}, want: []string{"READ GROUP g"}},
	{group: "g", q: &kmsg.LeaveGroupRequest{Group: "g"}, want: []string{"READ GROUP g"}},
	{group: "g", q: &kmsg.SyncGroupRequest{Group: "g"}, want: []string{"READ GROUP g"}},
	{name: "one", group: "g", q: &kmsg.DescribeGroupsRequest{Groups: []string{"g"}}, want: []string{"DESCRIBE GROUP g"}},
	{name: "two", q: &kmsg.DescribeGroupsRequest{Groups: []string{"g", "h"}}, want: []string{"DESCRIBE GROUP g", "DESCRIBE GROUP h"}},
	{q: &kmsg.ListGroupsRequest{}, want: []string{"DESCRIBE GROUP *"}},
	{q: &kmsg.SASLHandshakeRequest{Mechanism: "PLAIN"}},
	{q: &kmsg.ApiVersionsRequest{}},
	{q: &kmsg.SASLAuthenticateRequest{SASLAuthBytes: []byte("secret")}},

	{q: &kmsg.CreateTopicsRequest{Topics: []kmsg.CreateTopicsRequestTopic{{Topic: "x"}, {Topic: "y"}}},
		want: []string{"CREATE TOPIC x", "CREATE TOPIC y"}},
	{name: "by name", to: 5, q: &kmsg.DeleteTopicsRequest{TopicNames: []string{"a"}}, want: []string{"DESCRIBE TOPIC a", "DELETE TOPIC a"}},
	{name: "by name", from: 6, q: &kmsg.DeleteTopicsRequest{Topics: []kmsg.DeleteTopicsRequestTopic{{Topic: ptr("a")}}},
		want: []string{"DESCRIBE TOPIC a", "DELETE TOPIC a"}},
	{name: "by id", from: 6, q: &kmsg.DeleteTopicsRequest{Topics: []kmsg.DeleteTopicsRequestTopic{{TopicID: idOfB}}},
		want: []string{"DESCRIBE TOPIC b", "DELETE TOPIC b"}},
	{name: "both", from: 6, q: &kmsg.DeleteTopicsRequest{Topics: []kmsg.DeleteTopicsRequestTopic{{Topic: ptr("a"), TopicID: idOfB}}}, err: true},
	{q: &kmsg.DeleteRecordsRequest{Topics: []kmsg.DeleteRecordsRequestTopic{{Topic: "a"}}}, want: []string{"DELETE TOPIC a"}},

	{name: "idempotent", q: &kmsg.InitProducerIDRequest{}, want: []string{"IDEMPOTENT_WRITE CLUSTER kafka-cluster"}},
	{name: "transactional", txn: "t", q: &kmsg.InitProducerIDRequest{TransactionalID: ptr("t")}, want: []string{"WRITE TRANSACTIONAL_ID t"}},
	{name: "no replica id", to: 2, replica: -1, q: &kmsg.OffsetForLeaderEpochRequest{Topics: []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: "a"}}},
		want: []string{"DESCRIBE TOPIC a"}},
	{name: "consumer", from: 3, replica: -1, q: &kmsg.OffsetForLeaderEpochRequest{ReplicaID: -1, Topics: []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: "a"}}},
		want: []string{"DESCRIBE TOPIC a"}},
	{name: "follower", from: 3, replica: 0, q: &kmsg.OffsetForLeaderEpochRequest{ReplicaID: 0, Topics: []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: "a"}}},
		want: []string{"CLUSTER_ACTION CLUSTER kafka-cluster", "DESCRIBE TOPIC a"}},
	{name: "neither consumer nor broker", from: 3, q: &kmsg.OffsetForLeaderEpochRequest{ReplicaID: -3}, err: true},

	{name: "client", to: 3, txn: "t", q: &kmsg.AddPartitionsToTxnRequest{TransactionalID: "t", Topics: []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "a"}}},
		want: []string{"WRITE TRANSACTIONAL_ID t", "WRITE TOPIC a"}},
	{name: "broker", from: 4, q: &kmsg.AddPartitionsToTxnRequest{Transactions: []kmsg.AddPartitionsToTxnRequestTransaction{
		{TransactionalID: "t", Topics: []kmsg.AddPartitionsToTxnRequestTransactionTopic{{Topic: "a"}}}, {TransactionalID: "u"}}},
		want: []string{"CLUSTER_ACTION CLUSTER kafka-cluster", "WRITE TRANSACTIONAL_ID t", "WRITE TOPIC a", "WRITE TRANSACTIONAL_ID u"}},
	{txn: "t", group: "g", q: &kmsg.AddOffsetsToTxnRequest{TransactionalID: "t", Group: "g"},
		want: []string{"WRITE TRANSACTIONAL_ID t", "READ GROUP g"}},
	{txn: "t", q: &kmsg.EndTxnRequest{TransactionalID: "t", Commit: true}, want: []string{"WRITE TRANSACTIONAL_ID t"}},
	{q: &kmsg.WriteTxnMarkersRequest{Markers: []kmsg.WriteTxnMarkersRequestMarker{{Topics: []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: "a"}}}}},
		want: []string{clusterAlter, "NONE TOPIC a"}},
	{name: "by name", to: 5, txn: "t", group: "g", q: &kmsg.TxnOffsetCommitRequest{TransactionalID: "t", Group: "g",
		Topics: []kmsg.TxnOffsetCommitRequestTopic{{Topic: "a"}}}, want: []string{"WRITE TRANSACTIONAL_ID t", "READ GROUP g", "READ TOPIC a"}},
	{name: "by id", from: 6, txn: "t", group: "g", q: &kmsg.TxnOffsetCommitRequest{TransactionalID: "t", Group: "g",
		Topics: []kmsg.TxnOffsetCommitRequestTopic{{TopicID: idOfB}}}, want: []string{"WRITE TRANSACTIONAL_ID t", "READ GROUP g", "READ TOPIC b"}},

	{name: "everything", q: &kmsg.DescribeACLsRequest{ResourceType: kmsg.ACLResourceTypeAny}, want: []string{clusterDescribe}},
	{name: "one topic's", q: &kmsg.DescribeACLsRequest{ResourceType: kmsg.ACLResourceTypeTopic, ResourceName: ptr("a"), Principal: ptr("User:bob")},
		want: []string{clusterDescribe, "NONE TOPIC a", "NONE USER User:bob"}},
	{q: &kmsg.CreateACLsRequest{Creations: []kmsg.CreateACLsRequestCreation{
		{ResourceType: kmsg.ACLResourceTypeTopic, ResourceName: "a", Principal: "User:bob"},
		{ResourceType: kmsg.ACLResourceTypeTransactionalId, ResourceName: "t", Principal: "User:*"}}},
		want: []string{clusterAlter, "NONE TOPIC a", "NONE USER User:bob", "NONE TRANSACTIONAL_ID t", "NONE USER User:*"}},
	{q: &kmsg.DeleteACLsRequest{Filters: []kmsg.DeleteACLsRequestFilter{{ResourceType: kmsg.ACLResourceTypeGroup}}},
		want: []string{clusterAlter, "NONE GROUP *"}},
	{q: &kmsg.DescribeConfigsRequest{Resources: []kmsg.DescribeConfigsRequestResource{
		{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "a"}, {ResourceType: kmsg.ConfigResourceTypeGroupConfig, ResourceName: "g"},
		{ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: "1"}, {ResourceType: kmsg.ConfigResourceTypeBrokerLogger, ResourceName: "1"},
		{ResourceType: kmsg.ConfigResourceTypeClientMetrics, ResourceName: "m"}, {ResourceType: 99, ResourceName: "future"}}},
		want: []string{"DESCRIBE_CONFIGS TOPIC a", "DESCRIBE_CONFIGS GROUP g", "DESCRIBE_CONFIGS CLUSTER kafka-cluster",
			"DESCRIBE_CONFIGS CLUSTER kafka-cluster", "DESCRIBE_CONFIGS CLUSTER kafka-cluster", "DESCRIBE_CONFIGS CLUSTER kafka-cluster"}},
	{q: &kmsg.AlterConfigsRequest{Resources: []kmsg.AlterConfigsRequestResource{
		{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "a"}, {ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: ""}}},
		want: []string{"ALTER_CONFIGS TOPIC a", "ALTER_CONFIGS CLUSTER kafka-cluster"}},
	{q: &kmsg.AlterReplicaLogDirsRequest{Dirs: []kmsg.AlterReplicaLogDirsRequestDir{{Dir: "/d", Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: "a"}}}}},
		want: []string{clusterAlter, "NONE TOPIC a"}},
	{name: "all", q: &kmsg.DescribeLogDirsRequest{}, want: []string{clusterDescribe, "NONE TOPIC *"}},
	{name: "topics", q: &kmsg.DescribeLogDirsRequest{Topics: []kmsg.DescribeLogDirsRequestTopic{{Topic: "a"}}},
		want: []string{clusterDescribe, "NONE TOPIC a"}},
}

func metadataTopics(names ...string) (list []kmsg.MetadataRequestTopic) {
	for _, n := range names {
		list = append(list, kmsg.MetadataRequestTopic{Topic: &n})
	}
	return list
}

func TestLowActions(t *testing.T) {
	tested := make(map[int16]bool)
	for _, c := range lowCases {
		key := c.q.Key()
		tested[key] = true
		to := c.to
		if to == 0 && !(c.from == 0 && c.name == "all by an empty list") {
			to = Lookup(key).Max
		}
		for v := c.from; v <= to; v++ {
			t.Run(fmt.Sprintf("%s/v%d %s", kmsg.Key(key).Name(), v, c.name), func(t *testing.T) { c.run(t, v) })
		}
	}
	for _, a := range lowRows {
		if !tested[a.Key] {
			t.Errorf("%s: no case", a.Name())
		}
	}
}

func (c lowCase) run(t *testing.T, version int16) {
	x := highExchange(t, c.q.Key(), version)
	defer x.Free()
	x.Env.Cluster.LearnTopics([]access.Topic{{Name: "a", ID: idOfA}, {Name: "b", ID: idOfB}})
	x.Env.Decider = &counts{} // allows all, and would not have to
	c.q.SetVersion(version)
	if err := x.Decode(c.q.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	err := x.Derive()
	if c.err {
		if err == nil {
			t.Fatalf("no error, but %v", printed(x.Actions))
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(c.want, printed(x.Actions)); d != "" {
		t.Error(d)
	}
	if x.Group != c.group || x.TransactionalID != c.txn || x.ReplicaID != c.replica {
		t.Errorf("group %q, transactional id %q, replica id %d; want %q, %q, %d",
			x.Group, x.TransactionalID, x.ReplicaID, c.group, c.txn, c.replica)
	}
}

// allow is a Decider that allows some actions and denies all else.
type allow []string

func (l allow) Decide(_ *access.Request, a *access.Action) *access.Decision {
	for _, s := range l {
		if s == printed([]Ask{{Action: *a}})[0] {
			return &access.Decision{Rule: s, Enforced: true}
		}
	}
	return &access.Decision{Verdict: access.Deny, Enforced: true}
}

func (allow) Epoch(*access.Identity) uint64 { return 0 }

func TestOneRightStandsForAnother(t *testing.T) {
	for _, c := range []struct {
		name  string
		key   kmsg.Key
		allow allow
		want  bool
	}{
		{"cluster", kmsg.ListGroups, allow{clusterDescribe}, true},
		{"alter", kmsg.WriteTxnMarkers, allow{clusterAlter}, true},
		{"cluster action", kmsg.WriteTxnMarkers, allow{"CLUSTER_ACTION CLUSTER kafka-cluster"}, true},
		{"neither", kmsg.WriteTxnMarkers, allow{clusterDescribe}, false},
	} {
		t.Run(c.key.Name()+"/"+c.name, func(t *testing.T) {
			x := highExchange(t, int16(c.key), 1)
			defer x.Free()
			x.Env.Decider = c.allow
			derived(t, x, kmsg.RequestForKey(int16(c.key)))
			if x.Allowed() != c.want || len(x.Actions) != 1 {
				t.Errorf("allowed: %v, %d actions", x.Allowed(), len(x.Actions))
			}
			if c.want && x.Actions[0].Decision.Rule != c.allow[0] {
				t.Errorf("decided by %q", x.Actions[0].Decision.Rule)
			}
		})
	}
}

// refuseCluster denies everything, and cannot decide about the cluster.
type refuseCluster struct{}

func (refuseCluster) Decide(_ *access.Request, a *access.Action) *access.Decision {
	if a.Type == access.ResCluster {
		return &access.Decision{Verdict: access.Refuse, Enforced: true}
	}
	return &access.Decision{Verdict: access.Deny, Enforced: true}
}

func (refuseCluster) Epoch(*access.Identity) uint64 { return 0 }

func TestRefusalOfAnAlternativeIsNoDenial(t *testing.T) {
	x := highExchange(t, int16(kmsg.ListGroups), 0)
	defer x.Free()
	x.Env.Decider = refuseCluster{}
	derived(t, x, &kmsg.ListGroupsRequest{})
	if v := x.Actions[0].Decision.Verdict; v != access.Refuse {
		t.Errorf("verdict %v", v)
	}
}
