package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/oklog/ulid/v2"
)

// VerifyOptions say what is verified, and against what.
type VerifyOptions struct {
	Dir       string                  // a journal, or a directory of journals (state_dir or state_dir/journal), or a copy of one
	Given     []Given                 // checkpoints that were kept elsewhere
	Witnesses []string                // public keys of witnesses that are trusted
	Progress  func(done, total int64) // bytes; nil: nobody wants to know

	cosigners []*cosigner
}

// A Given checkpoint, and where it is from.
type Given struct {
	From string
	Note []byte
}

// ReadGiven finds the checkpoints in a file: a signed note, or JSON lines that hold records, as a sink or a SIEM has them.
func ReadGiven(from string, text []byte) ([]Given, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		if c, _, err := openNote(text); c == nil {
			return nil, fmt.Errorf("%s is neither a signed checkpoint nor JSON lines with CHECKPOINT records: %w", from, err)
		}
		return []Given{{from, text}}, nil
	}
	var all []Given
	lines := json.NewDecoder(bytes.NewReader(text))
	for n := 1; lines.More(); n++ {
		var line any
		if err := lines.Decode(&line); err != nil {
			return nil, fmt.Errorf("%s: JSON object %d: %w", from, n, err)
		}
		if note := findCheckpoint(line); note != "" {
			all = append(all, Given{fmt.Sprintf("%s:%d", from, n), []byte(note)})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no record with a checkpoint: take one of kind control, operation CHECKPOINT", from)
	}
	return all, nil
}

// findCheckpoint looks for the field in a record, however deep a SIEM has packed it.
func findCheckpoint(value any) string {
	switch value := value.(type) {
	case map[string]any:
		if note, ok := value["checkpoint"].(string); ok {
			return note
		}
		for _, inner := range value {
			if note := findCheckpoint(inner); note != "" {
				return note
			}
		}
	case []any:
		for _, inner := range value {
			if note := findCheckpoint(inner); note != "" {
				return note
			}
		}
	}
	return ""
}

// Verify holds a directory of journals against their checkpoints. An error says that it could not be read; what is wrong
// with what was read stands in the report.
func Verify(ctx context.Context, opt VerifyOptions) (*Report, error) {
	if opt.Progress == nil {
		opt.Progress = func(int64, int64) {}
	}
	for _, key := range opt.Witnesses {
		c, err := parseCosigner(key)
		if err != nil {
			return nil, fmt.Errorf("the witness's key %q: %w", key, err)
		}
		opt.cosigners = append(opt.cosigners, c)
	}
	dirs, err := findJournals(opt.Dir)
	if err != nil {
		return nil, err
	}
	report := &Report{Dir: opt.Dir, Proved: true}
	views := map[string]*journalVerifier{}
	for _, dir := range dirs {
		v := &journalVerifier{dir: dir, opt: &opt, report: &JournalReport{Journal: filepath.Base(dir)}}
		views[v.report.Journal] = v
		report.Journals = append(report.Journals, v.report)
	}
	for _, g := range opt.Given {
		c, _, err := openNote(g.Note)
		switch {
		case c == nil:
			report.Findings = append(report.Findings, Finding{What: BadKey, Detail: fmt.Sprintf("%s: %v", g.From, err)})
		case views[c.Journal] == nil:
			report.Findings = append(report.Findings, Finding{What: Missing, Detail: fmt.Sprintf("%s is a checkpoint of journal %s, which is not here", g.From, c.Journal)})
		default:
			views[c.Journal].given = append(views[c.Journal].given, g)
		}
	}
	for _, r := range report.Journals {
		if err := views[r.Journal].verify(ctx); err != nil {
			return nil, err
		}
	}
	for _, r := range report.Journals {
		views[r.Journal].checkPrevious(views)
		r.Proved = len(r.Findings) == 0 && r.Checkpoint != nil
		report.Proved = report.Proved && r.Proved
	}
	report.Proved = report.Proved && len(report.Findings) == 0
	return report, nil
}

// findJournals lists the directories of journals, the oldest first.
func findJournals(dir string) ([]string, error) {
	if isJournal(dir) {
		return []string{filepath.Clean(dir)}, nil
	}
	if inner := filepath.Join(dir, "journal"); isDir(inner) {
		dir = inner
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); isJournal(path) {
			all = append(all, path)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no journal: name state_dir, state_dir/journal, a journal's directory in it, or a copy of one of these", dir)
	}
	slices.Sort(all)
	return all, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isJournal(path string) bool {
	_, err := ulid.ParseStrict(filepath.Base(path))
	return err == nil && isDir(path)
}

// checkPrevious looks whether the journal before ended where this one's checkpoints say.
func (v *journalVerifier) checkPrevious(views map[string]*journalVerifier) {
	if v.log.checkpoint == nil || v.log.checkpoint.Previous == nil {
		return
	}
	p := v.log.checkpoint.Previous
	v.report.Previous = p.Journal
	before := views[p.Journal]
	if before == nil {
		v.note("the journal before it, %s, is not here", p.Journal)
		return
	}
	root, err := before.rootAt(p.Size)
	if err != nil || root != p.Root {
		v.bad(BadLog, "the journal before it, %s, is not the one that this one's checkpoints name: its log of %d segments had another root", p.Journal, p.Size)
	}
	if before.report.LastSeq < p.HeadSeq && before.report.Expired == 0 {
		v.bad(Truncated, "the journal before it, %s, ends with seq %d, and this one's checkpoints say %d", p.Journal, before.report.LastSeq, p.HeadSeq)
	}
}

func (v *journalVerifier) bad(what, format string, args ...any) {
	v.report.Findings = append(v.report.Findings, Finding{What: what, Detail: fmt.Sprintf(format, args...)})
}

func (v *journalVerifier) note(format string, args ...any) {
	v.report.Notes = append(v.report.Notes, fmt.Sprintf(format, args...))
}

var errCanceled = errors.New("the verification was ended")
