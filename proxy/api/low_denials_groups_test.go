package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

type fcKey = kmsg.FindCoordinatorResponseCoordinator

// noKey is the answer to a key that may not be looked up.
func noKey(key string, code int16, text string) fcKey {
	return fcKey{Key: key, ErrorCode: code, ErrorMessage: &text, NodeID: -1, Port: -1}
}

func coordinators(typ int8, keys ...string) *kmsg.FindCoordinatorRequest {
	return &kmsg.FindCoordinatorRequest{CoordinatorType: typ, CoordinatorKeys: keys}
}

func noCoordinator(code int16, text string) *kmsg.FindCoordinatorResponse {
	return &kmsg.FindCoordinatorResponse{ErrorCode: code, ErrorMessage: &text, NodeID: -1, Port: -1}
}

var atProxy = fcKey{Key: "h", NodeID: 2, Host: "proxy.test", Port: 20002, ErrorMessage: ptr("")}

var coordinatorDenials = []denialCase{
	{name: "group", to: 3, q: &kmsg.FindCoordinatorRequest{CoordinatorKey: "g"}, denied: []string{"DESCRIBE GROUP g"},
		want: noCoordinator(30, "Group authorization failed.")},
	{name: "transaction", from: 1, to: 3, q: &kmsg.FindCoordinatorRequest{CoordinatorKey: "t", CoordinatorType: 1},
		denied: []string{"DESCRIBE TRANSACTIONAL_ID t"}, want: noCoordinator(53, "Transactional Id authorization failed.")},
	{name: "group refused", to: 3, q: &kmsg.FindCoordinatorRequest{CoordinatorKey: "g"}, refused: []string{"DESCRIBE GROUP g"},
		want: noCoordinator(15, "The coordinator is not available.")},
	{name: "groups", from: 4, q: coordinators(0, "g", "h"), denied: []string{"DESCRIBE GROUP g", "DESCRIBE GROUP h"},
		want: &kmsg.FindCoordinatorResponse{Coordinators: []fcKey{noKey("g", 30, ""), noKey("h", 30, "")}}},
	{name: "some groups, in their places", from: 4, q: coordinators(0, "g", "h", "g", ""), denied: []string{"DESCRIBE GROUP g"},
		refused: []string{"DESCRIBE GROUP"}, passes: coordinators(0, "h"), answer: &kmsg.FindCoordinatorResponse{ThrottleMillis: 5, Coordinators: []fcKey{atProxy}},
		want: &kmsg.FindCoordinatorResponse{ThrottleMillis: 5, Coordinators: []fcKey{noKey("g", 30, ""), atProxy, noKey("g", 30, ""), noKey("", 15, "")}}},
	{name: "transactions", from: 4, q: coordinators(1, "t", "h"), denied: []string{"DESCRIBE TRANSACTIONAL_ID t"}, passes: coordinators(1, "h"),
		answer: &kmsg.FindCoordinatorResponse{Coordinators: []fcKey{atProxy}},
		want:   &kmsg.FindCoordinatorResponse{Coordinators: []fcKey{noKey("t", 53, ""), atProxy}}},
	{name: "share groups' state", from: 6, q: coordinators(2, "g:id:0", "g:id:1"), denied: []string{clusterAction},
		want: &kmsg.FindCoordinatorResponse{Coordinators: []fcKey{noKey("g:id:0", 31, "Cluster authorization failed."), noKey("g:id:1", 31, "Cluster authorization failed.")}}},
	{name: "share groups' state before there was any: the broker's to answer", from: 4, to: 5, q: coordinators(2, "g:id:0"), denied: []string{clusterAction},
		passes: coordinators(2, "g:id:0"), answer: &kmsg.FindCoordinatorResponse{Coordinators: []fcKey{noKey("g:id:0", 42, "")}},
		want: &kmsg.FindCoordinatorResponse{Coordinators: []fcKey{noKey("g:id:0", 42, "")}}},
}

func describedGroup(name string, code int16, bits int32) kmsg.DescribeGroupsResponseGroup {
	g := kmsg.DescribeGroupsResponseGroup{Group: name, ErrorCode: code, AuthorizedOperations: bits}
	if code == 0 {
		g.State, g.ProtocolType, g.Protocol = "Stable", "consumer", "range"
	}
	return g
}

func describeGroups(bits bool, names ...string) *kmsg.DescribeGroupsRequest {
	return &kmsg.DescribeGroupsRequest{Groups: names, IncludeAuthorizedOperations: bits}
}

func toldGroups(list ...kmsg.DescribeGroupsResponseGroup) *kmsg.DescribeGroupsResponse {
	return &kmsg.DescribeGroupsResponse{ThrottleMillis: 5, Groups: list}
}

func listedGroups(code int16, names ...string) *kmsg.ListGroupsResponse {
	r := &kmsg.ListGroupsResponse{ThrottleMillis: 5, ErrorCode: code}
	for _, n := range names {
		r.Groups = append(r.Groups, kmsg.ListGroupsResponseGroup{Group: n, ProtocolType: "consumer", GroupState: "Stable", GroupType: "classic"})
	}
	return r
}

var memberDenials = []denialCase{
	{name: "denied, in v0 to v6", to: 6, q: &kmsg.JoinGroupRequest{Group: "g", MemberID: "m", ProtocolType: "consumer"}, denied: readOnG,
		want: &kmsg.JoinGroupResponse{ErrorCode: 30, Generation: -1, Protocol: ptr("")}},
	{name: "denied", from: 7, q: &kmsg.JoinGroupRequest{Group: "g", MemberID: "m", ProtocolType: "consumer"}, denied: readOnG,
		want: &kmsg.JoinGroupResponse{ErrorCode: 30, Generation: -1}},
	{name: "refused", from: 7, q: &kmsg.JoinGroupRequest{Group: "g"}, refused: readOnG, want: &kmsg.JoinGroupResponse{ErrorCode: 14, Generation: -1}},

	{name: "denied", q: &kmsg.HeartbeatRequest{Group: "g"}, denied: readOnG, want: &kmsg.HeartbeatResponse{ErrorCode: 30}},
	{name: "refused", q: &kmsg.HeartbeatRequest{Group: "g"}, refused: readOnG, want: &kmsg.HeartbeatResponse{ErrorCode: 14}},
	{name: "denied", q: &kmsg.LeaveGroupRequest{Group: "g", MemberID: "m", Members: []kmsg.LeaveGroupRequestMember{{MemberID: "m"}}}, denied: readOnG,
		want: &kmsg.LeaveGroupResponse{ErrorCode: 30}},
	{name: "refused", q: &kmsg.LeaveGroupRequest{Group: "g"}, refused: readOnG, want: &kmsg.LeaveGroupResponse{ErrorCode: 14}},
	{name: "denied", q: &kmsg.SyncGroupRequest{Group: "g", ProtocolType: ptr("consumer"), Protocol: ptr("range")}, denied: readOnG,
		want: &kmsg.SyncGroupResponse{ErrorCode: 30}},
	{name: "denied, without a protocol", to: 4, q: &kmsg.SyncGroupRequest{Group: "g"}, denied: readOnG, want: &kmsg.SyncGroupResponse{ErrorCode: 30}},
	{name: "wrong whoever asks", from: 5, q: &kmsg.SyncGroupRequest{Group: "g", Protocol: ptr("range")}, denied: readOnG, want: &kmsg.SyncGroupResponse{ErrorCode: 23}},
	{name: "refused", q: &kmsg.SyncGroupRequest{Group: "g", ProtocolType: ptr("consumer"), Protocol: ptr("range")}, refused: readOnG,
		want: &kmsg.SyncGroupResponse{ErrorCode: 27}},

	{name: "denied", q: describeGroups(true, "g", "h", "g"), denied: []string{"DESCRIBE GROUP g", "DESCRIBE GROUP h"},
		want: &kmsg.DescribeGroupsResponse{Groups: toldGroups(describedGroup("g", 30, noBits), describedGroup("h", 30, noBits), describedGroup("g", 30, noBits)).Groups}},
	{name: "mixed: denied first", q: describeGroups(false, "h", "g", "", "i"), denied: []string{"DESCRIBE GROUP g", "DESCRIBE GROUP"}, refused: []string{"DESCRIBE GROUP i"},
		passes: describeGroups(false, "h"), answer: toldGroups(describedGroup("h", 0, noBits)),
		want: toldGroups(describedGroup("g", 30, noBits), describedGroup("", 30, noBits), describedGroup("i", 14, noBits), describedGroup("h", 0, noBits))},
	{name: "operations", from: 3, q: describeGroups(true, "g", "h"), denied: []string{"DELETE GROUP g", "READ GROUP h"}, passes: describeGroups(true, "g", "h"),
		answer: toldGroups(describedGroup("g", 0, groupBits), describedGroup("h", 69, noBits)),
		want:   toldGroups(describedGroup("g", 0, groupBits&^(1<<access.OpDelete)), describedGroup("h", 69, noBits))},
	{name: "operations of which one could not be decided", from: 3, q: describeGroups(true, "g"), refused: []string{"DELETE GROUP g"}, passes: describeGroups(true, "g"),
		answer: toldGroups(describedGroup("g", 0, groupBits)), want: toldGroups(describedGroup("g", 0, noBits))},

	{name: "the denied are not there", q: &kmsg.ListGroupsRequest{}, denied: []string{clusterDescribe, "DESCRIBE GROUP g", "DESCRIBE GROUP i"}, passes: &kmsg.ListGroupsRequest{},
		answer: listedGroups(0, "g", "h", "i"), want: listedGroups(0, "h")},
	{name: "all are denied", q: &kmsg.ListGroupsRequest{}, denied: []string{clusterDescribe, "DESCRIBE GROUP g"}, passes: &kmsg.ListGroupsRequest{},
		answer: listedGroups(0, "g"), want: listedGroups(0)},
	{name: "who may describe the cluster sees all", q: &kmsg.ListGroupsRequest{}, denied: []string{"DESCRIBE GROUP g"}, passes: &kmsg.ListGroupsRequest{},
		answer: listedGroups(0, "g", "h"), want: listedGroups(0, "g", "h")},
	{name: "the broker's own error", q: &kmsg.ListGroupsRequest{}, denied: []string{clusterDescribe, "DESCRIBE GROUP g"}, passes: &kmsg.ListGroupsRequest{},
		answer: listedGroups(14), want: listedGroups(14)},
	{name: "a group could not be decided", q: &kmsg.ListGroupsRequest{}, denied: []string{clusterDescribe}, refused: []string{"DESCRIBE GROUP g"}, passes: &kmsg.ListGroupsRequest{},
		answer: listedGroups(0, "g", "h"), want: listedGroups(14)},
	{name: "refused", q: &kmsg.ListGroupsRequest{}, refused: []string{clusterDescribe}, want: &kmsg.ListGroupsResponse{ErrorCode: 14}},
}
