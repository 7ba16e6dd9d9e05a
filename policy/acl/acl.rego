# The meaning of Kafka's ACLs, as StandardAuthorizer has it. The bindings are in data.json beside this file.
#
# It reads the document of the opa-kafka-plugin, because that one is asked what Kafka asks, no more and no less:
#
#     policy: {paths: [THIS FOLDER], input: opa-kafka, decision: data.kafka.authz.allow}
package kafka.authz

import rego.v1

default allow := false

principal := sprintf("%s:%s", [
	input.requestContext.principal.principalType,
	input.requestContext.principal.name,
])

host := trim_prefix(input.requestContext.clientAddress, "/")

resource := input.action.resourcePattern

operation := input.action.operation

# Super users may do everything, whatever else is written.
allow if principal in data.acls.super_users

# A denial beats every permission.
allow if {
	some e in about
	e.permission == "ALLOW"
	concerns(e)
	grants(e.operation)
	not denied
}

# What no ACL names at all is open only where the brokers say so (allow.everyone.if.no.acl.found).
allow if {
	data.acls.allow_everyone_if_no_acl_found
	count(about) == 0
}

denied if {
	some e in about
	e.permission == "DENY"
	concerns(e)
	e.operation in {operation, "ALL"}
}

# The entries of every pattern that matches the resource.
about contains e if some e in data.acls.literal[resource.resourceType][resource.name]

about contains e if some e in data.acls.literal[resource.resourceType]["*"]

about contains e if {
	some prefix, entries in data.acls.prefixed[resource.resourceType]
	startswith(resource.name, prefix)
	some e in entries
}

concerns(e) if {
	e.principal in {principal, "User:*"}
	e.host in {host, "*"}
}

grants(o) if o in {operation, "ALL"}

grants(o) if {
	operation == "DESCRIBE"
	o in {"READ", "WRITE", "DELETE", "ALTER"}
}

grants(o) if {
	operation == "DESCRIBE_CONFIGS"
	o == "ALTER_CONFIGS"
}
