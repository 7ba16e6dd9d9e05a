# Egress budgets.
#
# How much a principal may read in a time. Nobody who reads what they need every day notices a budget of several times
# that; a copy of everything does. settings.egress lists budgets by principal; "*" is for all that are not listed.
# doorkeeper counts what it delivers. What goes over the budget is denied until the window ends.
package doorkeeper

limits["budgets"] := budgets_of(principal) if {
	input.action.resource.type == "TOPIC"
	input.action.operation == "READ"
}

budgets_of(who) := data.settings.egress[who]

budgets_of(who) := data.settings.egress["*"] if not data.settings.egress[who]
