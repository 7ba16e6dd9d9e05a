// Package evidence makes a journal's files provable, and proves them.
//
// A Log follows the segments that the journal writes. The RFC 6962 tree hash over a sealed segment's payloads is its
// root; the root, with the segment's place, is a leaf (leaf.go) of a log of leaves, which is kept as C2SP tlog-tiles
// (tiles.go). Every few seconds the log's size and root, and how far the segments had come that are still open, are
// signed as a C2SP checkpoint (checkpoint.go) with a key made at the first start (keys.go). Checkpoints leave the host
// with the records, and go to C2SP witnesses (witness.go) where there are any.
//
// Verify reads a directory, running or copied, holds everything in it against its checkpoints, and says what that
// proves. It needs none of the journal's code: what a segment looks like is written down here a second time
// (segment.go), so that a mistake of the writer's is not the reader's too.
//
// The package knows files and bytes. It knows no sockets but its witnesses', no configuration, no log.
package evidence
