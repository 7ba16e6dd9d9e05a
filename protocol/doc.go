// Package protocol knows the bytes of the Kafka protocol and nothing else: frames, headers, the scanners that read
// Fetch, Produce and ShareFetch without holding or allocating, record batch headers, addresses and error codes.
//
// The scanners (FetchScanner, ShareFetchScanner, ProduceScanner) take a message in pieces of any size and tell of each
// element before it counts as read; the parsers (FetchRequest, ShareFetchRequest, ProduceResponse) take it whole and
// are used again and again. Neither allocates once it has run. kmsg is their oracle in tests, and the source of the
// tables that say which versions there are; nothing here decodes with it.
//
// It may not know sockets, clocks, logs or any other package of doorkeeper. Every length that it reads is hostile: it
// is checked against what is left in the frame before anything is done with it. Errors are of type *Error and name
// the field and the offset.
package protocol
