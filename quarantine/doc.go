// Package quarantine is the kill switch: conditions under which nobody may have a session, above every policy and mode.
//
// It knows the vocabulary (package access). It may not know OPA, connections or the journal: it must work when they do not.
package quarantine
