package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeUserScramCredentials (key 50), version 0 (KIP-554).
//
// Actions: DESCRIBE on the cluster. The answer says who has a password and its mechanism and iterations, nothing that
// is secret; each call is a record all the same, for it lists the users.
var describeUserScramRow = row[kmsg.DescribeUserSCRAMCredentialsRequest, kmsg.DescribeUserSCRAMCredentialsResponse](
	kmsg.DescribeUserSCRAMCredentials, deriveDescribeUserScram, nil, each)

func deriveDescribeUserScram(x *Exchange, _ *kmsg.DescribeUserSCRAMCredentialsRequest) error {
	x.AskCluster(access.OpDescribe)
	return nil
}
