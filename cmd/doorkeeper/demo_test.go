package main

import (
	"errors"
	"testing"
)

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// The demo ends when its output does, and not when one of its clients does.
func TestDemoHearsThatNobodyReads(t *testing.T) {
	gone := false
	w := &watched{brokenPipe{}, func() { gone = true }}
	if _, err := w.Write([]byte("x")); err == nil || !gone {
		t.Errorf("error %v, noticed %v", err, gone)
	}
}
