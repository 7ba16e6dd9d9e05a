// Package app puts doorkeeper together: it alone knows every part.
//
// Run is a proxy's life. open.go starts the parts in the order in which they need one another, shutdown.go ends them in
// the other: listeners first, so that nothing new comes in; then connections, at the end of what is in flight; then
// the sinks, which write what the journal still has; the journal's last record is STOP. Between the two, reload.go
// applies a changed configuration: all of it, or nothing. certs.go and watch.go replace certificates when their files
// change, whatever state the configuration file is in at that moment.
package app
