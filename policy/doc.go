// Package policy decides: an identity and an action go in, a decision comes out. It embeds Open Policy Agent; what a
// policy is and what it is asked stands in docs/policy.md.
//
// It knows the vocabulary (package access) and OPA. It may not know connections, frames or the journal.
//
// The way of a question: Session.Decide looks into the session's own table (table.go); then the program's cache is asked
// under a key of what the rules read (fields.go, mask.go, cache.go); then the rules, in turn and with a deadline
// (decide.go, evaluate.go), with an input (input.go, kafka_input.go), and what they say is read strictly (output.go). The
// way of a policy: Rules are read (rules.go, data.go), compiled (compile.go, answers.go), laid over the data and the
// running grants (program.go), and swapped in as one snapshot (engine.go). Beside that: what principals have used of
// their limits (account.go and what follows it).
package policy
