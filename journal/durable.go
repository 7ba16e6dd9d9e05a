package journal

import "errors"

// errUnnoted says that something would be released which the flight recorder has no room for.
var errUnnoted = errors.New("journal: the flight recorder is full")

// commit is Log.Commit, where something was intended.
func (j *Journal) commit(l *Log) error {
	if j.recorder == nil {
		return nil
	}
	if l.unnoted {
		l.unnoted = false
		return errUnnoted
	}
	if j.strict {
		return j.recorder.Sync()
	}
	return nil
}

// recycle makes room in the flight recorder of what was recorded.
func (j *Journal) recycle() { _ = j.recorder.Cycle(func() error { return nil }) }
