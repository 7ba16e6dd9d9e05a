package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"doorkeeper/admin"
	"doorkeeper/config"
	"doorkeeper/telemetry"
)

type reloadCounts struct {
	done, refused             atomic.Int64
	policyDone, policyRefused atomic.Int64
}

func (r *reloadCounts) stats() telemetry.Reloads {
	return telemetry.Reloads{Done: r.done.Load(), Refused: r.refused.Load()}
}

// Reload reads everything again: certificates, tokens, the configuration, the policy. What stands in files of its own
// is in force even where the configuration is refused: a renewed certificate, or a tightened policy, shall not wait for
// a typing error to be found elsewhere.
//
// The configuration is all or nothing, its policy included. On an error nothing of it has changed, and the error says
// why.
func (a *App) Reload(_ context.Context, by admin.Actor) (admin.Change, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	a.refreshKeepers(by)
	a.refreshTokens(by)
	change, err := a.reloadConfig(by)
	if err != nil && !aboutPolicy(err) {
		err = errors.Join(err, a.refreshPolicy(by))
	}
	return change, err
}

// filesChanged is Reload for a change of the file system: what did not change says nothing.
func (a *App) filesChanged() {
	a.changing.Lock()
	defer a.changing.Unlock()
	a.refreshKeepers(watching)
	a.refreshTokens(watching)
	if fileDigest(a.Config().File()) != a.tried {
		// The error is in the log, the journal and the metrics by now; there is nobody here to tell.
		if _, err := a.reloadConfig(watching); err != nil {
			a.log.Debug("the changed configuration file was refused", "error", err)
		}
	}
	if err := a.refreshPolicy(watching); err != nil {
		a.log.Debug("the changed policy was refused", "error", err)
	}
	a.watcher.follow(a.files()) // a directory of policies may have new ones in it
}

// reloadConfig is called with changing held.
func (a *App) reloadConfig(by admin.Actor) (admin.Change, error) {
	old := a.Config()
	file, before := old.File(), old.Digest()
	a.tried = fileDigest(file)
	policyBefore := a.law.engine.Status()
	next, change, err := a.applyConfig(file)
	if err != nil {
		a.reloads.refused.Add(1)
		a.logRefused("the configuration is refused; the one before stays in force", file, err)
		a.recordReload(by, file, before, "", err)
		if aboutPolicy(err) {
			a.notePolicy(by, policyBefore, nil, err)
		}
		return admin.Change{}, err
	}
	if change != nil {
		a.notePolicy(by, policyBefore, change, nil)
	}
	after := next.Digest()
	a.reloads.done.Add(1)
	for _, w := range next.Warnings() {
		a.log.Warn(w.Error())
	}
	a.log.Info("the configuration is reloaded", "file", file, "by", by.Name, "method", by.Method, "changed", before != after)
	a.recordReload(by, file, before, after, nil)
	a.watcher.follow(a.files())
	return admin.Change{Before: before, After: after}, nil
}

// applyConfig does everything that can fail first, and leaves for the end what cannot.
func (a *App) applyConfig(file string) (*config.Config, *lawChange, error) {
	running := a.running.Load()
	next, err := config.Load(file)
	if err != nil {
		return nil, nil, err
	}
	if keys := config.Frozen(running.config, next); len(keys) > 0 {
		return nil, nil, fmt.Errorf("%s cannot change while the proxy runs: undo that, or restart", strings.Join(keys, ", "))
	}
	p, err := a.newPlan(next, running)
	if err != nil {
		return nil, nil, err
	}
	sinks, err := a.sinks.plan(next.Sinks, p.keepers)
	if err != nil {
		a.clusters.forget(p.opened)
		return nil, nil, err
	}
	change, err := a.law.prepare(next)
	if err == nil {
		err = a.law.refusal() // of the same policy, at an attempt before
	}
	if err == nil {
		err = a.proxy.Apply(p.specs)
	}
	if err != nil {
		change.forget()
		a.sinks.abandon(sinks)
		a.clusters.forget(p.opened)
		return nil, nil, err
	}
	change.make()
	a.sinks.commit(sinks)
	if next.Limits != running.config.Limits {
		a.proxy.SetLimits(limits(next.Limits, a.descriptors, a.log))
	}
	a.proxy.SetTimeouts(timeouts(next.Timeouts))
	a.running.Store(p)
	return next, change, nil
}

// logRefused writes a line per problem, each with its place in the file.
func (a *App) logRefused(message, file string, err error) {
	var problems config.Problems
	if !errors.As(err, &problems) {
		a.log.Error(message, "file", file, "error", err)
		return
	}
	for _, p := range problems {
		a.log.Error(message, "problem", p.Error())
	}
}

// refreshKeepers reads certificates, keys and CAs again.
func (a *App) refreshKeepers(by admin.Actor) {
	for _, k := range a.running.Load().keepers.sorted() {
		was := k.stale.Load()
		before, after, err := k.refresh()
		switch {
		case err != nil && !was:
			a.log.Error("changed certificate files do not load; the ones before stay in use", "file", k.purpose.String(), "error", err)
			a.recordReload(by, k.purpose.String(), before, "", err)
		case err == nil && before != after:
			a.logCertificate(k)
			a.recordReload(by, k.purpose.String(), before, after, nil)
		case err == nil && was:
			a.log.Info("certificate files load again, and are those in use", "file", k.purpose.String())
		}
	}
}

// logCertificate says which certificate is served from now on; a warning if nobody can trust it.
func (a *App) logCertificate(k *keeper) {
	file, expires := k.purpose.String(), k.current.Load().expires
	if !expires.IsZero() && time.Now().After(expires) {
		a.log.Warn("certificate files are reloaded, but the certificate has expired: renew it", "file", file, "expires", expires)
		return
	}
	a.log.Info("certificate files are reloaded", "file", file, "expires", expires)
}

// refreshTokens reads the tokens file again.
func (a *App) refreshTokens(by admin.Actor) {
	file := a.Config().Admin.TokensFile
	if file == "" {
		return
	}
	tokens, err := config.LoadTokens(file)
	if err != nil {
		a.log.Error("the tokens file is refused; the tokens before stay valid", "file", file, "error", err)
		a.recordReload(by, file, a.tokens, "", err)
		return
	}
	after := tokensDigest(tokens)
	if after == a.tokens {
		return
	}
	a.admin.SetTokens(adminTokens(tokens))
	a.log.Info("the tokens are reloaded", "file", file, "tokens", len(tokens))
	a.recordReload(by, file, a.tokens, after, nil)
	a.tokens = after
}

// tokensDigest covers who may do what with which token; tokens are themselves known by their digests only.
func tokensDigest(tokens []config.Token) string {
	h := sha256.New()
	for _, t := range tokens {
		fmt.Fprintf(h, "%q %s %x\n", t.Name, t.Role, t.Sum)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// fileDigest tells whether a file has changed; one that cannot be read has a digest too.
func fileDigest(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// files are all that a change of is to be noticed: each by itself, and directories with everything in them.
func (a *App) files() (files, trees []string) {
	c := a.Config()
	file, err := filepath.Abs(c.File())
	if err != nil {
		file = c.File()
	}
	files = []string{file}
	if c.Admin.TokensFile != "" {
		files = append(files, c.Admin.TokensFile)
	}
	for _, k := range a.running.Load().keepers.sorted() {
		files = append(files, k.purpose.files()...)
	}
	if c.Catalog != "" {
		files = append(files, c.Catalog)
	}
	trees = append(trees, c.Policy.Paths...)
	if c.Policy.Candidate != nil {
		trees = append(trees, c.Policy.Candidate.Paths...)
	}
	return files, trees
}
