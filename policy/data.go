package policy

import (
	"fmt"
	"path"
	"strings"

	"github.com/open-policy-agent/opa/v1/util"
)

// grantsKey is where running grants stand in data. It is doorkeeper's own.
const grantsKey = "grants"

// document merges the data files and the rest of the data into one document.
func (r *Rules) document() (map[string]any, error) {
	m := merger{root: map[string]any{}, from: map[string]string{}}
	for _, file := range r.files() {
		if kind(file) != dataFile {
			continue
		}
		var value any
		if err := util.Unmarshal(r.Files[file], &value); err != nil {
			return nil, fmt.Errorf("policy: %s: %w", r.Name(file), err)
		}
		if value == nil {
			continue // an empty file
		}
		if err := m.add(path.Dir(file), value, r.Name(file)); err != nil {
			return nil, err
		}
	}
	for key, value := range r.Data {
		if err := util.RoundTrip(&value); err != nil {
			return nil, fmt.Errorf("policy: data.%s: %w", key, err)
		}
		if err := m.merge(m.root, map[string]any{key: value}, "", r.Origin); err != nil {
			return nil, err
		}
	}
	if m.root[grantsKey] != nil {
		return nil, fmt.Errorf("policy: %s: data.%s is where doorkeeper puts the running grants: use another name", m.from[grantsKey], grantsKey)
	}
	return m.root, nil
}

// A merger puts documents into one. Where two say something about the same place, that is an error: which one held would
// hang on their names.
type merger struct {
	root map[string]any
	from map[string]string // data path -> the file that said it first
}

func (m *merger) add(dir string, value any, file string) error {
	var at []string
	if dir = strings.Trim(path.Clean(dir), "/"); dir != "." && dir != "" {
		at = strings.Split(dir, "/")
	}
	for i := len(at) - 1; i >= 0; i-- {
		value = map[string]any{at[i]: value}
	}
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("policy: %s: data at the root must be an object, with names as keys", file)
	}
	return m.merge(m.root, object, "", file)
}

func (m *merger) merge(into, object map[string]any, at, file string) error {
	for key, value := range object {
		place := strings.TrimPrefix(at+"."+key, ".")
		old, exists := into[key]
		if !exists {
			into[key] = value
			m.from[place] = file
			continue
		}
		a, aok := old.(map[string]any)
		b, bok := value.(map[string]any)
		if !aok || !bok {
			return fmt.Errorf("policy: %s: data.%s is also in %s: keep one of the two", file, place, m.source(place))
		}
		if err := m.merge(a, b, place, file); err != nil {
			return err
		}
	}
	return nil
}

// source is the file that said something about a place, or the nearest above it.
func (m *merger) source(place string) string {
	for {
		if file, ok := m.from[place]; ok {
			return file
		}
		i := strings.LastIndexByte(place, '.')
		if i < 0 {
			return "another file"
		}
		place = place[:i]
	}
}
