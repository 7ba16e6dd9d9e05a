package evidence

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Checkpoint is the body of a signed note (https://c2sp.org/tlog-checkpoint): a log's size and root, and in extension
// lines how far the journal had come.
type Checkpoint struct {
	Origin   string
	Size     int64     // sealed segments in the log
	Root     tlog.Hash // of the log
	Journal  string
	HeadSeq  int64     // every record up to this one is in a leaf of the log or under a running hash
	Running  []Running // the segments that are not sealed, in order
	Previous *Previous // the journal before this one
}

// Running is how far an open segment had come.
type Running struct {
	Stream string
	First  int64 // seq of its first record
	Count  int64
	Root   tlog.Hash // RFC 6962 tree hash over its first Count records
}

// Previous is where the journal before this one ended.
type Previous struct {
	Journal string
	Size    int64
	Root    tlog.Hash
	HeadSeq int64
}

// originOf is the first line of a journal's checkpoints: the log's name.
func originOf(keyName, journal string) string { return keyName + "/" + journal }

// text is the note's body.
//
//	doorkeeper/dk-1/01JD…
//	<size>
//	<root>
//	journal 01JD…
//	head_seq 1042
//	running_hash access 1001 38 <hash>     stream, first seq, records, hash; one line an open segment
//	previous_journal 01JC… 12 <root> 800   size, root and head_seq of its newest checkpoint
func (c *Checkpoint) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%d\n%s\njournal %s\nhead_seq %d\n", c.Origin, c.Size, c.Root, c.Journal, c.HeadSeq)
	for _, r := range c.Running {
		fmt.Fprintf(&b, "running_hash %s %d %d %s\n", r.Stream, r.First, r.Count, r.Root)
	}
	if p := c.Previous; p != nil {
		fmt.Fprintf(&b, "previous_journal %s %d %s %d\n", p.Journal, p.Size, p.Root, p.HeadSeq)
	}
	return b.String()
}

// parseCheckpoint reads what text writes, and nothing else.
func parseCheckpoint(text string) (*Checkpoint, error) {
	body, ok := strings.CutSuffix(text, "\n")
	lines := strings.Split(body, "\n")
	if !ok || len(lines) < 5 {
		return nil, errors.New("a checkpoint has at least five lines")
	}
	c := &Checkpoint{Origin: lines[0]}
	var err error
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 {
		return nil, fmt.Errorf("the checkpoint's size %.40q is no number", lines[1])
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil {
		return nil, fmt.Errorf("the checkpoint's root %.60q is no hash", lines[2])
	}
	for _, line := range lines[3:] {
		if err := c.extend(strings.Split(line, " ")); err != nil {
			return nil, fmt.Errorf("the checkpoint's line %.80q: %w", line, err)
		}
	}
	if c.text() != text {
		return nil, errors.New("the checkpoint is not written as a checkpoint of ours is")
	}
	return c, c.check()
}

var errLine = errors.New("it is not written as it should be")

func (c *Checkpoint) extend(words []string) (err error) {
	number := func(i int) (n int64) {
		if err == nil {
			if n, err = strconv.ParseInt(words[i], 10, 64); err == nil && n < 0 {
				err = errLine
			}
		}
		return n
	}
	hash := func(i int) (h tlog.Hash) {
		if err == nil {
			h, err = tlog.ParseHash(words[i])
		}
		return h
	}
	switch {
	case words[0] == "journal" && len(words) == 2:
		c.Journal = words[1]
	case words[0] == "head_seq" && len(words) == 2:
		c.HeadSeq = number(1)
	case words[0] == "running_hash" && len(words) == 5:
		c.Running = append(c.Running, Running{words[1], number(2), number(3), hash(4)})
	case words[0] == "previous_journal" && len(words) == 5:
		c.Previous = &Previous{words[1], number(2), hash(3), number(4)}
	default:
		err = errLine
	}
	return err
}

var errRunning = errors.New("the checkpoint's running hashes are not in the order of streams and seqs")

// check: a stream has several open segments for a moment, until what is full is sealed.
func (c *Checkpoint) check() error {
	if _, err := ulid.ParseStrict(c.Journal); err != nil {
		return errors.New("the checkpoint names no journal")
	}
	for i, r := range c.Running {
		if r.Stream != streams[0] && r.Stream != streams[1] || r.First < 1 || r.Count < 1 {
			return errRunning
		}
		if i > 0 && (r.Stream < c.Running[i-1].Stream || r.Stream == c.Running[i-1].Stream && r.First <= c.Running[i-1].First) {
			return errRunning
		}
	}
	return nil
}

// openNote reads a signed checkpoint: it is signed by one of these keys, or err says that it is not. What is signed by
// nobody known is returned all the same, with the error.
func openNote(text []byte, known ...note.Verifier) (*Checkpoint, *note.Note, error) {
	n, err := note.Open(text, note.VerifierList(known...))
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		n = unverified.Note
	}
	if n == nil {
		return nil, nil, err
	}
	c, parseErr := parseCheckpoint(n.Text)
	if parseErr != nil {
		return nil, n, parseErr
	}
	return c, n, err
}
