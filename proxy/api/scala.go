package api

import (
	"cmp"
	"slices"
)

// Brokers put what they answer into Scala's collections, too.

// keepsOrder is up to how many elements an immutable set or map hands out as they were added.
const keepsOrder = 4

// scalaOrder returns names, each of which stands there once, in the order in which an immutable HashSet or HashMap hands
// them out.
func scalaOrder(names []string) []string { return immutableOrder(names, javaHash) }

// immutableOrder is scalaOrder for anything that has a hash code: the collection is a trie over the improved code, five
// bits a level, of which each node gives its own elements before those of its children.
func immutableOrder[T any](items []T, hash func(T) uint32) []T {
	return appendTrie(make([]T, 0, len(items)), items, hash, 0)
}

func appendTrie[T any](dst, items []T, hash func(T) uint32, shift uint) []T {
	if len(items) <= 1 || shift >= 32 { // the same hash code: as they were added
		return append(dst, items...)
	}
	var node [32][]T
	for _, item := range items {
		i := improved(hash(item)) >> shift & 31
		node[i] = append(node[i], item)
	}
	for _, own := range node {
		if len(own) == 1 {
			dst = append(dst, own[0])
		}
	}
	for _, child := range node {
		if len(child) > 1 {
			dst = appendTrie(dst, child, hash, shift+5)
		}
	}
	return dst
}

// improved is scala.collection.Hashing.improve.
func improved(h uint32) uint32 {
	h += ^(h << 9)
	h ^= h >> 14
	h += h << 4
	return h ^ h>>10
}

// mutableOrder returns items in the order in which a mutable HashMap of so many elements hands them out: by bucket, and
// within one by hash.
func mutableOrder[T any](items []T, of int, hash func(T) uint32) []T {
	buckets := uint32(16)
	for 4*of >= 3*int(buckets) {
		buckets *= 2
	}
	spread := func(item T) uint32 { h := hash(item); return h ^ h>>16 }
	ordered := slices.Clone(items)
	slices.SortStableFunc(ordered, func(a, b T) int {
		ha, hb := spread(a), spread(b)
		return cmp.Or(cmp.Compare(ha&(buckets-1), hb&(buckets-1)), cmp.Compare(int32(ha), int32(hb)))
	})
	return ordered
}

// partitionHash is TopicPartition.hashCode.
func partitionHash(k partitionKey) uint32 { return 31*(31+uint32(k.partition)) + javaHash(k.topic) }

// ranks are the places of names in an order.
func ranks(order []string) map[string]int {
	at := make(map[string]int, len(order))
	for i, n := range order {
		at[n] = i
	}
	return at
}
