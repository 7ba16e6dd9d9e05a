//go:build linux

package net

import (
	"testing"

	"doorkeeper/test/net/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main(m, map[string]func() error{"ask": ask})
}
