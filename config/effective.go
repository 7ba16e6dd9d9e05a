package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Digest is the SHA-256 of the effective configuration: defaults filled in, variables expanded, keys in order. Two
// files that mean the same have the same digest. What certificates and keys contain is not part of it.
func (c *Config) Digest() string {
	text, err := json.Marshal(tree("", reflect.ValueOf(*c), nil))
	if err != nil {
		panic("config: " + err.Error()) // a tree of maps, lists, strings, numbers and switches
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Redacted is the effective configuration as a tree for JSON, keys as in the file. A value that came from the
// environment shows as it is written in the file (${NAME}): it may be a secret, which a file has no other way to hold.
// So may a header of a sink, whose value does not show at all.
func (c *Config) Redacted() map[string]any {
	return tree("", reflect.ValueOf(*c), c.source.written).(map[string]any)
}

// tree turns a value into what JSON can hold. Sizes and durations become text, as in the file.
func tree(path string, v reflect.Value, written map[string]string) any {
	if text, ok := written[path]; ok {
		return text
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return durationText(x)
	case Size:
		return x.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return tree(path, v.Elem(), written)
	case reflect.Struct:
		fields := map[string]any{}
		for i := range v.NumField() {
			key := v.Type().Field(i).Tag.Get("yaml")
			if key == "" {
				continue
			}
			if value := tree(join(path, key), v.Field(i), written); value != nil {
				fields[key] = value
			}
		}
		return fields
	case reflect.Slice:
		items := make([]any, v.Len())
		for i := range items {
			items[i] = tree(fmt.Sprintf("%s[%d]", path, i), v.Index(i), written)
		}
		return items
	case reflect.Map:
		entries := map[string]any{}
		for key, value := range v.Seq2() {
			name := fmt.Sprint(key.Interface())
			entry := tree(join(path, name), value, written)
			if _, fromEnv := written[join(path, name)]; written != nil && !fromEnv && v.Type() == textMap {
				entry = "(hidden)"
			}
			entries[name] = entry
		}
		return entries
	}
	return v.Interface()
}

// textMap is the type of sinks[].headers, whose values may be secrets.
var textMap = reflect.TypeFor[map[string]string]()

// durationText writes a duration as a person does: "10m", not "10m0s".
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
