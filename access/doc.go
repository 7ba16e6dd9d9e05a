// Package access is the vocabulary: sessions, identities, actions, decisions, spans and batches of data on their way,
// and the access record that is made of them.
//
// It has no behaviour beyond its own values, and may know no other package of doorkeeper.
package access
