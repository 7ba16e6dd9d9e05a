// Package store keeps a journal's records on disk: two streams of append-only segments, numbered as one.
//
// A record is in the journal from the moment Append returns, also when the process is killed right after: Append copies
// it into a preallocated, memory-mapped file, without a system call. What a power cut may take is what came after the
// last sync, one every SyncInterval. Files are made, synced, sealed and renamed by two goroutines; Append only moves from
// one segment to the next. Because space is allocated ahead, a full disk is known one segment early, as an error of
// Writable, and what is left of the last segment holds what was in flight.
//
// On disk (all integers little endian):
//
//	<Dir>/access/<first seq, 20 digits>.open    written now: header, frames, zeros
//	<Dir>/access/<first seq, 20 digits>.seg     sealed: header, frames, footer
//	<Dir>/access/<first seq, 20 digits>.fenced  kept as a crash or an accident left it; what is missing in it has a gap record
//	<Dir>/access/<n>.spare                      allocated ahead; one with a header is an .open that was not renamed yet
//	<Dir>/control/…                             the same for what only retention may remove
//
// The format of header, frame and footer is in format.go. The store knows bytes and seqs, not what a record means; it
// knows nothing of flows, sinks and clocks. Reading never trusts a file: what does not check is skipped and counted as
// missing.
package store
