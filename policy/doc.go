// Package policy decides: an identity and an action go in, a decision comes out. It embeds Open Policy Agent; what a
// policy is and what it is asked stands in docs/policy.md.
//
// It knows the vocabulary (package access) and OPA. It may not know connections, frames or the journal.
package policy
