package api

// Brokers put what they answer into Scala's sets, too.

// keepsOrder is up to how many elements a Scala set hands out as they were added.
const keepsOrder = 4

// scalaOrder returns names, each of which stands there once, in the order in which a scala.collection.immutable.HashSet
// hands them out: a trie over the improved hash code, five bits a level, of which each node gives its own elements
// before those of its children.
func scalaOrder(names []string) []string {
	return appendScala(make([]string, 0, len(names)), names, 0)
}

func appendScala(dst, names []string, shift uint) []string {
	if len(names) <= 1 || shift >= 32 { // the same hash code: as they were added
		return append(dst, names...)
	}
	var node [32][]string
	for _, n := range names {
		i := scalaHash(n) >> shift & 31
		node[i] = append(node[i], n)
	}
	for _, own := range node {
		if len(own) == 1 {
			dst = append(dst, own[0])
		}
	}
	for _, child := range node {
		if len(child) > 1 {
			dst = appendScala(dst, child, shift+5)
		}
	}
	return dst
}

// scalaHash is scala.collection.Hashing.improve of a string's hash code.
func scalaHash(s string) uint32 {
	h := javaHash(s)
	h += ^(h << 9)
	h ^= h >> 14
	h += h << 4
	return h ^ h>>10
}

// ranks are the places of names in an order.
func ranks(order []string) map[string]int {
	at := make(map[string]int, len(order))
	for i, n := range order {
		at[n] = i
	}
	return at
}
