//go:build !linux

package net

import "testing"

func TestLinux(t *testing.T) {
	t.Fatal("these tests need Linux, and root on it")
}
