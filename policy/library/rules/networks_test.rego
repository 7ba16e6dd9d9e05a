package doorkeeper_test

import data.doorkeeper.decision

from(address, networks) := rule if {
	rule := decision.rule with input as object.union(ask, {"client": {"address": address}})
		with data.settings as object.union(settings, {"networks": networks})
		with data.catalog as catalog
		with data.doorkeeper.allow as another
}

test_inside if {
	from("10.1.2.3", {"User:billing": ["192.168.0.0/16", "10.1.2.0/24"]}) == "another"
	from("fd00::7", {"User:billing": ["fd00::/8"]}) == "another"
}

test_outside if {
	from("10.1.3.3", {"User:billing": ["10.1.2.0/24"]}) == "networks"
	from("10.1.2.3", {"User:billing": []}) == "networks"
	from("::1", {"User:billing": ["10.0.0.0/8"]}) == "networks"
}

test_everyone_else if {
	from("10.1.2.3", {"*": ["10.0.0.0/8"]}) == "another"
	from("11.1.2.3", {"*": ["10.0.0.0/8"]}) == "networks"
}

# Who is named has its own networks, and not those of everyone else beside them.
test_named_is_not_everyone if {
	from("10.1.2.3", {"*": ["10.0.0.0/8"], "User:billing": ["192.168.0.0/16"]}) == "networks"
}

test_not_listed if {
	from("11.1.2.3", {}) == "another"
	from("11.1.2.3", {"User:shop": []}) == "another"
}

test_a_grant_does_not_lift_it if {
	decision.rule == "networks" with input as ask
		with data.settings as object.union(settings, {"networks": {"*": ["192.168.0.0/16"]}})
		with data.catalog as catalog
		with data.doorkeeper.granted as true
}
