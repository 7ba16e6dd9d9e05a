package relay

import "testing"

func TestGauge(t *testing.T) {
	const k = 1 << 10
	type ask struct {
		batch  int64 // noted before
		left   int64
		queued int
		want   bool
	}
	for name, c := range map[string]struct {
		mode Mode
		asks []ask
	}{
		"starts in user mode":        {ModeAuto, []ask{{0, 1000 * k, 1000 * k, false}}},
		"large batches":              {ModeAuto, []ask{{64 * k, 1000 * k, 1000 * k, true}}},
		"small batches":              {ModeAuto, []ask{{4 * k, 1000 * k, 1000 * k, false}}},
		"small frame":                {ModeAuto, []ask{{64 * k, 127 * k, 1000 * k, false}}},
		"short runs":                 {ModeAuto, []ask{{64 * k, 1000 * k, 32 * k, false}}},
		"queue does not matter on":   {ModeAuto, []ask{{64 * k, 1000 * k, 64 * k, true}, {64 * k, 1000 * k, 0, true}}},
		"leaves at a small frame":    {ModeAuto, []ask{{64 * k, 1000 * k, 64 * k, true}, {64 * k, 100 * k, 0, false}, {64 * k, 1000 * k, 0, false}}},
		"stays between the marks":    {ModeAuto, []ask{{14 * k, 1000 * k, 64 * k, true}, {2 * k, 1000 * k, 64 * k, true}}}, // 14 -> 11
		"leaves below":               {ModeAuto, []ask{{14 * k, 1000 * k, 64 * k, true}, {1, 1000 * k, 64 * k, true}, {1, 1000 * k, 64 * k, false}}},
		"does not enter between":     {ModeAuto, []ask{{10 * k, 1000 * k, 64 * k, false}}},
		"one small batch is no news": {ModeAuto, []ask{{1000 * k, 1000 * k, 64 * k, true}, {1, 1000 * k, 64 * k, true}}},
		"forced user":                {ModeUser, []ask{{1000 * k, 1000 * k, 1000 * k, false}}},
		"forced kernel":              {ModeKernel, []ask{{0, 0, 0, true}}},
	} {
		t.Run(name, func(t *testing.T) {
			g := Gauge{Mode: c.mode}
			for i, a := range c.asks {
				if a.batch > 0 {
					g.Batch(a.batch)
				}
				if got := g.Choose(a.left, a.queued); got != a.want {
					t.Errorf("%d: kernel mode %v, want %v (average %d)", i, got, a.want, g.Average())
				}
			}
		})
	}
}

func TestGaugeStaysAndLeaves(t *testing.T) {
	g := Gauge{}
	g.Batch(100 << 10)
	if !g.Stay() || !g.Choose(1<<20, 1<<20) {
		t.Error("does not stay with large batches")
	}
	g.Leave()
	if g.Choose(1<<20, 0) {
		t.Error("enters again without looking at the queue")
	}
	for range 20 {
		g.Batch(1)
	}
	if g.Stay() {
		t.Error("stays with tiny batches")
	}
	if g.Mode = ModeKernel; !g.Stay() {
		t.Error("forced, and does not stay")
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		ModeAuto.String(): "auto", ModeUser.String(): "user", ModeKernel.String(): "kernel",
		Declined.String(): "declined", ScanFailed.String(): "scan failed", Reason(99).String(): "unknown",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
