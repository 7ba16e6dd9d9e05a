package evidence

import (
	"crypto/sha256"
	"hash"

	"golang.org/x/mod/sumdb/tlog"
)

// A tree is an RFC 6962 tree hash while it grows. Its state is the roots of the full subtrees, the largest first: as many
// as n has bits set.
type tree struct {
	n     int64
	roots []tlog.Hash
	leaf  hash.Hash
}

// add appends a leaf's data and returns the leaf's hash.
func (t *tree) add(data []byte) tlog.Hash {
	if t.leaf == nil {
		t.leaf = sha256.New()
	}
	t.leaf.Reset()
	t.leaf.Write(leafPrefix)
	t.leaf.Write(data)
	var h tlog.Hash
	t.leaf.Sum(h[:0])
	t.addHash(h)
	return h
}

var leafPrefix = []byte{0}

func (t *tree) addHash(h tlog.Hash) {
	for n := t.n; n&1 == 1; n >>= 1 {
		last := len(t.roots) - 1
		h = nodeHash(&t.roots[last], &h)
		t.roots = t.roots[:last]
	}
	t.roots = append(t.roots, h)
	t.n++
}

// root is the tree hash of what was added so far.
func (t *tree) root() tlog.Hash {
	if t.n == 0 {
		return sha256.Sum256(nil)
	}
	h := t.roots[len(t.roots)-1]
	for i := len(t.roots) - 2; i >= 0; i-- {
		h = nodeHash(&t.roots[i], &h)
	}
	return h
}

func nodeHash(left, right *tlog.Hash) tlog.Hash {
	var b [1 + 2*tlog.HashSize]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+tlog.HashSize:], right[:])
	return sha256.Sum256(b[:])
}
