package policy

import (
	"runtime/debug"
	"testing"
)

// TestRoom: the collector is as it was when the last load is done, and the room is bounded.
func TestRoom(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(80))
	one, two := makeRoom(), makeRoom()
	one()
	percent := debug.SetGCPercent(80)
	debug.SetGCPercent(percent)
	if percent <= 80 {
		t.Errorf("while a policy loads the collector has %d%%", percent)
	}
	two()
	if percent := debug.SetGCPercent(80); percent != 80 {
		t.Errorf("after the loads the collector has %d%%; it had 80%%", percent)
	}
	for _, live := range []uint64{0, 16 << 20, 100 << 20, 10 << 30} {
		if more := uint64(roomy(100, live)-100) * live / 100; more > loadRoom {
			t.Errorf("with a heap of %d bytes there is room for %d", live, more)
		}
	}
	if roomy(-1, 0) != -1 {
		t.Error("a collector that is switched off was switched on")
	}
}
