package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeUserScramCredentials (key 50), version 0 (KIP-554).
//
// Actions: DESCRIBE on the cluster. The answer says who has a password and its mechanism and iterations, nothing that
// is secret; each call is a record all the same, for it lists the users.
//
// Denied: 31 without a message, and a nameless result with it for each user that was asked for. (A request for all users
// (null) makes Kafka 4.3 fail while it writes that, and it never answers: we answer 31.)
var describeUserScramRow = row[kmsg.DescribeUserSCRAMCredentialsRequest, kmsg.DescribeUserSCRAMCredentialsResponse](
	kmsg.DescribeUserSCRAMCredentials, deriveDescribeUserScram, nil, each, denies(denyDescribeUserScram))

func deriveDescribeUserScram(x *Exchange, _ *kmsg.DescribeUserSCRAMCredentialsRequest) error {
	x.AskCluster(access.OpDescribe)
	return nil
}

func denyDescribeUserScram(_ *Exchange, q *kmsg.DescribeUserSCRAMCredentialsRequest) (*kmsg.DescribeUserSCRAMCredentialsResponse, error) {
	r := kmsg.NewPtrDescribeUserSCRAMCredentialsResponse()
	r.ErrorCode = errClusterAuthorization
	for range q.Users {
		u := kmsg.NewDescribeUserSCRAMCredentialsResponseResult()
		u.ErrorCode = errClusterAuthorization
		r.Results = append(r.Results, u)
	}
	return r, nil
}
