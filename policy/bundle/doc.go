// Package bundle brings OPA bundles over HTTP, verifies them, and keeps the last good one for a start without the server.
//
// It knows HTTP, OPA's bundle format and signatures. It does not know what a policy means: whoever gets a bundle says
// whether it is in force.
package bundle
