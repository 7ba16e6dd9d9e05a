package api

import (
	"slices"
	"strings"
	"unicode/utf16"
)

// Brokers put what they answer into Java's collections, and their order shows in the answer.

// hashOrder returns names, each of which stands there once and in the order they were added, in the order in which a
// java.util.HashSet hands them out.
func hashOrder(names []string) []string {
	buckets := 16
	for 4*len(names) > 3*buckets { // the load factor is 3/4
		buckets *= 2
	}
	bucket := func(s string) int {
		h := javaHash(s)
		return int(h^h>>16) & (buckets - 1)
	}
	ordered := slices.Clone(names)
	slices.SortStableFunc(ordered, func(a, b string) int { return bucket(a) - bucket(b) })
	return ordered
}

// javaHash is String.hashCode.
func javaHash(s string) (h uint32) {
	for _, u := range utf16.Encode([]rune(s)) {
		h = 31*h + uint32(u)
	}
	return h
}

// javaCompare is String.compareTo: by UTF-16 code units.
func javaCompare(a, b string) int {
	if isASCII(a) && isASCII(b) {
		return strings.Compare(a, b)
	}
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

// javaLength is String.length, in UTF-16 code units.
func javaLength(s string) int {
	if isASCII(s) {
		return len(s)
	}
	return len(utf16.Encode([]rune(s)))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
