// Package cluster holds what is known of a Kafka cluster: where its nodes are, which topic has which id, who owns which
// delegation token, and what the cluster calls itself. It is learned from answers that pass, and kept over restarts, so
// that a client with a cached address finds its port and an id its name before the first Metadata answer.
//
// Reading takes no lock: readers see immutable snapshots behind atomic pointers. An answer that says nothing new is
// compared with them and costs neither a lock nor an allocation, however many topics it lists. Everything is bounded;
// what came first falls out first.
//
// It may import protocol and access. It opens no connection and reads no clock but the timer that delays its writing.
package cluster
