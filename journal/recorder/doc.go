// Package recorder is the flight recorder: what every open flow has released and is about to release, in a file that is
// mapped into memory, so that it outlives the process without a system call.
//
// What it holds are slots of fixed sizes. One with a template describes a session, a flow or a sum in bytes that its
// owner understands; its figures stand beside it in two copies, of which a note writes the older, so that one that was
// torn leaves the one before it. What happens batch by batch is noted on a tape, one a session, in blocks of batches:
// before a batch is released it stands there as a whole, and while it is released it is marked in place. Now and then
// the owner notes a flow's sums (Slot.Note), and the blocks before are free again. So a batch costs a copy of 64 bytes
// with a checksum and three words, whatever its flow has come to.
//
// What holds:
//
//   - A batch is on its tape before a byte of it is released. One that is marked as released was handed to a socket; one
//     that is not may have been.
//   - A note that is not whole does not count (CRC-32C), nor does a batch whose flow is not there (generation). A
//     generation names one use of a slot and comes once in a file's life.
//   - A slot says which record of the journal took up what it holds (Recorded), before that record is written. Recovery
//     asks the journal whether it is there.
//   - A place that is given back is used again only after the next Cycle, when the record of what it held is on disk; at
//     once if it was taken since the last sync began, for then nobody was promised that it is on disk.
//   - The file has its blocks from the file system (fallocate) before they are mapped: a full disk is an error of Open, or
//     of Take and Tape.Note, never a fault in a store.
//
// A Slot and a Tape belong to one goroutine at a time. Integers are in the byte order of the machine: the file is read
// where it was written.
//
// It knows nothing: not what a template or a figure means, not the journal that it names records of.
package recorder
