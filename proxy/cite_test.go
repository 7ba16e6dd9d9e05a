package proxy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"testing"

	"doorkeeper/access"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// citation is a message that is nothing but a reference, as a compact string with its length.
var citation = regexp.MustCompile(`\x2adoorkeeper why ([0-9A-Z]{26})`)

// cited wants this frame at the client next, if references are taken for null. The rig wants their records when it settles.
func (l *line) cited(want []byte) {
	l.t.Helper()
	got := bytes.Clone(l.frame())
	refs := citation.FindAllSubmatch(got, -1)
	if len(refs) == 0 {
		l.t.Errorf("no record is named in % x", head(got))
	}
	for _, r := range refs {
		l.cites = append(l.cites, string(r[1]))
	}
	got = citation.ReplaceAll(got, []byte{0})
	binary.BigEndian.PutUint32(got, uint32(len(got)-4))
	if i := firstDifference(got, want); i >= 0 {
		l.t.Fatalf("client got other bytes from byte %d of %d on: % x, want % x", i, len(want), head(got[min(i, len(got)):]), head(want[min(i, len(want)):]))
	}
}

// found fails where something was referred to that is no record of a denial.
func (r *rig) found() {
	r.t.Helper()
	for _, ref := range r.cites {
		if !r.some(func(rec *access.Record) bool { return rec.Id == ref && rec.Decision != "allow" && rec.Decision != "" }) {
			r.t.Errorf("%s was named, and is no record of a denial", ref)
		}
	}
}

// Each denial names a record, the repeats too, of one session and of another.
func TestDenialsNameRecords(t *testing.T) {
	l := newLine(t, relay.ModeAuto, newLaw("payroll", "g").under)
	beat := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	beat.Group = "g"
	denied := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	denied.ErrorCode = 30
	for range 2 {
		for i := range 3 { // the same again would wait
			beat.MemberID = fmt.Sprint("m", i)
			q := framed(beat, 1)
			l.ask(q)
			l.cited(to(q, answered(denied, 1, true)))
		}
		l.client.Close()
		l.client = l.dial()
	}
	l.client.Close()
	l.settle()
	if len(l.cites) != 6 {
		t.Errorf("%v", l.cites)
	}
}
