package config

import (
	"slices"
	"strings"
)

// Bounds of a segment: less has no room for the largest record, more takes too long to recover.
const (
	minSegment = 8 * MiB
	maxSegment = 1 * GiB
)

// checkRecords holds the journal's promises against each other. What a failure does has the default of its durability.
func (c *Config) checkRecords() {
	r := &c.Records
	c.checkWord("records.durability", r.Durability, DurabilityBounded, DurabilityStrict, DurabilityPermit)
	if r.OnFailure.Read != "" {
		c.checkWord("records.on_failure.read", r.OnFailure.Read, FailureRefuse, FailureAllow)
	}
	if r.OnFailure.Write != "" {
		c.checkWord("records.on_failure.write", r.OnFailure.Write, FailureRefuse, FailureAllow)
	}
	switch {
	case r.Durability == DurabilityPermit && r.OnFailure != (OnFailure{}):
		c.source.fail("records.on_failure", "says nothing with durability permit, which lets everything go on: leave it out, or use durability bounded")
	case r.Durability == DurabilityStrict && r.OnFailure.Read == FailureAllow:
		c.source.fail("records.on_failure.read", "cannot be allow with durability strict, which releases nothing that is not noted on disk: use refuse, or durability bounded")
	}
	if r.Durability == DurabilityPermit {
		r.OnFailure = OnFailure{FailureAllow, FailureAllow}
	}
	if r.OnFailure.Read == "" {
		r.OnFailure.Read = FailureRefuse
	}
	if r.OnFailure.Write == "" {
		r.OnFailure.Write = FailureAllow
	}
	if n := r.Segment.MaxBytes; n < minSegment || n > maxSegment {
		c.source.fail("records.segment.max_bytes", "%s must be %s to %s", n, minSegment, maxSegment)
	}
}

func (c *Config) checkWord(path, word string, known ...string) {
	if !slices.Contains(known, word) {
		c.source.fail(path, "%q must be one of %s", word, strings.Join(known, ", "))
	}
}
