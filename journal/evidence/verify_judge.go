package evidence

import (
	"cmp"
	"fmt"
	"slices"
)

// leavesWithout looks at the leaves whose segment is not there. It has expired if the journal says so itself, in a record
// of kind gap; such a record expires in its turn, and then control's own newer segments say so for it.
func (v *journalVerifier) leavesWithout() {
	var goneControl *Leaf // the newest control segment that has expired
	for i := len(v.log.leaves) - 1; i >= 0; i-- {
		leaf := &v.log.leaves[i]
		if leaf.Stream == streams[1] && v.file(leaf.Stream, leaf.First) == nil && v.expired(leaf, goneControl) && goneControl == nil {
			goneControl = leaf
		}
	}
	for i := range v.log.leaves {
		leaf := &v.log.leaves[i]
		if leaf.Stream == "" || v.file(leaf.Stream, leaf.First) != nil {
			continue
		}
		if v.expired(leaf, goneControl) {
			v.report.Expired++
			v.gone(leaf)
			continue
		}
		v.report.Findings = append(v.report.Findings, Finding{
			What: Missing, Stream: leaf.Stream, Segment: segmentName(leaf.First) + sealedEnd, Seq: leaf.First, ToSeq: leaf.Last,
			Detail: fmt.Sprintf("the segment with its %d records is not there, and no record says that it expired", leaf.Count),
		})
		v.explain(leaf.First, leaf.Last) // said already
	}
}

func (v *journalVerifier) expired(leaf, goneControl *Leaf) bool {
	if goneControl != nil && leaf.Last < goneControl.Last {
		return true
	}
	for _, g := range v.report.Gaps {
		if g.FromSeq <= leaf.First && leaf.Last <= g.ToSeq {
			return true
		}
	}
	return false
}

// gone sums up what expired of a stream.
func (v *journalVerifier) gone(leaf *Leaf) {
	v.explain(leaf.First, leaf.Last)
	i := slices.IndexFunc(v.report.Gone, func(g Gone) bool { return g.Stream == leaf.Stream })
	if i < 0 {
		v.report.Gone = append(v.report.Gone, Gone{Stream: leaf.Stream, FromSeq: leaf.First, From: leaf.From})
		i = len(v.report.Gone) - 1
	}
	g := &v.report.Gone[i]
	g.Segments++
	g.Records += leaf.Count
	g.ToSeq, g.To = leaf.Last, leaf.To
}

// explain: why these seqs are in no file is known.
func (v *journalVerifier) explain(from, to int64) {
	if from <= to {
		v.explained = append(v.explained, run{from, to})
	}
}

// findHoles works out which seqs up to the head are in no file, and notices those that are in two.
func (v *journalVerifier) findHoles() {
	var all []run
	for i, f := range v.files {
		s := v.scans[f]
		all = append(all, s.runs...)
		if s.rest = min(v.before(i), v.head); f.end == fencedEnd || f.leaf != nil && f.leaf.Fenced != "" {
			v.explain(s.last+1, s.rest) // what is behind the damage is not known
		} else if f.leaf != nil {
			s.rest = f.leaf.Last
		}
	}
	v.findTwice(all)
	for _, g := range v.report.Gaps {
		v.explain(g.FromSeq, g.ToSeq)
	}
	all = append(all, v.explained...)
	slices.SortFunc(all, func(a, b run) int { return cmp.Compare(a.from, b.from) })
	next := int64(1)
	if v.head < next {
		return // no checkpoint claims any
	}
	for _, r := range append(all, run{v.head + 1, v.head + 1}) {
		if r.from > next {
			v.holes = append(v.holes, run{next, min(r.from-1, v.head)})
		}
		if next = max(next, r.to+1); next > v.head {
			return
		}
	}
}

// before is the seq in front of the next segment of a file's stream.
func (v *journalVerifier) before(i int) int64 {
	if i+1 < len(v.files) && v.files[i+1].stream == v.files[i].stream {
		return v.files[i+1].first - 1
	}
	return v.head
}

// findTwice: within a file it was noticed already.
func (v *journalVerifier) findTwice(all []run) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b run) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(all); i++ {
		if all[i].from <= all[i-1].to {
			f := Finding{What: Duplicated, Seq: all[i].from, ToSeq: min(all[i].to, all[i-1].to), Detail: "this seq is in two segments"}
			if len(v.report.Findings) < enough {
				v.report.Findings = append(v.report.Findings, f)
			}
			all[i].to = max(all[i].to, all[i-1].to)
		}
	}
}

// judge holds a segment against its leaf.
func (v *journalVerifier) judge(f *file, s *scanned) {
	leaf := f.leaf
	v.numberUnsound(f, s)
	v.numberRest(s)
	switch {
	case leaf == nil:
		v.judgeOpen(f, s)
	case leaf.Fenced != "":
		if s.whole != leaf.Fenced {
			s.findings = append(s.findings, Finding{What: Changed, Stream: f.stream, Segment: f.name(), Detail: "the damaged segment is not what it was when it was put aside"})
		} else {
			s.findings = nil // the damage is known, and the journal's own gap records say what is missing
			v.note("%s/%s is damaged since a crash or an accident; after seq %d nothing in it is proved", f.stream, f.name(), leaf.Last)
		}
	case s.root != leaf.Root || s.count != leaf.Count:
		v.name(f, s, leaf.Count, leaf.Last, "the log has another hash of this segment")
	}
}

// judgeOpen: a segment that has no leaf is one that is written, or was sealed since the newest checkpoint.
func (v *journalVerifier) judgeOpen(f *file, s *scanned) {
	if v.log.checkpoint == nil || f.first > v.log.checkpoint.HeadSeq || f.end == fencedEnd {
		return
	}
	for _, r := range v.log.checkpoint.Running {
		if r.Stream == f.stream && r.First == f.first {
			return
		}
	}
	f.find(s, Foreign, place{}, "the log does not know this segment, although the checkpoint covers seqs behind its first")
}

// numberRest: where a segment cannot be read on, it is the rest of it that is missing.
func (v *journalVerifier) numberRest(s *scanned) {
	if s.stopped && len(s.findings) > 0 {
		f := &s.findings[len(s.findings)-1]
		f.Seq, f.ToSeq = v.takeRest(s.last, s.rest)
	}
}

// takeRest counts all seqs behind one, up to another, as reported that are missing, and returns the first and the last.
func (v *journalVerifier) takeRest(after, to int64) (first, last int64) {
	v.holes = slices.DeleteFunc(v.holes, func(h run) bool {
		in := h.from > after && h.to <= to
		if in {
			first, last = cmp.Or(first, h.from), h.to
		}
		return in
	})
	return first, last
}

// numberUnsound: a record that cannot be believed is the one whose seq is missing at its place.
func (v *journalVerifier) numberUnsound(f *file, s *scanned) {
	for _, u := range s.unsound {
		after := u.after
		if after == 0 && f.leaf != nil {
			after = f.leaf.Last + 1
		}
		if u.finding >= len(s.findings) || after == 0 {
			continue
		}
		if seq := v.takeSeq(u.before+1, after-1); seq > 0 {
			s.findings[u.finding].Seq = seq
		}
	}
}

// takeSeq finds the first seq in between that is missing, and counts it as reported.
func (v *journalVerifier) takeSeq(from, to int64) int64 {
	for i := range v.holes {
		h := &v.holes[i]
		seq := max(from, h.from)
		if seq > min(to, h.to) {
			continue
		}
		rest := run{seq + 1, h.to}
		if h.to = seq - 1; h.to < h.from {
			v.holes = slices.Delete(v.holes, i, i+1)
		}
		if rest.from <= rest.to {
			v.holes = append(v.holes, rest)
		}
		return seq
	}
	return 0
}

// name finds out which record of a segment is not the one that was hashed, and how. The segment had count records, the
// last of them with this seq (0: not known).
func (v *journalVerifier) name(f *file, s *scanned, count, last int64, covered string) {
	at := s.stray
	if at.position == 0 {
		at = place{position: s.count + 1, before: s.last}
	}
	if s.stopped && at.position > s.count {
		return // where it stops was found already
	}
	if at.position > s.count && s.count < count {
		first, end := v.takeRest(s.last, last)
		f.find(s, Truncated, place{position: at.position, seq: first}, fmt.Sprintf("it has %d of its %d records, and %s", s.count, count, covered))
		s.findings[len(s.findings)-1].ToSeq = end
		return
	}
	missing := v.takeHole(at.before+1, at.seq-1)
	switch {
	case missing != nil:
		f.find(s, Missing, place{at.position, missing.from, at.at, at.before}, "it is not there any more, and "+covered)
		s.findings[len(s.findings)-1].ToSeq = missing.to
	case s.stray.position > 0 && !slices.ContainsFunc(s.findings, func(x Finding) bool { return x.Position == at.position }):
		what := Changed
		if len(s.findings) > 0 {
			what = s.findings[0].What
		}
		f.find(s, what, at, "this is not the record that was here, and "+covered)
	case len(s.findings) > 0: // they name it
	default:
		f.find(s, Changed, place{}, "which of its records is not known, since their marks were changed, too, or are not there; "+covered)
	}
}

// takeHole finds a hole that lies in between, and counts it as reported.
func (v *journalVerifier) takeHole(from, to int64) *run {
	for i, h := range v.holes {
		if from <= h.from && h.to <= to {
			v.holes = slices.Delete(v.holes, i, i+1)
			return &h
		}
	}
	return nil
}

// checkRunning holds open segments against the checkpoints that were made while they were open.
func (v *journalVerifier) checkRunning() {
	for _, h := range v.held {
		for _, r := range h.c.Running {
			f := v.file(r.Stream, r.First)
			if f == nil {
				v.runningGone(h, r)
				continue
			}
			s := v.scans[f]
			if root, reached := s.roots[r.Count]; reached && root == r.Root {
				continue
			}
			covered := "the checkpoint " + h.from + " covers it"
			if f.leaf != nil && f.leaf.Fenced != "" {
				f.find(s, Changed, place{position: s.count + 1}, fmt.Sprintf("it was damaged after its first %d records were signed, and %s", r.Count, covered))
				continue
			}
			if f.leaf == nil || s.root == f.leaf.Root { // else it is named already
				v.name(f, s, r.Count, s.rest, covered)
			}
		}
	}
}

// runningGone: the segment has expired meanwhile, which its leaf says, or was taken away.
func (v *journalVerifier) runningGone(h held, r Running) {
	if slices.ContainsFunc(v.log.leaves, func(l Leaf) bool { return l.Stream == r.Stream && l.First == r.First }) {
		return
	}
	v.report.Findings = append(v.report.Findings, Finding{
		What: Truncated, Stream: r.Stream, Segment: segmentName(r.First) + openEnd, Seq: r.First,
		Detail: fmt.Sprintf("the segment is not there, and the checkpoint %s covers %d records of it", h.from, r.Count),
	})
}

// reportHoles reports what is missing and was not named with a segment.
func (v *journalVerifier) reportHoles() {
	for _, h := range v.holes[:min(len(v.holes), enough)] {
		f := Finding{What: Missing, Seq: h.from, ToSeq: h.to, Detail: "it is in no segment, and no record says why"}
		if h.to == v.head && h.to > v.report.LastSeq {
			f.What, f.Detail = Truncated, "a checkpoint covers it, and it is in no segment: the end was cut off"
		}
		v.report.Findings = append(v.report.Findings, f)
	}
}

// checkNotes holds the log against the checkpoints that stand in the journal's own records.
func (v *journalVerifier) checkNotes() {
	for _, f := range v.files {
		for _, n := range v.scans[f].notes {
			root, err := v.rootAt(n.size)
			if v.log.checkpoint == nil || n.size > int64(len(v.log.leaves)) && n.seq > v.log.checkpoint.HeadSeq {
				continue // newer than the checkpoint that was read
			}
			if err != nil || root != n.root {
				v.report.Findings = append(v.report.Findings, Finding{
					What: BadLog, Stream: f.stream, Segment: f.name(), Seq: n.seq,
					Detail: fmt.Sprintf("the log was rewritten: the checkpoint in this record has another root for its first %d segments", n.size),
				})
			}
		}
	}
}
