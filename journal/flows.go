package journal

import "time"

// flows is the table of open flows: by key, and in the order of their first release. A flow that waits for its first
// release stands where it was opened.
type flows struct {
	byKey          map[flowKey]*flow
	oldest, newest *flow
	n              int
	reads          int     // open flows that are reads
	empties        int64   // fetches that returned nothing while a read was open, ever: each open flow counts from its mark
	current        *flow   // whose run the last batch belonged to
	touched        []*flow // by the response at hand
}

func newFlows() flows { return flows{byKey: make(map[flowKey]*flow)} }

func (t *flows) add(f *flow) {
	t.byKey[f.key] = f
	t.n++
	if f.key.direction == reading {
		t.reads++
	}
	t.append(f)
}

func (t *flows) remove(f *flow) {
	delete(t.byKey, f.key)
	t.n--
	if f.key.direction == reading {
		t.reads--
	}
	t.unlink(f)
	if t.current == f {
		t.current = nil
	}
}

// touch moves a flow to the end: its first release is the newest.
func (t *flows) touch(f *flow) {
	if t.newest != f {
		t.unlink(f)
		t.append(f)
	}
}

func (t *flows) append(f *flow) {
	f.older, f.newer = t.newest, nil
	if t.newest != nil {
		t.newest.newer = f
	} else {
		t.oldest = f
	}
	t.newest = f
}

func (t *flows) unlink(f *flow) {
	if f.older != nil {
		f.older.newer = f.newer
	} else {
		t.oldest = f.newer
	}
	if f.newer != nil {
		f.newer.older = f.older
	} else {
		t.newest = f.older
	}
}

// due is when the first interval ends.
func (t *flows) due() time.Time {
	for f := t.oldest; f != nil; f = f.newer {
		if !f.due.IsZero() {
			return f.due
		}
	}
	return time.Time{}
}
