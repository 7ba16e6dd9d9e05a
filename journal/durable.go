package journal

import (
	"errors"
	"fmt"
)

// ErrUnnoted says that something would be released of which no record could be made for certain.
var ErrUnnoted = errors.New("journal: it could not be noted")

var errFull = errors.New("the flight recorder is full")

// commit is Log.Commit, where something was intended.
func (j *Journal) commit(l *Log) error {
	if j.recorder == nil {
		return nil
	}
	if l.unnoted {
		l.unnoted = false
		return fmt.Errorf("%w: %w", ErrUnnoted, errFull)
	}
	if j.opt.Durability == Strict {
		if err := j.recorder.Sync(); err != nil {
			return fmt.Errorf("%w: %w", ErrUnnoted, err)
		}
	}
	return nil
}

// recycle makes room in the flight recorder of what was recorded, once that is on disk. Where it cannot be brought there, no
// room is made: whoever wants some finds out.
func (j *Journal) recycle() { _ = j.recorder.Cycle(j.Sync) }
