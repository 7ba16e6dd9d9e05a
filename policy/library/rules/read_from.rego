# No history of regulated topics.
#
# An application that is up to date reads what has just been written. Who reads a topic from its beginning copies its
# history. Of topics that the catalog tags `regulated`, reads reach back no further than settings.read_from.max_age
# (and, if given, max_behind messages), except for the principals in settings.read_from.except.
package doorkeeper

limits["read_from"] := object.remove(data.settings.read_from, ["except"]) if {
	input.action.resource.type == "TOPIC"
	input.action.operation == "READ"
	"regulated" in data.catalog.topics[input.action.resource.name].tags
	not excepted
	not granted
}

excepted if principal in data.settings.read_from.except
