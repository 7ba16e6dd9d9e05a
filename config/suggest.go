package config

import (
	"reflect"
	"slices"
	"strings"
)

// suggest says what an unknown key may have meant: the nearest key of the struct it stands in, else the places where a
// key of that very name is known, else all keys that are known here.
func suggest(root, here reflect.Type, key string) string {
	known := make([]string, 0, here.NumField())
	for k := range keysOf(here) {
		known = append(known, k)
	}
	slices.Sort(known)
	best, distance := "", max(2, len(key)/3)+1
	for _, k := range known {
		if n := editDistance(strings.ToLower(key), k); n < distance {
			best, distance = k, n
		}
	}
	if best != "" {
		return `did you mean "` + best + `"?`
	}
	if places := placesOf(root, "", key); len(places) > 0 {
		return "it belongs in " + strings.Join(places, " or ")
	}
	return "known here are " + strings.Join(known, ", ")
}

// placesOf lists the paths of the structs below t that have a key of that name.
func placesOf(t reflect.Type, path, key string) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		switch t.Kind() {
		case reflect.Slice:
			path += "[]"
		case reflect.Map:
			path = join(path, "*")
		}
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var places []string
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("yaml")
		if name == "" {
			continue
		}
		if name == key {
			where := path
			if where == "" {
				where = "the top level"
			}
			places = append(places, where)
		}
		places = append(places, placesOf(t.Field(i).Type, join(path, name), key)...)
	}
	return places
}

// editDistance counts the insertions, deletions, substitutions and swaps of neighbours between a and b (optimal string
// alignment).
func editDistance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row := rows[(i+2)%3], rows[i%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
