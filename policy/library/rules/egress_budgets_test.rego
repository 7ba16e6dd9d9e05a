package doorkeeper_test

import data.doorkeeper.decision

budgets(asked, egress) := list if {
	list := decision.limits.budgets with input as asked
		with data.settings as object.union(settings, {"egress": egress})
		with data.doorkeeper.allow as another
}

gib := {"bytes": 1073741824, "window": "1h"}

test_budget_of_a_principal if {
	budgets(ask, {"User:billing": [gib], "*": []}) == [gib]
}

test_budget_of_everyone_else if {
	budgets(ask, {"User:shop": [], "*": [gib]}) == [gib]
}

test_only_reading_topics_is_egress if {
	not budgets(topic("WRITE", "invoices"), {"*": [gib]})
	not budgets(action("READ", "GROUP", "billing"), {"*": [gib]})
}

test_no_budget if {
	not budgets(ask, {})
	not budgets(ask, {"User:shop": [gib]})
}
