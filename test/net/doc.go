// Package net holds the tests that need root on Linux: thousands of descriptors, other users, network namespaces. They
// drive the real binary from outside, in front of a synthetic broker, and hold bytes and records against the truth.
//
// Besides Go they need iproute2 (ip, tc) and util-linux (prlimit).
//
// They run in a mount and a network namespace of their own (package sandbox). Run them with -count=1: the binary under
// test is none of the files that go test looks at to tell whether something has changed.
package net
