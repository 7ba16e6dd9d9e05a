package api

import (
	"fmt"
	"reflect"
	"testing"

	"doorkeeper/access"
	"doorkeeper/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

type errorCase struct {
	name     string
	version  int16
	q        kmsg.Request
	r        kmsg.Response
	want     []string // "<action>: <code>", of those with an error
	throttle int32
}

var errorCases = []errorCase{
	{name: "of the whole answer", q: &kmsg.HeartbeatRequest{Group: "g"}, r: &kmsg.HeartbeatResponse{ErrorCode: 25, ThrottleMillis: 7}, version: 1,
		want: []string{"READ GROUP g: 25"}, throttle: 7},
	{name: "none", q: &kmsg.HeartbeatRequest{Group: "g"}, r: &kmsg.HeartbeatResponse{}},
	{name: "a topic by name", version: 8, q: &kmsg.MetadataRequest{Topics: metadataTopics("a", "b")},
		r:    &kmsg.MetadataResponse{Topics: []kmsg.MetadataResponseTopic{{Topic: ptr("b"), ErrorCode: 29}, {Topic: ptr("a")}}},
		want: []string{"DESCRIBE TOPIC b: 29"}},
	{name: "a topic by id", version: 12, q: &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{{TopicID: idOfA}, {TopicID: idOfB}}},
		r:    &kmsg.MetadataResponse{Topics: []kmsg.MetadataResponseTopic{{TopicID: idOfB, ErrorCode: 29}, {TopicID: idOfA, Topic: ptr("a")}}},
		want: []string{"DESCRIBE TOPIC b: 29"}},
	{name: "a partition's", version: 1, q: &kmsg.ListOffsetsRequest{ReplicaID: -1, Topics: []kmsg.ListOffsetsRequestTopic{{Topic: "a"}, {Topic: "b"}}},
		r: &kmsg.ListOffsetsResponse{Topics: []kmsg.ListOffsetsResponseTopic{
			{Topic: "a", Partitions: []kmsg.ListOffsetsResponseTopicPartition{{}, {ErrorCode: 6}, {ErrorCode: 3}}}, {Topic: "b"}}},
		want: []string{"DESCRIBE TOPIC a: 6"}},
	{name: "one of all topics'", version: 8, q: &kmsg.MetadataRequest{},
		r: &kmsg.MetadataResponse{Topics: []kmsg.MetadataResponseTopic{{Topic: ptr("a"), ErrorCode: 5}}}},
	{name: "one of several groups", version: 5, q: &kmsg.DescribeGroupsRequest{Groups: []string{"g", "h"}},
		r:    &kmsg.DescribeGroupsResponse{Groups: []kmsg.DescribeGroupsResponseGroup{{Group: "h", ErrorCode: 30}, {Group: "g"}}},
		want: []string{"DESCRIBE GROUP h: 30"}},
	{name: "the group, beside each partition", version: 8, q: &kmsg.OffsetCommitRequest{Group: "g", Topics: []kmsg.OffsetCommitRequestTopic{{Topic: "a"}}},
		r:    &kmsg.OffsetCommitResponse{Topics: []kmsg.OffsetCommitResponseTopic{{Topic: "a", Partitions: []kmsg.OffsetCommitResponseTopicPartition{{ErrorCode: 30}}}}},
		want: []string{"READ GROUP g: 30", "READ TOPIC a: 30"}},
	{name: "the transactional id, beside each partition", version: 3,
		q: &kmsg.AddPartitionsToTxnRequest{TransactionalID: "t", Topics: []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "a"}}},
		r: &kmsg.AddPartitionsToTxnResponse{Topics: []kmsg.AddPartitionsToTxnResponseTopic{{Topic: "a",
			Partitions: []kmsg.AddPartitionsToTxnResponseTopicPartition{{ErrorCode: 53}}}}},
		want: []string{"WRITE TRANSACTIONAL_ID t: 53", "WRITE TOPIC a: 53"}},
	{name: "one topic of a transaction", version: 3,
		q: &kmsg.AddPartitionsToTxnRequest{TransactionalID: "t", Topics: []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "a"}, {Topic: "b"}}},
		r: &kmsg.AddPartitionsToTxnResponse{Topics: []kmsg.AddPartitionsToTxnResponseTopic{
			{Topic: "a", Partitions: []kmsg.AddPartitionsToTxnResponseTopicPartition{{ErrorCode: 55}}},
			{Topic: "b", Partitions: []kmsg.AddPartitionsToTxnResponseTopicPartition{{ErrorCode: 29}}}}},
		want: []string{"WRITE TOPIC a: 55", "WRITE TOPIC b: 29"}},
	{name: "groups and their topics", version: 9, q: &kmsg.OffsetFetchRequest{Groups: []kmsg.OffsetFetchRequestGroup{
		{Group: "g", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "a"}}}, {Group: "h", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "b"}}}}},
		r: &kmsg.OffsetFetchResponse{Groups: []kmsg.OffsetFetchResponseGroup{
			{Group: "g", Topics: []kmsg.OffsetFetchResponseGroupTopic{{Topic: "a", Partitions: []kmsg.OffsetFetchResponseGroupTopicPartition{{ErrorCode: 29}}}}},
			{Group: "h", ErrorCode: 16}}},
		want: []string{"DESCRIBE TOPIC a: 29", "DESCRIBE GROUP h: 16"}},
	{name: "a key", version: 4, q: &kmsg.FindCoordinatorRequest{CoordinatorType: 1, CoordinatorKeys: []string{"t", "u"}},
		r: &kmsg.FindCoordinatorResponse{Coordinators: []kmsg.FindCoordinatorResponseCoordinator{
			{Key: "t", Host: "h"}, {Key: "u", NodeID: -1, Port: -1, ErrorCode: 53}}},
		want: []string{"DESCRIBE TRANSACTIONAL_ID u: 53"}},
	{name: "settings", version: 2, q: &kmsg.AlterConfigsRequest{Resources: []kmsg.AlterConfigsRequestResource{
		{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "a"}, {ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "b"},
		{ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: "1"}}},
		r: &kmsg.AlterConfigsResponse{Resources: []kmsg.AlterConfigsResponseResource{
			{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "b", ErrorCode: 29},
			{ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: "1", ErrorCode: 31}}},
		want: []string{"ALTER_CONFIGS TOPIC b: 29", "ALTER_CONFIGS CLUSTER kafka-cluster: 31"}},
	{name: "a member, beside no resource", version: 3, q: &kmsg.LeaveGroupRequest{Group: "g"},
		r: &kmsg.LeaveGroupResponse{Members: []kmsg.LeaveGroupResponseMember{{MemberID: "m", ErrorCode: 25}}}, want: []string{"READ GROUP g: 25"}},
	{name: "one ACL, beside no resource", version: 1, q: &kmsg.CreateACLsRequest{Creations: []kmsg.CreateACLsRequestCreation{
		{ResourceType: kmsg.ACLResourceTypeTopic, ResourceName: "a", Principal: "User:bob"},
		{ResourceType: kmsg.ACLResourceTypeTopic, ResourceName: "", Principal: "User:eve"}}},
		r:    &kmsg.CreateACLsResponse{Results: []kmsg.CreateACLsResponseResult{{}, {ErrorCode: 42}}},
		want: []string{clusterAlter + ": 42", "NONE TOPIC: 42", "NONE USER User:eve: 42"}},
	{name: "one filter's match", version: 1, q: &kmsg.DeleteACLsRequest{Filters: []kmsg.DeleteACLsRequestFilter{
		{ResourceType: kmsg.ACLResourceTypeTopic, ResourceName: ptr("a")}, {ResourceType: kmsg.ACLResourceTypeAny}, {Principal: ptr("User:bob")}}},
		r: &kmsg.DeleteACLsResponse{Results: []kmsg.DeleteACLsResponseResult{{}, {}, {MatchingACLs: []kmsg.DeleteACLsResponseResultMatchingACL{
			{ResourceType: kmsg.ACLResourceTypeTopic, ResourceName: "a"}, {ResourceType: kmsg.ACLResourceTypeTopic, ResourceName: "b", ErrorCode: 56}}}}},
		want: []string{clusterAlter + ": 56", "NONE USER User:bob: 56"}},
	{name: "a user", q: &kmsg.AlterUserSCRAMCredentialsRequest{Deletions: []kmsg.AlterUserSCRAMCredentialsRequestDeletion{{Name: "bob"}, {Name: "eve"}}},
		r:    &kmsg.AlterUserSCRAMCredentialsResponse{Results: []kmsg.AlterUserSCRAMCredentialsResponseResult{{User: "bob"}, {User: "eve", ErrorCode: 91}}},
		want: []string{"NONE USER User:eve: 91"}},
}

func TestErrorsOfTheBroker(t *testing.T) {
	for _, c := range errorCases {
		t.Run(kmsg.Key(c.q.Key()).Name()+" "+c.name, func(t *testing.T) {
			x := highExchange(t, c.q.Key(), c.version)
			defer x.Free()
			x.Env.Cluster.LearnTopics([]access.Topic{{Name: "a", ID: idOfA}, {Name: "b", ID: idOfB}})
			derived(t, x, c.q)
			c.r.SetVersion(c.version)
			header := []byte{0, 0, 0, 1}
			if protocol.ResponseHeaderTags(c.q.Key(), c.version) {
				header = append(header, 0)
			}
			if _, err := x.Respond(nil, c.r.AppendTo(header)); err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, p := range printed(x.Actions) {
				if e := x.Actions[i].Error; e != 0 {
					got = append(got, fmt.Sprintf("%s: %d", p, e))
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			if x.Throttle != c.throttle {
				t.Errorf("throttle %d", x.Throttle)
			}
		})
	}
}

// An error of an answer of our own is not overwritten by what the broker says to the rest.
func TestOwnErrorStays(t *testing.T) {
	x := highExchange(t, int16(kmsg.Heartbeat), 1)
	defer x.Free()
	derived(t, x, &kmsg.HeartbeatRequest{Group: "g"})
	x.Actions[0].Error = 30
	x.observe(&kmsg.HeartbeatResponse{ErrorCode: 25})
	if e := x.Actions[0].Error; e != 30 {
		t.Errorf("error %d", e)
	}
}

// TestNoErrorIsOverlooked puts an error in each place of each answer that has one, and looks for it on some action.
func TestNoErrorIsOverlooked(t *testing.T) {
	for _, a := range Table {
		if a == nil || scanned[a.Key] != nil {
			continue
		}
		r := kmsg.RequestForKey(a.Key).ResponseKind()
		for _, path := range codes(reflect.TypeOf(r).Elem(), nil) {
			r := kmsg.RequestForKey(a.Key).ResponseKind()
			put(reflect.ValueOf(r).Elem(), path)
			x := highExchange(t, a.Key, a.Max)
			x.Ask(access.OpNone, access.ResNone, "")
			x.observe(r)
			if x.Actions[0].Error != 42 {
				t.Errorf("%s %v: %d", a.Name(), path, x.Actions[0].Error)
			}
			x.Free()
		}
	}
}

// codes are the paths, in field numbers, to all error codes of a type.
func codes(typ reflect.Type, at []int) (paths [][]int) {
	for i := range typ.NumField() {
		p := append(append([]int(nil), at...), i)
		if f := typ.Field(i); f.Name == "ErrorCode" {
			paths = append(paths, p)
		} else if e := structOf(f.Type); e != nil {
			paths = append(paths, codes(e, p)...)
		}
	}
	return paths
}

// put sets the error code at a path to 42, making what lies on the way.
func put(v reflect.Value, path []int) {
	for _, i := range path {
		switch v = v.Field(i); v.Kind() {
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			v = v.Index(0)
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			v = v.Elem()
		}
	}
	v.SetInt(42)
}

func BenchmarkObserve(b *testing.B) {
	x := highExchange(b, int16(kmsg.Metadata), 12)
	r := kmsg.NewPtrMetadataResponse()
	r.Topics = make([]kmsg.MetadataResponseTopic, 100)
	for i := range r.Topics {
		r.Topics[i].Topic = ptr(fmt.Sprint(i))
		r.Topics[i].Partitions = make([]kmsg.MetadataResponseTopicPartition, 10)
	}
	for b.Loop() {
		x.observe(r)
	}
}
