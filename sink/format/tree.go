package format

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
)

// An entry is a place in a JSON object, and what stands there. Paths name the objects around it.
type entry struct {
	path  string
	of    string // the fields that it is made of, for the page in docs
	class mask   // of records that have it
	field
}

// A mask is a set of classes of records. A form without classes has every.
type mask uint16

const every mask = 1<<16 - 1

// A tree writes a record as nested JSON objects in one pass. Its leaves stand in an order in which each object is opened
// and closed once.
type tree struct{ leaves []leaf }

type leaf struct {
	entry
	key    string   // `"name":`
	opens  []string // `"parent":{`
	shared int      // how many of the parents the leaf before has, too
	always string   // the value as it is written, of one that is the same in every record
}

// newTree keeps the order of the entries, except that those of one object follow its first.
func newTree(entries []entry) *tree {
	t := new(tree)
	t.grow(entries, 0)
	for i := range t.leaves {
		e := &t.leaves[i]
		e.freeze()
		parts := strings.Split(e.path, ".")
		for _, p := range parts[:len(parts)-1] {
			e.opens = append(e.opens, `"`+p+`":{`)
		}
		e.key = `"` + parts[len(parts)-1] + `":`
		if i > 0 {
			before := t.leaves[i-1].opens
			for e.shared < len(before) && e.shared < len(e.opens) && before[e.shared] == e.opens[e.shared] {
				e.shared++
			}
		}
	}
	return t
}

// freeze writes a constant's value once for all.
func (e *leaf) freeze() {
	switch {
	case !e.fixed:
	case e.kind == kindText:
		e.always = string(access.AppendString(nil, e.text(nil)))
	case e.kind == kindInt:
		n, _ := e.number(nil)
		e.always = strconv.FormatInt(n, 10)
	default:
		e.always = string(e.raw(nil, nil))
	}
}

// grow appends the leaves below a parent, whose path is the first at bytes of theirs.
func (t *tree) grow(entries []entry, at int) {
	done := map[string]bool{}
	for i := range entries {
		name, _, nested := strings.Cut(entries[i].path[at:], ".")
		if !nested {
			t.leaves = append(t.leaves, leaf{entry: entries[i]})
			continue
		}
		prefix := entries[i].path[:at] + name + "."
		if done[prefix] {
			continue
		}
		done[prefix] = true
		t.grow(slices.DeleteFunc(slices.Clone(entries), func(e entry) bool { return !strings.HasPrefix(e.path, prefix) }), len(prefix))
	}
}

// append writes the leaves that a record of this class has into the object that dst ends in, and closes it.
func (t *tree) append(dst []byte, r *access.Record, class mask) []byte {
	w := walk{dst: dst}
	for i := range t.leaves {
		e := &t.leaves[i]
		w.keep = min(w.keep, e.shared)
		if e.class&class != 0 {
			w.write(e, r)
		}
	}
	w.to(nil, 0)
	return append(w.dst, '}')
}

// A walk is a tree being written: depth objects are open, of which the next leaf shares keep.
type walk struct {
	dst         []byte
	depth, keep int
}

// to closes what the leaf does not share, and opens the rest of its parents.
func (w *walk) to(opens []string, shared int) {
	for ; w.depth > shared; w.depth-- {
		w.dst = append(w.dst, '}')
	}
	for ; w.depth < len(opens); w.depth++ {
		w.comma()
		w.dst = append(w.dst, opens[w.depth]...)
	}
}

func (w *walk) comma() {
	if w.dst[len(w.dst)-1] != '{' {
		w.dst = append(w.dst, ',')
	}
}

func (w *walk) begin(e *leaf) {
	w.to(e.opens, w.keep)
	w.keep = w.depth
	w.comma()
	w.dst = append(w.dst, e.key...)
}

func (w *walk) write(e *leaf, r *access.Record) {
	if e.fixed {
		w.begin(e)
		w.dst = append(w.dst, e.always...)
		return
	}
	switch e.kind {
	case kindText:
		if s := e.text(r); s != "" {
			w.begin(e)
			w.dst = access.AppendString(w.dst, s)
		}
	case kindInt:
		if n, ok := e.number(r); ok {
			w.begin(e)
			w.dst = strconv.AppendInt(w.dst, n, 10)
		}
	case kindBool:
		if n, ok := e.number(r); ok {
			w.begin(e)
			w.dst = strconv.AppendBool(w.dst, n != 0)
		}
	case kindTime:
		if t := e.when(r); t != nil {
			w.begin(e)
			w.dst = append(access.AppendTime(append(w.dst, '"'), t), '"')
		}
	case kindMillis:
		if t := e.when(r); t != nil {
			w.begin(e)
			w.dst = strconv.AppendInt(w.dst, milliseconds(t), 10)
		}
	default:
		if e.present(r) {
			w.begin(e)
			w.dst = e.appendList(w.dst, r)
		}
	}
}

// present is about the kinds that appendList writes.
func (f *field) present(r *access.Record) bool {
	switch f.kind {
	case kindTexts:
		return len(f.texts(r)) > 0
	case kindLabels:
		return len(f.labels(r)) > 0
	case kindCounts:
		return len(f.counts(r)) > 0
	case kindRanges:
		return f.ranges.n(r) > 0
	default:
		return f.has(r)
	}
}

// appendList writes the JSON of a value that is more than a scalar. Maps become lists of name and value: their keys are
// data, and a key that nobody foresaw must not become a field.
func (f *field) appendList(dst []byte, r *access.Record) []byte {
	switch f.kind {
	case kindTexts:
		return appendTexts(dst, f.texts(r))
	case kindLabels:
		labels := f.labels(r)
		for i, key := range slices.Sorted(maps.Keys(labels)) {
			dst = access.AppendString(append(appendName(dst, i, key), `"value":`...), labels[key])
			dst = append(dst, '}')
		}
	case kindCounts:
		counts := f.counts(r)
		for i, key := range slices.Sorted(maps.Keys(counts)) {
			dst = strconv.AppendInt(append(appendName(dst, i, key), `"count":`...), counts[key], 10)
			dst = append(dst, '}')
		}
	case kindRanges:
		for i := range f.ranges.n(r) {
			dst = f.ranges.append(dst, r, i)
		}
	default:
		return f.raw(dst, r)
	}
	return append(dst, ']')
}

func appendName(dst []byte, i int, name string) []byte {
	dst = append(separate(dst, i), `{"name":`...)
	return append(access.AppendString(dst, name), ',')
}

// separate begins a list or goes on with it.
func separate(dst []byte, i int) []byte {
	if i == 0 {
		return append(dst, '[')
	}
	return append(dst, ',')
}

func appendTexts(dst []byte, list []string) []byte {
	for i, s := range list {
		dst = access.AppendString(separate(dst, i), s)
	}
	return append(dst, ']')
}

func (o *rangesOf) append(dst []byte, r *access.Record, i int) []byte {
	dst = append(separate(dst, i), '{')
	first, last := o.at(r, i)
	if first != nil {
		dst = strconv.AppendInt(append(append(append(dst, '"'), o.first...), `":`...), *first, 10)
	}
	if last != nil {
		if first != nil {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(append(append(dst, '"'), o.last...), `":`...), *last, 10)
	}
	return append(dst, '}')
}

// milliseconds rounds down, as the exact form does.
func milliseconds(t *timestamppb.Timestamp) int64 {
	return t.GetSeconds()*1000 + int64(t.GetNanos())/1_000_000
}
