package evidence

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// A journalVerifier verifies one journal.
type journalVerifier struct {
	dir    string
	opt    *VerifyOptions
	report *JournalReport

	log       logView
	given     []Given
	held      []held // the checkpoints that the journal is held against
	files     []*file
	named     map[segmentKey]*file
	renamed   bool // a spare got its name while the folder was listed
	scans     map[*file]*scanned
	holes     []run // seqs up to the head that are in no file, and nothing says why
	explained []run // seqs that are in no file, and it is known why
	head      int64 // of all that is held against
}

// A held checkpoint, and where it is from.
type held struct {
	from string
	c    *Checkpoint
}

// verify reads the checkpoint first and the files after it: those of a running proxy have then come at least as far.
func (v *journalVerifier) verify(ctx context.Context) error {
	v.readLog()
	v.chain()
	v.readCosigned()
	v.hold()
	if err := v.listFiles(); err != nil {
		return err
	}
	v.want()
	if err := v.scanAll(ctx); err != nil {
		return err
	}
	v.count()
	v.leavesWithout()
	v.findHoles()
	for _, f := range v.files {
		v.judge(f, v.scans[f])
	}
	v.checkRunning()
	for _, f := range v.files {
		v.report.Findings = append(v.report.Findings, v.scans[f].findings...)
	}
	v.reportHoles()
	v.checkNotes()
	return nil
}

// hold collects the checkpoints that can be trusted to be the proxy's own, and holds the log against them.
func (v *journalVerifier) hold() {
	if c := v.log.checkpoint; c != nil {
		v.held = append(v.held, held{"log/" + checkpointFile, c})
	}
	for _, g := range v.given {
		c, n, err := openNote(g.Note, v.log.keys...)
		if err != nil {
			v.bad(BadKey, "the checkpoint %s is not signed by a key of this journal: %v", g.From, err)
			continue
		}
		if g.From != "log/"+cosignedFile {
			v.report.Given = append(v.report.Given, *v.describe(g.From, c, n))
		}
		v.cosigned(g.Note, c)
		v.held = append(v.held, held{g.From, c})
		if c.Size > int64(len(v.log.leaves)) {
			v.bad(Truncated, "the log has %d segments, and the checkpoint %s knows %d: it was set back, or its end is cut off", len(v.log.leaves), g.From, c.Size)
		} else if root, err := v.rootAt(c.Size); err != nil || root != c.Root {
			v.bad(BadLog, "the log was rewritten: when it had %d segments, its root was not the one in the checkpoint %s", c.Size, g.From)
		}
	}
	for _, h := range v.held {
		v.head = max(v.head, h.c.HeadSeq)
	}
}

// listFiles lists the segments and gives each its leaf.
func (v *journalVerifier) listFiles() error {
	v.named = map[segmentKey]*file{}
	for _, stream := range streams {
		entries, err := readSettled(filepath.Join(v.dir, stream))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			v.addFile(stream, e)
		}
		if v.renamed {
			v.renamed, v.files = false, nil
			return v.listFiles()
		}
	}
	slices.SortFunc(v.files, func(a, b *file) int {
		return cmp.Or(cmp.Compare(a.stream, b.stream), cmp.Compare(a.first, b.first))
	})
	for i := range v.log.leaves {
		leaf := &v.log.leaves[i]
		if f := v.file(leaf.Stream, leaf.First); f != nil {
			f.leaf = leaf
		}
	}
	for _, f := range v.files {
		f.marks, _ = readBounded(marksPath(filepath.Join(v.dir, logDir), f.stream, f.first), math.MaxInt32) // without them it says less
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// readSettled lists a folder whose files may get other names meanwhile: a listing can miss one that does. Two that are the
// same have missed none.
func readSettled(dir string) (entries []fs.DirEntry, err error) {
	for range 10 {
		before := entries
		if entries, err = os.ReadDir(dir); err != nil {
			return nil, err
		}
		same := func(a, b fs.DirEntry) bool { return a.Name() == b.Name() }
		if before != nil && slices.EqualFunc(before, entries, same) {
			break
		}
	}
	return entries, nil
}

func (v *journalVerifier) addFile(stream string, e fs.DirEntry) {
	path := filepath.Join(v.dir, stream, e.Name())
	first, end, ok := parseSegmentName(e.Name())
	switch {
	case !ok && filepath.Ext(e.Name()) == spareEnd:
		end = openEnd
		if first = spareFirst(path); first == 0 { // empty, or it has got its name since it was listed
			v.renamed = v.renamed || !exists(path)
			return
		}
	case !ok && strings.HasSuffix(e.Name(), fencedEnd):
		v.note("%s/%s was put aside by the journal as damaged: nothing in it is proved", stream, e.Name())
		return
	case !ok:
		v.bad(Foreign, "%s/%s is no segment", stream, e.Name())
		return
	}
	if old := v.file(stream, first); old != nil {
		v.report.Findings = append(v.report.Findings, Finding{What: Foreign, Stream: stream, Segment: e.Name(), Detail: "there is " + old.name() + " in its place"})
		return
	}
	f := &file{stream: stream, first: first, end: end, path: path}
	if info, err := e.Info(); err == nil { // else it has another name by now, which scan finds
		f.size = info.Size()
	}
	v.files = append(v.files, f)
	v.named[segmentKey{stream, first}] = f
}

// A segmentKey is a segment's name.
type segmentKey struct {
	stream string
	first  int64
}

func (v *journalVerifier) file(stream string, first int64) *file {
	return v.named[segmentKey{stream, first}]
}

// want notes up to which record of which segment a checkpoint has a hash.
func (v *journalVerifier) want() {
	for _, h := range v.held {
		for _, r := range h.c.Running {
			if f := v.file(r.Stream, r.First); f != nil {
				f.wants = append(f.wants, r.Count)
			}
		}
	}
	for _, f := range v.files {
		slices.Sort(f.wants)
		f.wants = slices.Compact(f.wants)
	}
}

// scanAll reads every segment, several at a time.
func (v *journalVerifier) scanAll(ctx context.Context) error {
	var total int64
	for _, f := range v.files {
		total += f.size
	}
	var done atomic.Int64
	progress := func(n int64) { v.opt.Progress(min(done.Add(n), total), total) }
	results := make([]*scanned, len(v.files))
	failed := make([]error, len(v.files))
	var next atomic.Int64
	var running sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(v.files)) {
		running.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(v.files)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				results[i], failed[i] = v.scan(v.files[i], progress)
			}
		})
	}
	running.Wait()
	if ctx.Err() != nil {
		return errCanceled
	}
	v.scans = map[*file]*scanned{}
	var kept []*file
	for i, f := range v.files {
		if results[i] == nil && failed[i] == nil {
			delete(v.named, segmentKey{f.stream, f.first})
			continue // it expired while we were reading
		}
		kept = append(kept, f)
		v.scans[f] = results[i]
	}
	v.files = kept
	return errors.Join(failed...)
}

// scan reads a segment, which may get its last name meanwhile, or go.
func (v *journalVerifier) scan(f *file, progress func(int64)) (*scanned, error) {
	for range 3 {
		s, err := f.scan(v.report.Journal, progress)
		if !errors.Is(err, fs.ErrNotExist) {
			return s, err
		}
		path, ok := segmentPath(v.dir, f.stream, segmentName(f.first))
		if !ok {
			return nil, nil //nolint:nilnil // it is not there any more
		}
		f.path, f.end = path, filepath.Ext(path)
	}
	return nil, nil //nolint:nilnil // as above
}

// count says how much there is.
func (v *journalVerifier) count() {
	for _, f := range v.files {
		s := v.scans[f]
		v.report.Records += s.count
		if s.count > 0 {
			if v.report.FirstSeq == 0 || f.first < v.report.FirstSeq {
				v.report.FirstSeq = f.first
			}
			v.report.LastSeq = max(v.report.LastSeq, s.last)
		}
		for _, r := range s.runs {
			if r.to > v.head {
				v.report.Uncovered += r.to - max(r.from, v.head+1) + 1
			}
		}
		v.report.Gaps = append(v.report.Gaps, s.gaps...)
		switch {
		case f.end == fencedEnd:
			v.report.Fenced++
		case f.leaf != nil:
			v.report.Segments++
		case s.count > 0:
			v.report.Open++
		}
	}
}
