//go:build race

package proxy

// raced: the race detector lets pools drop what they are given, so that allocations say nothing.
const raced = true
