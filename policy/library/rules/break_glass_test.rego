package doorkeeper_test

import data.doorkeeper.decision

granted(asked, operation) := answer if {
	answer := decision with input as asked
		with data.settings as settings
		with data.catalog as catalog
		with data.grants as {"User:billing": [grant(operation, "customers")]}
}

test_a_grant_allows_and_ends if {
	answer := granted(topic("READ", "customers"), "READ")
	answer.allow == true
	answer.rule == "break_glass"
	answer.reason == "granted by bob: incident 4711"
	answer.record == "each"
	answer.not_after == "2026-11-23T12:00:00Z"
}

test_who_may_read_may_see if {
	granted(topic("DESCRIBE", "customers"), "READ").allow == true
	granted(topic("DESCRIBE", "customers"), "DESCRIBE_CONFIGS").allow == false
}

test_nothing_else if {
	granted(topic("WRITE", "customers"), "READ").allow == false
	granted(topic("READ", "payroll"), "READ").allow == false
	granted(action("READ", "GROUP", "customers"), "READ").allow == false
	granted(object.union(topic("READ", "customers"), {"principal": {"name": "shop"}}), "READ").allow == false
}
