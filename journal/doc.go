// Package journal makes access records of what passes through a connection, numbers them and hands them to readers.
//
// A connection's response pump tells its Log what it is about to release (Intend), what it has released (Released)
// and what was asked and answered (Fetched, Wrote, Call, Event). The Log folds batches into flows and calls into
// summaries; the Journal gives each finished record its place (seq, id) and keeps it for those who Follow.
//
// Open keeps it on disk (journal/store), where a record survives the process from the moment Append returns: readers that
// are near get it from a ring in memory, those that are far from its segments, and what could not be written or is gone
// stands there as a gap record. New keeps the ring alone, for tests.
//
// It knows the vocabulary (access) and the store: no sockets, no protocol, no policy. Time is an input: Options.Now and Tick.
package journal
