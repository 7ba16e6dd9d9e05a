// Package admin is the admin API: health, metrics, sessions, records, configuration, reload and drain, as JSON over
// HTTP on a Unix socket and, where configured, on a TCP address.
//
// Who calls is known by the peer's uid (socket) or by a named token (both); a role says what that caller may do.
// /healthz, /readyz and /metrics are open to whoever reaches the listener. Every reading of records and every change
// is itself a control record with its actor, written before the answer.
//
// It knows the journal and the proxy's answers, but neither how a configuration is applied nor how a process ends:
// those are functions in Options that package app gives it.
package admin
