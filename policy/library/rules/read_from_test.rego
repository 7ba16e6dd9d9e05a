package doorkeeper_test

import data.doorkeeper.decision

# The customers topic is tagged regulated.
history(asked, rule) := bound if {
	bound := decision.limits.read_from with input as object.union(asked, {"principal": {"name": "audit"}})
		with data.settings as object.union(settings, {"read_from": rule})
		with data.catalog as catalog
		with data.doorkeeper.allow as another
}

test_regulated_topics_have_no_history if {
	history(topic("READ", "customers"), {"max_age": "24h", "except": []}) == {"max_age": "24h"}
	history(topic("READ", "customers"), {"max_behind": 1000, "max_age": "1h"}) == {"max_behind": 1000, "max_age": "1h"}
}

test_no_exceptions_are_no_hole if {
	history(topic("READ", "customers"), {"max_age": "24h"}) == {"max_age": "24h"}
}

test_other_topics_have if {
	not history(topic("READ", "orders"), {"max_age": "24h", "except": []})
}

test_only_reading_topics_has_a_history if {
	not history(topic("DESCRIBE", "customers"), {"max_age": "24h", "except": []})
	not history(action("READ", "GROUP", "customers"), {"max_age": "24h", "except": []})
}

test_exceptions if {
	not history(topic("READ", "customers"), {"max_age": "24h", "except": ["User:audit"]})
}

test_a_grant_lifts_the_bound if {
	not decision.limits.read_from with input as topic("READ", "customers")
		with data.settings as settings
		with data.catalog as catalog
		with data.doorkeeper.allow as another
		with data.doorkeeper.granted as true
}
