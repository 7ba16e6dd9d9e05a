package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// noteACL names what an ACL, or a filter for ACLs, is about: the resource, and the principal. Kafka asks its authorizer
// about the cluster alone. nil stands for any.
func (x *Exchange) noteACL(t kmsg.ACLResourceType, name, principal *string) {
	typ := access.ResourceType(t)
	if typ >= access.ResTopic && typ <= access.ResUser {
		x.Ask(access.OpNone, typ, orAll(name))
	}
	if principal != nil {
		x.Ask(access.OpNone, access.ResUser, *principal)
	}
}

func orAll(name *string) string {
	if name == nil {
		return access.AllResources
	}
	return *name
}
