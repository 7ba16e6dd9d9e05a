package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// aclActions name what an ACL, or a filter for ACLs, is about: the resource, and the principal. nil stands for any.
// Kafka asks its authorizer about the cluster alone.
func aclActions(t kmsg.ACLResourceType, name, principal *string) (list []access.Action) {
	if typ := access.ResourceType(t); typ >= access.ResTopic && typ <= access.ResUser {
		a := access.Action{Type: typ, Name: access.AllResources}
		if name != nil {
			a.Name = *name
		}
		list = append(list, a)
	}
	if principal != nil {
		list = append(list, access.Action{Type: access.ResUser, Name: *principal})
	}
	return list
}

// spread gives an ACL's or filter's own error to the actions from at on that name it, and returns where the next ones
// begin. The answer names nothing but is in the request's order, so observe could only put one's error on all.
func (x *Exchange) spread(at int, own []access.Action, code int16) (next int) {
	for range own {
		if at < len(x.Actions) {
			x.Actions[at].Error = code
		}
		at++
	}
	return at
}
