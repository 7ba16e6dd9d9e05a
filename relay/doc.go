// Package relay moves bytes from one socket to another past a Scanner that must know of them before they leave.
//
// There are two movers. User reads into a pooled buffer, lets the Scanner see every byte, and writes with one call.
// Kernel never takes the payload into the process: it peeks at what the Scanner asks to see, as far ahead as the
// receive queue reaches, and then splices the whole run. Both keep the same promises:
//
//   - no byte is handed to the destination before Scan or Skip let it pass;
//   - Release is told, exactly, what was handed over, after each hand-over;
//   - a deadline on a socket interrupts the mover and loses nothing: call it again.
//
// Around them: Reader and Writer, the two ends of user mode, which an owner may also drive itself to see frames
// whole; Records, which lets TLS read and write in large system calls; Pool and Pipes, the bounded stores they draw
// on; and Gauge, which says which mover suits a connection.
//
// The package knows sockets and nothing of Kafka. It may import nothing else of doorkeeper.
package relay
