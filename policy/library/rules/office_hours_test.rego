package doorkeeper_test

import data.doorkeeper.decision

weekdays := ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]

office := {"from": 8, "to": 18, "weekdays": weekdays}

at(minute, hours) := rule if {
	rule := decision.rule with input as object.union(ask, {"time": {"minute": minute}})
		with data.settings as object.union(settings, {"office_hours": {"User:billing": hours}})
		with data.catalog as catalog
		with data.doorkeeper.allow as another
}

# The catalog says Europe/Berlin, which is an hour ahead in winter and two in summer.
test_in_the_catalogs_time_zone if {
	at("2026-11-23T07:00:00Z", office) == "another"
	at("2026-11-23T06:59:00Z", office) == "office_hours"
	at("2026-11-23T16:59:00Z", office) == "another"
	at("2026-11-23T17:00:00Z", office) == "office_hours"
	at("2026-07-20T06:00:00Z", office) == "another"
}

test_in_its_own_time_zone if {
	tokyo := object.union(office, {"time_zone": "Asia/Tokyo"})
	at("2026-11-22T23:00:00Z", tokyo) == "another"
	at("2026-11-23T09:00:00Z", tokyo) == "office_hours"
}

test_in_its_own_time_zone_without_a_catalog if {
	rule := decision.rule with input as object.union(ask, {"time": {"minute": "2026-11-22T23:00:00Z"}})
		with data.settings as object.union(settings, {"office_hours": {"User:billing": object.union(office, {"time_zone": "Asia/Tokyo"})}})
		with data.catalog as {"topics": {}, "principals": {}}
		with data.doorkeeper.allow as another
	rule == "another"
}

test_in_utc_without_a_time_zone if {
	every principals in [{}, {"User:billing": {"time_zone": ""}}] {
		rule := decision.rule with input as object.union(ask, {"time": {"minute": "2026-11-23T17:30:00Z"}})
			with data.settings as object.union(settings, {"office_hours": {"User:billing": office}})
			with data.catalog as {"topics": catalog.topics, "principals": principals}
			with data.doorkeeper.allow as another
		rule == "another"
	}
}

test_weekend if {
	at("2026-11-22T10:00:00Z", office) == "office_hours"
}

test_programs_work_at_night if {
	decision.allow == true with input as object.union(ask, {"time": {"minute": "2026-11-22T03:00:00Z"}})
		with data.settings as settings
		with data.doorkeeper.allow as another
}

test_a_grant_lifts_it if {
	decision.allow == true with input as object.union(ask, {"time": {"minute": "2026-11-22T03:00:00Z"}})
		with data.settings as object.union(settings, {"office_hours": {"User:billing": office}})
		with data.catalog as catalog
		with data.doorkeeper.allow as another
		with data.doorkeeper.granted as true
}
