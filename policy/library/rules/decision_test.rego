package doorkeeper_test

import data.doorkeeper.decision

test_nothing_is_allowed_as_it_comes if {
	decision.allow == false with input as ask with data.settings as {} with data.catalog as catalog
	decision.rule == "nobody" with input as ask with data.settings as {} with data.catalog as catalog
}

test_nothing_is_allowed_without_any_data if {
	decision.allow == false with input as ask with data.settings as null with data.catalog as null
}

test_what_is_allowed if {
	decision == {"allow": true, "rule": "another", "reason": "a test", "limits": {}} with input as topic("READ", "free")
		with data.settings as {}
		with data.doorkeeper.allow as another
}

test_a_denial_is_stronger_than_an_allowance if {
	decision == {"allow": false, "rule": "b", "reason": "because"} with input as ask
		with data.doorkeeper.deny as {{"rule": "b", "reason": "because"}}
		with data.doorkeeper.allow as another
}

test_the_first_of_several_reasons if {
	decision.rule == "a" with input as ask
		with data.doorkeeper.deny as {{"rule": "b", "reason": "1"}, {"rule": "a", "reason": "3"}, {"rule": "a", "reason": "2"}}
	decision.reason == "2" with input as ask
		with data.doorkeeper.deny as {{"rule": "b", "reason": "1"}, {"rule": "a", "reason": "3"}, {"rule": "a", "reason": "2"}}
}
