// Package protocol knows the bytes of the Kafka protocol and nothing else: frames, headers, the scanners that read
// Fetch, Produce and ShareFetch without holding or allocating, record batch headers, addresses and error codes.
//
// It may not know sockets, clocks, logs or any other package of doorkeeper. Every length that it reads is hostile: it
// is checked against what is left in the frame before anything is done with it. Errors are of type *Error and name
// the field and the offset.
package protocol
