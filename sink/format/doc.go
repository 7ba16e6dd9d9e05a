// Package format writes access records in the forms that other systems read: the record's own JSON form, OCSF 1.8,
// ECS 9 and CEF; and it names the attributes of a record for OpenTelemetry.
//
// One table (table.go) says where each field of a record goes in each form; what a form wants beside that (a class, a
// category, an address without its port) stands in a second list beside the form. No field is lost: what has no
// place of its own in a form stands under kafka., dk or doorkeeper. with its own name. docs/formats.md is made of the
// table, and so are the OCSF extension and the index template under deploy/siem.
//
// Anything may stand in a string of a record. No encoder lets it end a line, a field or a value.
//
// The package knows records and nothing else: no journal, no sink, no clock.
package format

//go:generate go run doorkeeper/cmd/doorkeeper docs formats ../../docs/formats.md
