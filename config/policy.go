package config

import (
	"fmt"
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

// checkNoPolicy: rules that are missing shall not look like rules that allow. Grants and quarantine need none.
func (c *Config) checkNoPolicy() {
	for _, key := range []string{"mode", "paths", "decision", "input", "deadline", "candidate"} {
		if c.source.set("policy." + key) {
			c.source.fail("policy."+key, "says nothing without rules: give their files and directories in policy.paths, or leave it out, and everything is allowed")
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
