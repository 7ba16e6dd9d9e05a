package evidence

import (
	"fmt"
	"time"
)

// A Report is what Verify says.
type Report struct {
	Dir      string           `json:"dir"`
	Proved   bool             `json:"proved"` // nothing contradicts a checkpoint, and there is one
	Journals []*JournalReport `json:"journals"`
	Findings []Finding        `json:"findings,omitempty"` // about no journal in particular
}

// A JournalReport is what is so of one journal.
type JournalReport struct {
	Journal  string `json:"journal"`
	Proved   bool   `json:"proved"`
	Segments int    `json:"segments"` // whole and sealed, in the log
	Open     int    `json:"open"`     // being written, under a running hash
	Fenced   int    `json:"fenced,omitempty"`
	Expired  int    `json:"expired,omitempty"` // their leaves are in the log
	Records  int64  `json:"records"`           // in the files
	FirstSeq int64  `json:"first_seq,omitempty"`
	LastSeq  int64  `json:"last_seq,omitempty"`

	Checkpoint *CheckpointReport  `json:"checkpoint,omitempty"` // the newest in the directory
	Given      []CheckpointReport `json:"given,omitempty"`      // those from elsewhere
	Cosigned   []Cosignature      `json:"cosigned,omitempty"`
	Uncovered  int64              `json:"uncovered,omitempty"` // records that came after every checkpoint
	Gone       []Gone             `json:"gone,omitempty"`      // what expired
	Gaps       []Gap              `json:"gaps,omitempty"`      // what the journal itself says is missing
	Previous   string             `json:"previous,omitempty"`  // the journal before, if a checkpoint names one
	Notes      []string           `json:"notes,omitempty"`
	Findings   []Finding          `json:"findings,omitempty"`
}

// A CheckpointReport is a checkpoint that the journal was held against.
type CheckpointReport struct {
	From    string `json:"from"`
	Size    int64  `json:"size"`
	Root    string `json:"root"`
	HeadSeq int64  `json:"head_seq"`
	Key     string `json:"key"`
}

// A Cosignature is a witness's. Trusted: its key was given to Verify. Others only say what anybody can say.
type Cosignature struct {
	Witness string    `json:"witness"`
	Time    time.Time `json:"time"`
	Size    int64     `json:"size"`
	HeadSeq int64     `json:"head_seq"`
	Trusted bool      `json:"trusted"`
}

// Gone are segments of a stream that have expired.
type Gone struct {
	Stream   string    `json:"stream"`
	Segments int       `json:"segments"`
	FromSeq  int64     `json:"from_seq"`
	ToSeq    int64     `json:"to_seq"`
	From     time.Time `json:"from_time"`
	To       time.Time `json:"to_time"`
	Records  int64     `json:"records"`
}

// A Gap is what a record of kind gap says.
type Gap struct {
	Seq     int64  `json:"seq"` // of that record
	FromSeq int64  `json:"from_seq"`
	ToSeq   int64  `json:"to_seq"`
	Cause   string `json:"cause"`
}

// What is wrong.
const (
	Changed    = "changed"    // a record, or a file, is not what it was
	Missing    = "missing"    // a record or a segment is not there
	Reordered  = "reordered"  // records are not in the order of their seq
	Duplicated = "duplicated" // a seq is there twice
	Truncated  = "truncated"  // what a checkpoint covers was cut off at the end
	Foreign    = "foreign"    // a file that does not belong here
	BadLog     = "log"        // the log of leaves contradicts itself or a checkpoint
	BadKey     = "key"        // a signature is not that of a key of this journal
)

// A Finding is one thing that is wrong, and where.
type Finding struct {
	What     string `json:"what"`
	Stream   string `json:"stream,omitempty"`
	Segment  string `json:"segment,omitempty"`  // the file's name in the stream's folder
	Position int64  `json:"position,omitempty"` // of the record in its segment, from 1
	Seq      int64  `json:"seq,omitempty"`
	ToSeq    int64  `json:"to_seq,omitempty"` // where it is several, in a row
	Byte     int64  `json:"byte,omitempty"`   // where in the file
	Detail   string `json:"detail"`
}

// String is the finding in a line.
func (f Finding) String() string {
	s := f.What
	if f.Segment != "" {
		s += " " + f.Stream + "/" + f.Segment
	} else if f.Stream != "" {
		s += " " + f.Stream
	}
	if f.Position > 0 {
		s += fmt.Sprintf(" position %d", f.Position)
	}
	switch {
	case f.ToSeq > f.Seq:
		s += fmt.Sprintf(" seq %d to %d", f.Seq, f.ToSeq)
	case f.Seq > 0:
		s += fmt.Sprintf(" seq %d", f.Seq)
	}
	if f.Byte > 0 {
		s += fmt.Sprintf(" byte %d", f.Byte)
	}
	return s + ": " + f.Detail
}
