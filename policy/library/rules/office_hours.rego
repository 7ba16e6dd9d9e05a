# Office hours.
#
# People work at some hours, programs at all. A principal that settings.office_hours lists acts on its weekdays from
# `from` to `to` (full hours, `to` excluded), in its time_zone: the entry's, else the principal's in the catalog, else
# UTC. A break-glass grant lifts this.
#
# A decision that looks at the time holds for a minute, so the last one of a working day ends on the minute.
package doorkeeper

deny contains {"rule": "office_hours", "reason": reason} if {
	hours := data.settings.office_hours[principal]
	not working(hours)
	not granted
	reason := sprintf("%s works from %d to %d", [principal, hours.from, hours.to])
}

working(hours) if {
	now := [time.parse_rfc3339_ns(input.time.minute), zone(hours)]
	time.weekday(now) in hours.weekdays
	[hour, _, _] := time.clock(now)
	hour >= hours.from
	hour < hours.to
}

zone(hours) := hours.time_zone

zone(hours) := data.catalog.principals[principal].time_zone if not hours.time_zone

zone(hours) := "UTC" if {
	not hours.time_zone
	not data.catalog.principals[principal]
}
