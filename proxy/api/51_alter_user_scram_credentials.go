package api

import (
	"slices"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterUserScramCredentials (key 51), version 0 (KIP-554).
//
// Actions: ALTER on the cluster. The users whose passwords are set or deleted are noted beside it. Salts and salted
// passwords, which are as good as the passwords, stay in the request.
//
// Denied: 31 with a message (see needs) for each user, once and in order.
var alterUserScramRow = row[kmsg.AlterUserSCRAMCredentialsRequest, kmsg.AlterUserSCRAMCredentialsResponse](
	kmsg.AlterUserSCRAMCredentials, deriveAlterUserScram, nil, each, denies(denyAlterUserScram))

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

func denyAlterUserScram(x *Exchange, q *kmsg.AlterUserSCRAMCredentialsRequest) (*kmsg.AlterUserSCRAMCredentialsResponse, error) {
	var users names
	for i := range q.Deletions {
		users.add(q.Deletions[i].Name)
	}
	for i := range q.Upsertions {
		users.add(q.Upsertions[i].Name)
	}
	slices.SortFunc(users.list, javaCompare)
	r := kmsg.NewPtrAlterUserSCRAMCredentialsResponse()
	for _, name := range users.list {
		u := kmsg.NewAlterUserSCRAMCredentialsResponseResult()
		u.User, u.ErrorCode, u.ErrorMessage = name, errClusterAuthorization, x.needs(access.OpAlter)
		r.Results = append(r.Results, u)
	}
	return r, nil
}
