// Package proxy is the house that connections go through: listeners, routing, and the two pumps of a connection.
//
// The request pump reads frames of the client, derives their actions, asks the decider, and hands them to the broker;
// the response pump reads the broker's answers, accounts them, rewrites what names a broker, and hands them to the
// client. Between them lies a bounded queue of what is in flight, in the broker's order.
//
// Two goroutines a connection: conn.serve (the request pump, started by the accept loop, ends last) and conn.respond
// (started after the dial, ends when either socket does). One sweeper a proxy enforces the timeouts.
package proxy
