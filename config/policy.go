package config

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
)

// maxDeadline bounds how long one decision may hold a client's request.
const maxDeadline = time.Second

// decisionSyntax is the path of a rule: names joined by dots. What else Rego could name would not be found by a reader.
var decisionSyntax = regexp.MustCompile(`^data(\.[A-Za-z_][A-Za-z0-9_]*)+$`)

// checkPolicy holds the policy's keys against each other. Whether its rules hold is for the engine to judge.
func (c *Config) checkPolicy() {
	p := &c.Policy
	if !p.Configured() {
		c.checkNoPolicy()
	}
	switch p.Mode {
	case ModeEnforce, ModeMonitor:
	default:
		c.source.fail("policy.mode", "%q must be enforce or monitor", p.Mode)
	}
	switch p.Input {
	case InputDoorkeeper, InputOPAKafka:
	default:
		c.source.fail("policy.input", "%q must be doorkeeper or opa-kafka", p.Input)
	}
	if !decisionSyntax.MatchString(p.Decision) {
		c.source.fail("policy.decision", "%q must be the path of a rule, as in %s", p.Decision, decisionDoorkeeper)
	}
	if p.Deadline <= 0 || p.Deadline > maxDeadline {
		c.source.fail("policy.deadline", "must be longer than 0 and at most %s: a request waits for it", durationText(maxDeadline))
	}
	if p.MaxGrant <= 0 {
		c.source.fail("policy.max_grant", "must be longer than 0")
	}
	for i, name := range p.Protected {
		if typ, rest, ok := strings.Cut(name, ":"); !ok || typ == "" || rest == "" {
			c.source.fail(fmt.Sprintf("policy.protected[%d]", i), "%q must be a principal with its type, as in User:payments", name)
		}
	}
	c.checkExist("policy.paths", p.Paths)
	if p.Bundle != nil {
		c.checkBundle(p.Bundle)
	}
	if p.Candidate != nil {
		if len(p.Candidate.Paths) == 0 {
			c.source.fail("policy.candidate.paths", "is required: the files and directories of the policy to try out")
		}
		c.checkExist("policy.candidate.paths", p.Candidate.Paths)
	}
	if c.Catalog != "" {
		_, err := LoadCatalog(c.Catalog)
		c.adopt("catalog_file", err)
	}
}

// checkBundle: what makes a policy must be signed, or be asked for unsigned by name.
func (c *Config) checkBundle(b *Bundle) {
	if len(c.Policy.Paths) > 0 {
		c.source.fail("policy.bundle", "cannot stand beside policy.paths: one of them makes the policy")
	}
	u, err := url.Parse(b.URL)
	switch {
	case b.URL == "":
		c.source.fail("policy.bundle.url", "is required: where the bundle is fetched from")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		c.source.fail("policy.bundle.url", "must be an http or https address")
	case u.User != nil:
		c.source.fail("policy.bundle.url", "holds a user or password: give a token in policy.bundle.token_file")
	case u.Scheme == "http" && b.TokenFile != "":
		c.source.warn("policy.bundle.url", "is http: the token of token_file can be read on the way")
	}
	switch {
	case b.PublicKeyFile != "" && b.InsecureUnsigned:
		c.source.fail("policy.bundle.insecure_unsigned", "cannot stand beside public_key_file")
	case b.PublicKeyFile == "" && !b.InsecureUnsigned:
		c.source.fail("policy.bundle", "needs public_key_file: the key that signs the bundle (or, where nobody can answer for the server, insecure_unsigned: true)")
	case b.InsecureUnsigned:
		c.source.warn("policy.bundle.insecure_unsigned", "whoever can answer for the server makes the policy")
	}
	for key, file := range map[string]string{"public_key_file": b.PublicKeyFile, "token_file": b.TokenFile} {
		if file == "" {
			continue
		}
		if _, err := os.Stat(file); err != nil {
			c.source.fail("policy.bundle."+key, "%v", err)
		}
	}
	if b.Poll < time.Second {
		c.source.fail("policy.bundle.poll", "must be at least 1s")
	}
	if b.MaxAge < 0 {
		c.source.fail("policy.bundle.max_age", "must not be negative; 0 is any age")
	}
}

// checkNoPolicy: rules that are missing shall not look like rules that allow. Grants and quarantine need none.
func (c *Config) checkNoPolicy() {
	for _, key := range []string{"mode", "paths", "decision", "input", "deadline", "candidate"} {
		if c.source.set("policy." + key) {
			c.source.fail("policy."+key, "says nothing without rules: give their files and directories in policy.paths, or a policy.bundle, or leave it out, and everything is allowed")
			return
		}
	}
}

func (c *Config) checkExist(path string, files []string) {
	for i, file := range files {
		if _, err := os.Stat(file); err != nil {
			c.source.fail(fmt.Sprintf("%s[%d]", path, i), "%v", err)
		}
	}
}
