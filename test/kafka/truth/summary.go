package truth

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Summary says in one line what the sessions amount to.
func Summary(sessions []*Session) string {
	apis := map[string]int{}
	var read, wrote figures
	for _, s := range sessions {
		for _, c := range s.Calls {
			apis[fmt.Sprintf("%s/%d", APIName(c.Key), c.Version)]++
		}
		for _, r := range s.Reads {
			read.add(r.Batch)
		}
		for _, w := range s.Writes {
			wrote.add(w.Batch)
		}
	}
	var list []string
	for _, api := range slices.Sorted(maps.Keys(apis)) {
		list = append(list, fmt.Sprintf("%s×%d", api, apis[api]))
	}
	return fmt.Sprintf("%d connections; read %v; wrote %v; %s", len(sessions), read, wrote, strings.Join(list, " "))
}

func (f *figures) add(b Batch) {
	switch {
	case b.Cut:
		f.cut++
		f.cutBytes += b.Have
	case b.Control:
		f.control++
	default:
		f.batches++
		f.messages += int64(b.Messages)
	}
}

// String is for Summary: it leaves the offsets out.
func (f figures) String() string {
	return fmt.Sprintf("%d messages in %d batches (%d control, %d cut)", f.messages, f.batches, f.control, f.cut)
}
