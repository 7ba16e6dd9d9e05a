package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/oklog/ulid/v2"
	"google.golang.org/protobuf/proto"

	"doorkeeper/access"
	"doorkeeper/internal/disk"
	"doorkeeper/journal/store"
)

// Open opens the newest journal in a directory and goes on in it: its name and its numbers stay. Where there is none, or
// it cannot be opened, a new one begins, with a gap record that names the one before. What is damaged in it has gap
// records, too. An error says that nothing could be recorded.
func Open(dir string, opt Options) (*Journal, error) {
	j := newJournal(opt)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the journal's directory: %w", err)
	}
	old, err := newest(dir)
	if err != nil {
		return nil, err
	}
	var found store.Recovery
	var unreadable error
	if old != "" {
		found, unreadable = j.use(dir, old)
	}
	if old == "" || unreadable != nil {
		if found, err = j.use(dir, j.newID(j.opt.Now())); err != nil {
			return nil, errors.Join(unreadable, err)
		}
		if err := errors.Join(disk.SyncDir(filepath.Join(dir, j.id)), disk.SyncDir(dir)); err != nil {
			return nil, errors.Join(fmt.Errorf("making the journal's directory: %w", err), j.Close())
		}
	}
	if unreadable != nil {
		j.Append(&access.Record{Kind: KindGap, Cause: "journal " + old + " cannot be opened, and this one follows it: " + unreadable.Error()})
	}
	for _, f := range found.Fenced {
		j.Append(fenced(f, found.Head))
	}
	return j, nil
}

// use opens the store of a journal.
func (j *Journal) use(dir, id string) (store.Recovery, error) {
	name, err := ulid.ParseStrict(id)
	if err != nil {
		return store.Recovery{}, fmt.Errorf("journal %s: %w", id, err)
	}
	disk, found, err := store.Open(store.Options{
		Dir: filepath.Join(dir, id), Journal: name, SegmentBytes: j.opt.SegmentBytes, SegmentAge: j.opt.SegmentAge,
		SyncInterval: j.opt.SyncInterval, Now: j.opt.Now, Sealed: j.opt.Sealed, Synced: j.wakeAll,
	})
	if err != nil {
		return found, fmt.Errorf("journal %s: %w", id, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.disk, j.id, j.head = disk, id, found.Head
	return found, nil
}

// newest is the name of the journal that was begun last, "" if there is none.
func newest(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("reading the journal's directory: %w", err)
	}
	for _, e := range slices.Backward(entries) {
		if _, err := ulid.ParseStrict(e.Name()); err == nil && e.IsDir() {
			return e.Name(), nil
		}
	}
	return "", nil
}

// fenced is the gap record of a damaged segment. What is missing lies between the frames that check; how much it is
// nobody knows.
func fenced(f store.Fence, head int64) *access.Record {
	to := head
	if f.After > 0 {
		to = f.After - 1
	}
	return &access.Record{
		Kind: KindGap, FromSeq: proto.Int64(f.Before + 1), ToSeq: proto.Int64(to),
		Cause: "a segment of the " + f.Segment.Stream.String() + " stream is damaged and stays as it is: " + f.Damage.Error(),
	}
}
