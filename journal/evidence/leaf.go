package evidence

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A Leaf is what the log keeps of one segment, for ever: also when the segment itself has expired.
type Leaf struct {
	Journal  string
	Stream   string
	First    int64 // seq of its first record; the file is named by it
	Last     int64
	Count    int64     // a stream has not every seq: the other has the rest
	From, To time.Time // when its first and last record were logged
	Root     tlog.Hash // RFC 6962 tree hash over the records' protobuf bytes, in order
	Previous tlog.Hash // root of the segment before it in the stream; zeros: it is the first
	Fenced   string    // SHA-256 of a whole file that a crash or an accident left damaged, in hexadecimal
}

// leafTitle begins every leaf of this version. What a leaf says may only grow under a new one.
const leafTitle = "doorkeeper segment v1"

// Marshal is the leaf as it stands in the log: lines of name and value, in this order, each once.
//
//	doorkeeper segment v1
//	journal 01JD…
//	stream access
//	seq 1001 1999
//	count 990
//	time 2026-11-23T03:00:12.123456789Z 2026-11-23T03:01:12.1Z
//	root <base64>
//	previous <base64>
//	fenced <hexadecimal>           only of a damaged file
func (l *Leaf) Marshal() []byte {
	b := fmt.Appendf(nil, "%s\njournal %s\nstream %s\nseq %d %d\ncount %d\ntime %s %s\nroot %s\nprevious %s\n", leafTitle,
		l.Journal, l.Stream, l.First, l.Last, l.Count, l.From.UTC().Format(time.RFC3339Nano), l.To.UTC().Format(time.RFC3339Nano),
		l.Root, l.Previous)
	if l.Fenced != "" {
		b = fmt.Appendf(b, "fenced %s\n", l.Fenced)
	}
	return b
}

// ParseLeaf reads what Marshal writes, and nothing else: two texts never mean the same leaf.
func ParseLeaf(text []byte) (Leaf, error) {
	lines, ok := strings.CutSuffix(string(text), "\n")
	title, lines, _ := strings.Cut(lines, "\n")
	if !ok || title != leafTitle {
		return Leaf{}, fmt.Errorf("the leaf does not begin with %q", leafTitle)
	}
	var l Leaf
	for line := range strings.SplitSeq(lines, "\n") {
		name, value, _ := strings.Cut(line, " ")
		if err := l.set(name, value); err != nil {
			return Leaf{}, fmt.Errorf("the leaf's line %.80q: %w", line, err)
		}
	}
	if string(l.Marshal()) != string(text) {
		return Leaf{}, errors.New("the leaf is not written as a leaf is")
	}
	if l.Stream != streams[0] && l.Stream != streams[1] || l.First <= 0 || l.Last < l.First || l.Count <= 0 || l.Count > l.Last-l.First+1 {
		return Leaf{}, errors.New("the leaf's numbers contradict each other")
	}
	return l, nil
}

func (l *Leaf) set(name, value string) (err error) {
	one, two, _ := strings.Cut(value, " ")
	switch name {
	case "journal":
		l.Journal = value
	case "stream":
		l.Stream = value
	case "seq":
		l.First, l.Last, err = twoNumbers(one, two)
	case "count":
		l.Count, err = strconv.ParseInt(value, 10, 64)
	case "time":
		if l.From, err = time.Parse(time.RFC3339Nano, one); err == nil {
			l.To, err = time.Parse(time.RFC3339Nano, two)
		}
	case "root":
		l.Root, err = tlog.ParseHash(value)
	case "previous":
		l.Previous, err = tlog.ParseHash(value)
	case "fenced":
		l.Fenced = value
	default:
		err = errors.New("this program does not know it")
	}
	return err
}

func twoNumbers(one, two string) (a, b int64, err error) {
	if a, err = strconv.ParseInt(one, 10, 64); err != nil {
		return 0, 0, err
	}
	b, err = strconv.ParseInt(two, 10, 64)
	return a, b, err
}
