package equivalence

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/policy/acl"
)

// A binding is one ACL.
type binding = acl.Binding

// The users, each with the password NAME-pw, and what each may do. Resources that begin with open- are those of which
// somebody may do something; open-denied is under a denial that stands above the rest.
var rights = map[string][]binding{
	"none": nil,
	"some": {
		allow("ALL", "TOPIC", "open-", "PREFIXED"), allow("ALL", "GROUP", "open-", "PREFIXED"),
		allow("ALL", "TRANSACTIONAL_ID", "open-", "PREFIXED"), deny("ALL", "TOPIC", "open-denied", "LITERAL"),
		deny("READ", "TOPIC", "open-unread", "LITERAL"), deny("DESCRIBE", "GROUP", "open-denied", "LITERAL"),
		allow("READ", "TOPIC", "shut-read", "LITERAL"),
	},
	"all": {
		allow("ALL", "TOPIC", "*", "LITERAL"), allow("ALL", "GROUP", "*", "LITERAL"),
		allow("ALL", "TRANSACTIONAL_ID", "*", "LITERAL"), allow("ALL", "CLUSTER", "kafka-cluster", "LITERAL"),
		allow("ALL", "DELEGATION_TOKEN", "*", "LITERAL"), allow("ALL", "USER", "*", "LITERAL"),
	},
	"describer": on(each("DESCRIBE", "TOPIC", "GROUP", "TRANSACTIONAL_ID"), "DESCRIBE"),
	"reader":    on(each("READ", "TOPIC", "GROUP")),
	"writer":    on(each("WRITE", "TOPIC", "TRANSACTIONAL_ID"), "IDEMPOTENT_WRITE"),
	"changer":   on(slices.Concat(each("CREATE", "TOPIC"), each("DELETE", "TOPIC", "GROUP"), each("ALTER", "TOPIC"))),
	"configurer": on(slices.Concat(each("ALTER_CONFIGS", "TOPIC", "GROUP"), each("DESCRIBE", "TOPIC"), each("CREATE", "TOPIC")),
		"ALTER_CONFIGS"),
	"operator": on(nil, "CREATE", "ALTER", "DESCRIBE", "CLUSTER_ACTION", "DESCRIBE_CONFIGS"),
}

func allow(operation, typ, name, pattern string) binding {
	return binding{Host: "*", Operation: operation, Permission: "ALLOW", Type: typ, Name: name, Pattern: pattern}
}

func deny(operation, typ, name, pattern string) binding {
	b := allow(operation, typ, name, pattern)
	b.Permission = "DENY"
	return b
}

// each allows an operation on whatever begins with open-.
func each(operation string, types ...string) (all []binding) {
	for _, t := range types {
		all = append(all, allow(operation, t, "open-", "PREFIXED"))
	}
	return all
}

// on adds operations on the cluster.
func on(all []binding, cluster ...string) []binding {
	for _, operation := range cluster {
		all = append(all, allow(operation, "CLUSTER", "kafka-cluster", "LITERAL"))
	}
	return all
}

// users are the principals' names, in a fixed order.
func users() []string { return slices.Sorted(maps.Keys(rights)) }

// passwords are for brokers.Options.
func passwords() map[string]string {
	all := map[string]string{}
	for _, user := range users() {
		all[user] = password(user)
	}
	return all
}

func password(user string) string { return user + "-pw" }

// bindings are all rights.
func bindings() (all []binding) {
	for _, user := range users() {
		for _, b := range rights[user] {
			b.Principal = "User:" + user
			all = append(all, b)
		}
	}
	return all
}

// grantACLs is the request that gives them on a broker.
func grantACLs() *kmsg.CreateACLsRequest {
	q := kmsg.NewPtrCreateACLsRequest()
	q.SetVersion(3)
	for _, b := range bindings() {
		c := kmsg.NewCreateACLsRequestCreation()
		c.Principal, c.Host, c.ResourceName = b.Principal, b.Host, b.Name
		c.Operation = must(kmsg.ParseACLOperation(b.Operation))
		c.PermissionType = must(kmsg.ParseACLPermissionType(b.Permission))
		c.ResourceType = must(kmsg.ParseACLResourceType(b.Type))
		c.ResourcePatternType = must(kmsg.ParseACLResourcePatternType(b.Pattern))
		q.Creations = append(q.Creations, c)
	}
	return q
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
