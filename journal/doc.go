// Package journal makes access records of what passes through a connection, numbers them and hands them to readers.
//
// A connection's response pump tells its Log what it is about to release (Intend), what it has released (Released)
// and what was asked and answered (Fetched, Wrote, Call, Event). The Log folds batches into flows and calls into
// summaries; the Journal gives each finished record its place (seq, id) and keeps it for those who Follow.
//
// This journal lives in memory: a bounded ring. A reader that is left behind is told so by a gap record, and
// Durability says "memory", which belongs into the START record.
//
// It knows the vocabulary (access) alone: no sockets, no protocol, no policy. Time is an input: Options.Now and Tick.
package journal
