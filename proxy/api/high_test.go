package api

import (
	"fmt"
	"strings"
	"testing"

	"doorkeeper/access"
	"doorkeeper/cluster"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// forbidden are the keys that brokers and controllers speak among themselves.
var forbidden = []int16{52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82, 83, 84, 85, 86, 87}

func highExchange(t testing.TB, key, version int16) *Exchange {
	t.Helper()
	c, _, err := cluster.Open(cluster.Options{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	x := NewExchange()
	x.API = Lookup(key)
	x.Request.API, x.Version = key, version
	x.Session = &access.Session{}
	x.Client = &access.Client{}
	x.Identity = &access.Identity{Principal: "User:alice", Source: access.Observed}
	x.Env = &Env{Cluster: c, Route: shift{}, Decider: AllowAll{}}
	return x
}

// shift is a Route that makes of a broker's address one of ours.
type shift struct{}

func (shift) Advertise(node int32, _ string, _ int32) (string, int32, error) {
	return "proxy.test", 20000 + node, nil
}

// derived decodes and derives a request as it comes over the wire in one version.
func derived(t *testing.T, x *Exchange, q kmsg.Request) []string {
	t.Helper()
	q.SetVersion(x.Version)
	if err := x.Decode(q.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	if err := x.Derive(); err != nil {
		t.Fatal(err)
	}
	return printed(x.Actions)
}

func printed(asks []Ask) (list []string) {
	for _, a := range asks {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%v %v %s", a.Operation, a.Type, a.Name)))
	}
	return list
}

func ptr[T any](v T) *T { return &v }

type highCase struct {
	name  string
	from  int16 // the lowest version that can say it
	q     kmsg.Request
	group string
	want  []string
}

const (
	clusterAlter    = "ALTER CLUSTER kafka-cluster"
	clusterDescribe = "DESCRIBE CLUSTER kafka-cluster"
	clusterNone     = "NONE CLUSTER kafka-cluster"
	allTopics       = "DESCRIBE TOPIC *"
)

var highCases = []highCase{
	{name: "topics", q: &kmsg.CreatePartitionsRequest{Topics: []kmsg.CreatePartitionsRequestTopic{{Topic: "a"}, {Topic: "b"}}},
		want: []string{"ALTER TOPIC a", "ALTER TOPIC b"}},

	{name: "for oneself", q: &kmsg.CreateDelegationTokenRequest{}, want: []string{"NONE USER User:alice"}},
	{name: "for oneself by name", from: 3, q: &kmsg.CreateDelegationTokenRequest{
		OwnerPrincipalType: ptr("User"), OwnerPrincipalName: ptr("alice")}, want: []string{"NONE USER User:alice"}},
	{name: "for another", from: 3, q: &kmsg.CreateDelegationTokenRequest{
		OwnerPrincipalType: ptr("User"), OwnerPrincipalName: ptr("bob")}, want: []string{"CREATE_TOKENS USER User:bob"}},
	{name: "for another of another type", from: 3, q: &kmsg.CreateDelegationTokenRequest{
		OwnerPrincipalType: ptr("Role"), OwnerPrincipalName: ptr("alice")}, want: []string{"CREATE_TOKENS USER Role:alice"}},
	{name: "for a name without a type", from: 3, q: &kmsg.CreateDelegationTokenRequest{OwnerPrincipalName: ptr("bob")},
		want: []string{"CREATE_TOKENS USER :bob"}},
	{name: "", q: &kmsg.RenewDelegationTokenRequest{HMAC: []byte("x")}, want: []string{"NONE DELEGATION_TOKEN"}},
	{name: "", q: &kmsg.ExpireDelegationTokenRequest{HMAC: []byte("x")}, want: []string{"NONE DELEGATION_TOKEN"}},
	{name: "all", q: &kmsg.DescribeDelegationTokenRequest{}, want: []string{"DESCRIBE DELEGATION_TOKEN *"}},
	{name: "owners", q: &kmsg.DescribeDelegationTokenRequest{Owners: []kmsg.DescribeDelegationTokenRequestOwner{
		{PrincipalType: "User", PrincipalName: "bob"}, {PrincipalType: "User", PrincipalName: "alice"}}},
		want: []string{"DESCRIBE_TOKENS USER User:bob", "NONE USER User:alice"}},
	{name: "no owners", q: &kmsg.DescribeDelegationTokenRequest{Owners: []kmsg.DescribeDelegationTokenRequestOwner{}},
		want: []string{"NONE DELEGATION_TOKEN"}},

	{name: "groups", q: &kmsg.DeleteGroupsRequest{Groups: []string{"g", "h"}}, want: []string{"DELETE GROUP g", "DELETE GROUP h"}},
	{name: "topics", q: &kmsg.ElectLeadersRequest{Topics: []kmsg.ElectLeadersRequestTopic{{Topic: "a"}}},
		want: []string{clusterAlter, "NONE TOPIC a"}},
	{name: "all", q: &kmsg.ElectLeadersRequest{}, want: []string{clusterAlter, "NONE TOPIC *"}},
	{name: "every type", q: &kmsg.IncrementalAlterConfigsRequest{Resources: []kmsg.IncrementalAlterConfigsRequestResource{
		{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "a"},
		{ResourceType: kmsg.ConfigResourceTypeGroupConfig, ResourceName: "g"},
		{ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: "1"},
		{ResourceType: kmsg.ConfigResourceTypeBrokerLogger, ResourceName: "1"},
		{ResourceType: kmsg.ConfigResourceTypeClientMetrics, ResourceName: "m"},
		{ResourceType: 99, ResourceName: "future"}}},
		want: []string{"ALTER_CONFIGS TOPIC a", "ALTER_CONFIGS GROUP g",
			"ALTER_CONFIGS CLUSTER kafka-cluster", "ALTER_CONFIGS CLUSTER kafka-cluster",
			"ALTER_CONFIGS CLUSTER kafka-cluster", "ALTER_CONFIGS CLUSTER kafka-cluster"}},
	{name: "topics", q: &kmsg.AlterPartitionAssignmentsRequest{Topics: []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: "a"}}},
		want: []string{clusterAlter, "NONE TOPIC a"}},
	{name: "topics", q: &kmsg.ListPartitionReassignmentsRequest{Topics: []kmsg.ListPartitionReassignmentsRequestTopic{{Topic: "a"}}},
		want: []string{clusterDescribe}},
	{name: "topics", group: "g", q: &kmsg.OffsetDeleteRequest{Group: "g", Topics: []kmsg.OffsetDeleteRequestTopic{{Topic: "a"}}},
		want: []string{"DELETE GROUP g", "READ TOPIC a"}},

	{name: "", q: &kmsg.DescribeClientQuotasRequest{}, want: []string{"DESCRIBE_CONFIGS CLUSTER kafka-cluster"}},
	{name: "entities", q: &kmsg.AlterClientQuotasRequest{Entries: []kmsg.AlterClientQuotasRequestEntry{
		{Entity: []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "user", Name: ptr("bob")}, {Type: "client-id", Name: ptr("c")}}},
		{Entity: []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "user"}}}}},
		want: []string{"ALTER_CONFIGS CLUSTER kafka-cluster", "NONE USER User:bob"}},
	{name: "", q: &kmsg.DescribeUserSCRAMCredentialsRequest{}, want: []string{clusterDescribe}},
	{name: "users", q: &kmsg.AlterUserSCRAMCredentialsRequest{
		Deletions:  []kmsg.AlterUserSCRAMCredentialsRequestDeletion{{Name: "old"}},
		Upsertions: []kmsg.AlterUserSCRAMCredentialsRequestUpsertion{{Name: "bob", Iterations: 4096, Salt: []byte("s"), SaltedPassword: []byte("p")}}},
		want: []string{clusterAlter, "NONE USER User:old", "NONE USER User:bob"}},

	{name: "", q: &kmsg.DescribeQuorumRequest{}, want: []string{clusterDescribe}},
	{name: "", q: &kmsg.UpdateFeaturesRequest{}, want: []string{clusterAlter}},
	{name: "plain", q: &kmsg.DescribeClusterRequest{}, want: []string{clusterNone}},
	{name: "authorized operations", q: &kmsg.DescribeClusterRequest{IncludeClusterAuthorizedOperations: true}, want: []string{clusterDescribe}},
	{name: "topics", q: &kmsg.DescribeProducersRequest{Topics: []kmsg.DescribeProducersRequestTopic{{Topic: "a"}}}, want: []string{"READ TOPIC a"}},
	{name: "", q: &kmsg.UnregisterBrokerRequest{BrokerID: 3}, want: []string{clusterAlter}},
	{name: "ids", q: &kmsg.DescribeTransactionsRequest{TransactionalIDs: []string{"t", "u"}},
		want: []string{"DESCRIBE TRANSACTIONAL_ID t", "DESCRIBE TRANSACTIONAL_ID u"}},
	{name: "", q: &kmsg.ListTransactionsRequest{}, want: []string{"DESCRIBE TRANSACTIONAL_ID *"}},

	{name: "nothing new", group: "g", q: &kmsg.ConsumerGroupHeartbeatRequest{Group: "g"}, want: []string{"READ GROUP g"}},
	{name: "names", group: "g", q: &kmsg.ConsumerGroupHeartbeatRequest{Group: "g", SubscribedTopicNames: []string{"a", "b"}},
		want: []string{"READ GROUP g", "DESCRIBE TOPIC a", "DESCRIBE TOPIC b"}},
	{name: "regex", from: 1, group: "g", q: &kmsg.ConsumerGroupHeartbeatRequest{Group: "g", SubscribedTopicRegex: ptr("a.*")},
		want: []string{"READ GROUP g", allTopics}},
	{name: "regex taken back", from: 1, group: "g", q: &kmsg.ConsumerGroupHeartbeatRequest{Group: "g", SubscribedTopicRegex: ptr("")},
		want: []string{"READ GROUP g"}},
	{name: "groups", q: &kmsg.ConsumerGroupDescribeRequest{Groups: []string{"g", "h"}}, want: []string{"DESCRIBE GROUP g", "DESCRIBE GROUP h"}},
	{name: "", q: &kmsg.GetTelemetrySubscriptionsRequest{}, want: []string{clusterNone}},
	{name: "", q: &kmsg.PushTelemetryRequest{Metrics: []byte("m")}, want: []string{clusterNone}},
	{name: "", q: &kmsg.ListConfigResourcesRequest{}, want: []string{"DESCRIBE_CONFIGS CLUSTER kafka-cluster"}},
	{name: "topics", q: &kmsg.DescribeTopicPartitionsRequest{Topics: []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "a"}, {Topic: "b"}},
		Cursor: &kmsg.DescribeTopicPartitionsRequestCursor{Topic: "b"}}, want: []string{"DESCRIBE TOPIC a", "DESCRIBE TOPIC b"}},
	{name: "all", q: &kmsg.DescribeTopicPartitionsRequest{}, want: []string{allTopics}},
	{name: "names", group: "g", q: &kmsg.ShareGroupHeartbeatRequest{GroupID: "g", SubscribedTopicNames: []string{"a"}},
		want: []string{"READ GROUP g", "DESCRIBE TOPIC a"}},
	{name: "groups", group: "g", q: &kmsg.ShareGroupDescribeRequest{GroupIDs: []string{"g"}}, want: []string{"DESCRIBE GROUP g"}},
	{name: "", q: &kmsg.AddRaftVoterRequest{Listeners: []kmsg.AddRaftVoterRequestListener{{Name: "C", Host: "h", Port: 1}}}, want: []string{clusterAlter}},
	{name: "", q: &kmsg.RemoveRaftVoterRequest{}, want: []string{clusterAlter}},

	{name: "nothing new", group: "g", q: &kmsg.StreamsGroupHeartbeatRequest{Group: "g"}, want: []string{"READ GROUP g"}},
	{name: "empty topology", group: "g", q: &kmsg.StreamsGroupHeartbeatRequest{Group: "g", Topology: &kmsg.StreamsGroupHeartbeatRequestTopology{}},
		want: []string{"READ GROUP g"}},
	{name: "topology", group: "g", q: &kmsg.StreamsGroupHeartbeatRequest{Group: "g", Topology: &kmsg.StreamsGroupHeartbeatRequestTopology{
		Subtopologies: []kmsg.StreamsGroupHeartbeatRequestTopologySubtopology{
			{SourceTopics: []string{"in"}, RepartitionSinkTopics: []string{"g-r"}},
			{RepartitionSourceTopics: []kmsg.TopicInfo{{Topic: "g-r"}}, StateChangelogTopics: []kmsg.TopicInfo{{Topic: "g-c"}}}}}},
		want: []string{"READ GROUP g", "DESCRIBE TOPIC in", "DESCRIBE TOPIC g-r", "DESCRIBE TOPIC g-c", "CREATE TOPIC g-r", "CREATE TOPIC g-c"}},
	{name: "regex", group: "g", q: &kmsg.StreamsGroupHeartbeatRequest{Group: "g", Topology: &kmsg.StreamsGroupHeartbeatRequestTopology{
		Subtopologies: []kmsg.StreamsGroupHeartbeatRequestTopologySubtopology{{SourceTopicRegex: []string{"in.*"}}}}},
		want: []string{"READ GROUP g", allTopics}},
	{name: "groups", group: "g", q: &kmsg.StreamsGroupDescribeRequest{Groups: []string{"g"}}, want: []string{"DESCRIBE GROUP g"}},
	{name: "topics", group: "g", q: &kmsg.DescribeShareGroupOffsetsRequest{Groups: []kmsg.DescribeShareGroupOffsetsRequestGroup{
		{GroupID: "g", Topics: []kmsg.DescribeShareGroupOffsetsRequestGroupTopic{{Topic: "a"}}}}},
		want: []string{"DESCRIBE GROUP g", "DESCRIBE TOPIC a"}},
	{name: "all topics, no topic", q: &kmsg.DescribeShareGroupOffsetsRequest{Groups: []kmsg.DescribeShareGroupOffsetsRequestGroup{
		{GroupID: "g"}, {GroupID: "h", Topics: []kmsg.DescribeShareGroupOffsetsRequestGroupTopic{}}}},
		want: []string{"DESCRIBE GROUP g", allTopics, "DESCRIBE GROUP h"}},
	{name: "topics", group: "g", q: &kmsg.AlterShareGroupOffsetsRequest{GroupID: "g", Topics: []kmsg.AlterShareGroupOffsetsRequestTopic{{Topic: "a"}}},
		want: []string{"READ GROUP g", "READ TOPIC a"}},
	{name: "topics", group: "g", q: &kmsg.DeleteShareGroupOffsetsRequest{GroupID: "g", Topics: []kmsg.DeleteShareGroupOffsetsRequestTopic{{Topic: "a"}}},
		want: []string{"DELETE GROUP g", "READ TOPIC a"}},
	{name: "", group: "g", q: &kmsg.StreamsGroupTopologyDescriptionUpdateRequest{Group: "g"}, want: []string{"READ GROUP g"}},
	{name: "", q: &kmsg.UnregisterControllerRequest{ControllerID: 3}, want: []string{clusterAlter}},
}

func TestHighActions(t *testing.T) {
	covered := map[int16]bool{}
	for _, c := range highCases {
		a := Lookup(c.q.Key())
		covered[a.Key] = true
		for v := c.from; v <= a.Max; v++ {
			t.Run(fmt.Sprintf("%s/%s/v%d", a.Name(), c.name, v), func(t *testing.T) {
				x := highExchange(t, a.Key, v)
				defer x.Free()
				if d := cmp.Diff(c.want, derived(t, x, c.q)); d != "" {
					t.Errorf("actions (-want +got):\n%s", d)
				}
				if x.Group != c.group || x.TransactionalID != "" {
					t.Errorf("group %q, transactional id %q; want group %q", x.Group, x.TransactionalID, c.group)
				}
				for _, k := range x.Actions {
					if k.Decision == nil {
						t.Errorf("%v was not decided", k.Action)
					}
				}
			})
		}
	}
	for _, a := range highRows {
		if !covered[a.Key] {
			t.Errorf("%s has no case", a.Name())
		}
	}
}

func TestHighRowsStandInOrder(t *testing.T) {
	for i := 1; i < len(highRows); i++ {
		if highRows[i-1].Key >= highRows[i].Key {
			t.Errorf("%s stands after %s", highRows[i].Name(), highRows[i-1].Name())
		}
	}
}

// noCluster denies whatever is asked about the cluster.
type noCluster struct{ verdict access.Verdict }

func (n noCluster) Decide(_ *access.Request, a *access.Action) *access.Decision {
	if a.Type == access.ResCluster {
		return &access.Decision{Verdict: n.verdict, Enforced: true}
	}
	return &access.Decision{Verdict: access.Allow, Enforced: true}
}

func (noCluster) Epoch(*access.Identity) uint64 { return 0 }

// Who may create in the cluster needs nothing on the topic; who may not is asked for each topic; an engine that fails is
// not asked twice.
func TestCreateAsksClusterFirst(t *testing.T) {
	for verdict, want := range map[access.Verdict]access.Verdict{
		access.Allow: access.Allow, access.Deny: access.Allow, access.Refuse: access.Refuse,
	} {
		x := highExchange(t, int16(kmsg.StreamsGroupHeartbeat), 0)
		x.Env.Decider = noCluster{verdict}
		x.askCreate([]string{"a", "b"})
		if d := cmp.Diff([]string{"CREATE TOPIC a", "CREATE TOPIC b"}, printed(x.Actions)); d != "" {
			t.Error(d)
		}
		for _, k := range x.Actions {
			if k.Decision.Verdict != want {
				t.Errorf("cluster %v: %s is %v, want %v", verdict, k.Name, k.Decision.Verdict, want)
			}
		}
		x.Free()
	}
}

func TestDeriveTwiceAsksOnce(t *testing.T) {
	for _, c := range highCases {
		a := Lookup(c.q.Key())
		x := highExchange(t, a.Key, a.Max)
		derived(t, x, c.q)
		if err := x.Derive(); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, printed(x.Actions)); d != "" {
			t.Errorf("%s: %s", a.Name(), d)
		}
		x.Free()
	}
}
