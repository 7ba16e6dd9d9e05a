package config

import (
	"reflect"
	"slices"
	"strings"
)

// live are the keys that a reload can change while the proxy runs, but for those in start. All others are read once, at
// start.
var (
	live  = []string{"clusters", "policy", "catalog_file", "sinks", "limits", "timeouts"}
	start = "policy.bundle"
)

// Frozen lists the keys that differ between two configurations and that no reload can change, in order.
func Frozen(running, next *Config) []string {
	var keys []string
	a, b := tree("", reflect.ValueOf(*running), nil), tree("", reflect.ValueOf(*next), nil)
	differ("", a, b, &keys)
	keys = slices.DeleteFunc(keys, func(key string) bool {
		top, _, _ := strings.Cut(key, ".")
		top, _, _ = strings.Cut(top, "[")
		return slices.Contains(live, top) && key != start && !strings.HasPrefix(key, start+".")
	})
	slices.Sort(keys)
	return keys
}

// differ collects the paths of the smallest values that differ.
func differ(path string, a, b any, into *[]string) {
	x, okA := a.(map[string]any)
	y, okB := b.(map[string]any)
	if !okA || !okB {
		if !reflect.DeepEqual(a, b) {
			*into = append(*into, path)
		}
		return
	}
	for key := range x {
		differ(join(path, key), x[key], y[key], into)
	}
	for key := range y {
		if _, both := x[key]; !both {
			differ(join(path, key), nil, y[key], into)
		}
	}
}
