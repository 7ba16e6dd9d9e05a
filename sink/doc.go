// Package sink carries records from the journal to where people look for them.
//
// A Sink is a reader of the journal with a cursor of its own on disk: it can be slow, full or down without holding up
// anyone, and goes on where it was after a restart. Each record is delivered at least once, under the same id each time;
// where the journal does not have a record any more, its gap record stands there instead.
//
// What all types have in common is here: reading, filtering and batching (run.go), delivery with its retries, splits
// and dead letters (deliver.go), the cursor (cursor.go). A type of sink is a Sender, in a file of its own: it makes
// bytes of a record, and takes a batch of them to the far side.
//
// It knows records and the journal, no connections and no policy.
package sink
