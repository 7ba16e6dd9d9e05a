package protocol_test

import (
	"errors"
	"math"
	"testing"

	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// renamed holds the code that Kafka calls by another name today than kerr does.
var renamed = map[int16]string{6: "NOT_LEADER_OR_FOLLOWER"}

// Our names are kerr's, for every code there can be.
func TestErrorNames(t *testing.T) {
	known := 0
	for i := math.MinInt16; i <= math.MaxInt16; i++ {
		code := int16(i)
		got := protocol.ErrorName(code)
		want := "NONE"
		if code != 0 {
			var e *kerr.Error
			if !errors.As(kerr.ErrorForCode(code), &e) || e.Code != code {
				continue // kerr does not know it
			}
			want = e.Message
		}
		if new, ok := renamed[code]; ok {
			want = new
		}
		if known++; got != want {
			t.Errorf("%d is %s, not %s", code, got, want)
		}
	}
	if known < 130 {
		t.Errorf("only %d codes", known)
	}
	if got := protocol.ErrorName(9999); got != "UNKNOWN_9999" {
		t.Error(got)
	}
	if got := protocol.ErrorName(-2); got != "UNKNOWN_-2" {
		t.Error(got)
	}
}

// Headers are flexible where kmsg says so, ApiVersions' answer never.
func TestFlexible(t *testing.T) {
	for key := int16(-1); key <= kmsg.MaxKey+1; key++ {
		r := kmsg.RequestForKey(key)
		last, known := protocol.MaxVersion(key)
		if known != (r != nil) {
			t.Errorf("key %d: known %v", key, known)
		}
		if r == nil {
			if protocol.RequestFlexible(key, 0) || protocol.ResponseHeaderTags(key, 0) {
				t.Errorf("unknown key %d is flexible", key)
			}
			continue
		}
		if last != r.MaxVersion() {
			t.Errorf("key %d: up to %d, kmsg knows %d: read what it changed, then move the scanner's version", key, last, r.MaxVersion())
		}
		for v := int16(0); v <= last+1; v++ {
			r.SetVersion(v)
			if got := protocol.RequestFlexible(key, v); got != r.IsFlexible() {
				t.Errorf("key %d v%d: flexible %v", key, v, got)
			}
			want := r.ResponseKind().IsFlexible() && key != 18
			if got := protocol.ResponseHeaderTags(key, v); got != want {
				t.Errorf("key %d v%d: response tags %v", key, v, got)
			}
		}
	}
}
