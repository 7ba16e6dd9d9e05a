# Break-glass.
#
# `doorkeeper grant add` gives a principal an operation on a resource for some hours, with a reason and the name of
# whoever gave it: data.grants. A grant allows what no other rule does, and lifts office hours and the bound on history.
# It lifts neither networks nor the rule on internal topics: that is for who may change the settings. The decision ends
# with the grant, and every access under it is recorded by itself.
package doorkeeper

allow contains {"rule": "break_glass", "reason": reason} if {
	some grant in grants
	reason := sprintf("granted by %s: %s", [grant.actor, grant.reason])
}

more["record"] := "each" if granted

more["not_after"] := min([grant.until | some grant in grants]) if granted

granted if count(grants) > 0

grants contains grant if {
	some grant in data.grants[principal]
	grant.resource.type == input.action.resource.type
	grant.resource.name == input.action.resource.name
	covers(grant.operation)
}

covers(operation) if operation == input.action.operation

# Who may do something with a resource may see that it is there.
covers(operation) if {
	operation in {"READ", "WRITE", "DELETE", "ALTER"}
	input.action.operation == "DESCRIBE"
}
