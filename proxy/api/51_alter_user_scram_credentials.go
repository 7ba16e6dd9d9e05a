package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterUserScramCredentials (key 51), version 0 (KIP-554).
//
// Actions: ALTER on the cluster. The users whose passwords are set or deleted are noted beside it. Salts and salted
// passwords, which are as good as the passwords, stay in the request.
var alterUserScramRow = row[kmsg.AlterUserSCRAMCredentialsRequest, kmsg.AlterUserSCRAMCredentialsResponse](
	kmsg.AlterUserSCRAMCredentials, deriveAlterUserScram, nil, each)

func deriveAlterUserScram(x *Exchange, q *kmsg.AlterUserSCRAMCredentialsRequest) error {
	x.AskCluster(access.OpAlter)
	for i := range q.Deletions {
		x.Ask(access.OpNone, access.ResUser, userPrefix+q.Deletions[i].Name)
	}
	for i := range q.Upsertions {
		x.Ask(access.OpNone, access.ResUser, userPrefix+q.Upsertions[i].Name)
	}
	return nil
}
