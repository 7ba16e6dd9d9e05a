# The decision.
#
# Puts the other files' answers together. Each of them adds to `deny`, to `allow`, to `limits` or to `more`; one that is
# not needed can be deleted with its test, and nothing here has to change.
#
# A denial is stronger than any allowance, and what nobody allows is denied. Of several reasons the first in the
# alphabet is shown, so that the same question has the same answer.
package doorkeeper

decision := {"allow": false, "rule": rule, "reason": reason} if {
	[rule, reason] := sort([[d.rule, d.reason] | some d in deny])[0]
}

decision := {"allow": false, "rule": "nobody", "reason": reason} if {
	count(deny) == 0
	count(allow) == 0
	reason := sprintf("no rule lets %s %s %s", [principal, input.action.operation, input.action.resource.name])
}

decision := object.union({"allow": true, "rule": rule, "reason": reason, "limits": limits}, more) if {
	count(deny) == 0
	[rule, reason] := sort([[a.rule, a.reason] | some a in allow])[0]
}

# Who asks, as tables name them: "User:erp".
principal := concat(":", [input.principal.type, input.principal.name])

# What the other files add to, for the case that none of them does.
deny contains {"rule": "", "reason": ""} if false

allow contains {"rule": "", "reason": ""} if false

limits[key] := {} if {
	some key in []
}

more[key] := {} if {
	some key in []
}

granted if false
