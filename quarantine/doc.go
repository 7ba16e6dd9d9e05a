// Package quarantine is the kill switch: conditions under which nobody may have a session, or may do some things, above
// every policy and mode.
//
// A Quarantine is one decree; a Set is all that are in force, immutable and quick to ask; a Store holds the Set of the
// moment and its file. Whoever serves connections asks the Set, and ends what a new Quarantine concerns.
//
// It knows the vocabulary (package access). It may not know OPA, connections or the journal: it must work when they do not.
package quarantine
