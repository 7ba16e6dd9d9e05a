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
	if r.Durability == DurabilityStrict {
		c.source.fail("records.durability", "strict is not built yet: use bounded or permit")
	} else {
		c.checkWord("records.durability", r.Durability, DurabilityBounded, DurabilityPermit)
	}
	if r.OnFailure.Read != "" {
		c.checkWord("records.on_failure.read", r.OnFailure.Read, FailureRefuse, FailureAllow)
	}
	if r.OnFailure.Write != "" {
		c.checkWord("records.on_failure.write", r.OnFailure.Write, FailureRefuse, FailureAllow)
	}
	if r.Durability == DurabilityPermit && r.OnFailure != (OnFailure{}) {
		c.source.fail("records.on_failure", "says nothing with durability permit, which lets everything go on: leave it out, or use durability bounded")
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
