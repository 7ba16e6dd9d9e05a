package app

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"strconv"

	"doorkeeper/access"
	"doorkeeper/admin"
	"doorkeeper/journal"
)

// Operations of control records that this package writes.
const (
	opStart  = "START"
	opStop   = "STOP"
	opReload = "RELOAD"
	opPolicy = "POLICY"

	opQuarantine = "QUARANTINE"
	opGrant      = "GRANT"
)

// digests say which program was started with which configuration.
type digests struct{ config, binary string }

// hashBinary begins to hash the running program, which takes as long as the rest of a start, and returns what waits for
// the digest.
func hashBinary() (digest func() string) {
	done := make(chan string, 1) // so that the goroutine ends where nobody waits
	go func() { done <- binaryDigest() }()
	return func() string { return <-done }
}

// binaryDigest is the SHA-256 of the running program, "" where it cannot be read.
func binaryDigest() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// process is the actor of what the proxy does by itself.
func process() admin.Actor {
	return admin.Actor{Name: "uid:" + strconv.Itoa(os.Geteuid()), Role: admin.Operator, Source: "process " + strconv.Itoa(os.Getpid()), Method: "process"}
}

// Signal is the actor of a signal: the kernel does not say who sent it.
func Signal(name string) admin.Actor {
	return admin.Actor{Name: name, Role: admin.Operator, Source: "process " + strconv.Itoa(os.Getpid()), Method: "signal"}
}

// watching is the actor of a changed file.
var watching = admin.Actor{Name: "watch", Role: admin.Operator, Source: "file system", Method: "watch"}

// recordStart is the process's first record. It says what the journal survives.
func (a *App) recordStart() {
	a.journal.Append(&access.Record{
		Kind: journal.KindControl, Operation: opStart, Actor: process().Record(), Target: a.opt.Version,
		After:   a.digests.config,
		Digests: &access.Record_Digests{Config: a.digests.config, Policy: a.law.engine.Status().Revision, Binary: a.digests.binary},
		Reason:  "journal: " + a.journal.Durability() + "; " + a.law.describe(),
	})
}

// recordStop is the process's last record.
func (a *App) recordStop(by admin.Actor, reason string) {
	last := a.digests.config
	if p := a.running.Load(); p != nil {
		last = p.config.Digest()
	}
	a.journal.Append(&access.Record{
		Kind: journal.KindControl, Operation: opStop, Actor: by.Record(), Target: a.opt.Version,
		Before: last, Counts: a.journal.Stats().Kinds, Reason: reason,
	})
}

// recordReload records a change of one file: before and after are digests. A refused one has its reason, and no after.
func (a *App) recordReload(by admin.Actor, target, before, after string, refused error) {
	r := &access.Record{
		Kind: journal.KindControl, Operation: opReload, Actor: by.Record(), Target: target, Before: before, After: after,
	}
	if refused != nil {
		r.Outcome, r.Reason = journal.OutcomeFailed, refused.Error()
	}
	a.journal.Append(r)
}
