// Package sink carries records from the journal to where people look for them.
//
// A sink is a reader of the journal in a goroutine of its own: it can be slow, full or down without holding up anyone.
// Within a process it delivers each record at least once, in order; where it was so slow that the journal dropped
// records, the journal's gap record stands in their place.
//
// It knows records and the journal, no connections and no policy.
package sink
