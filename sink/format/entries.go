package format

import (
	"strconv"
	"strings"
)

// tableEntries are the table's rows as a form with nested objects has them: each in its place, or under prefix.
func tableEntries(prefix string, place func(row) string) []entry {
	list := make([]entry, 0, len(table)+4)
	for _, r := range table {
		at := every
		path, in, some := strings.Cut(place(r), "@")
		if path == "" {
			path = prefix + r.name
		}
		if some {
			only := classMask(in)
			list = append(list, entry{path: prefix + r.name, of: r.name, class: every &^ only, field: r.field})
			at = only
		}
		list = append(list, entry{path: path, of: r.name, class: at, field: r.field})
	}
	return list
}

// classMask reads the numbers of classes of a place in the table.
func classMask(numbers string) (m mask) {
	for _, number := range strings.Split(numbers, ",") {
		for _, c := range classes {
			if strconv.FormatInt(c.uid, 10) == number {
				m |= c.bit
			}
		}
	}
	return m
}
