package relay

// Mode says which mover a connection may use.
type Mode uint8

// Auto lets Gauge choose. Kernel still gives way to user mode where kernel mode is not possible.
const (
	ModeAuto Mode = iota
	ModeUser
	ModeKernel
)

// String returns the mode as configuration names it.
func (m Mode) String() string { return [...]string{"auto", "user", "kernel"}[min(m, ModeKernel)] }

// What kernel mode needs to pay, in bytes. Measured against real brokers: splicing runs shorter than this costs more
// than copying them, and every switch has a cost of its own, so that leaving is later than entering.
const (
	minLeft      = 128 << 10 // left in the open frame
	minQueued    = 64 << 10  // waiting in the receive queue: a network that paces short runs is served better by copying
	enterAverage = 12 << 10  // average batch to enter kernel mode
	leaveAverage = 8 << 10   // and to leave it
)

// A Gauge chooses the mover for one connection from what flows through it. It is a value without locks or clocks:
// one owner feeds it and asks it. The zero Gauge chooses by itself; Mode forces.
type Gauge struct {
	Mode    Mode
	average int64 // of batch sizes, exponential, weight 1/4
	kernel  bool
}

// Batch notes a batch of n bytes.
func (g *Gauge) Batch(n int64) {
	if g.average == 0 {
		g.average = n
		return
	}
	g.average += (n - g.average) / 4
}

// Average returns the average batch in bytes, the last ones weighing most; 0 before the first.
func (g *Gauge) Average() int64 { return g.average }

// Choose says whether kernel mode suits, given the bytes left in the open frame and those waiting in the receive
// queue (see Queued). While kernel mode lasts, what is queued is not asked for: it drains the queue itself.
func (g *Gauge) Choose(left int64, queued int) bool {
	switch g.Mode {
	case ModeUser:
		g.kernel = false
	case ModeKernel:
		g.kernel = true
	default:
		if g.kernel {
			g.kernel = left >= minLeft && g.average >= leaveAverage
		} else {
			g.kernel = g.Ready(left) && queued >= minQueued
		}
	}
	return g.kernel
}

// Ready says whether kernel mode may suit once enough is queued: worth a look at the queue, which Choose wants.
func (g *Gauge) Ready(left int64) bool { return left >= minLeft && g.average >= enterAverage }

// Stay says whether kernel mode should go on in the middle of a frame: the batches are still large enough. How much
// is left of the frame does not matter there, since the way back would cost more than the rest.
func (g *Gauge) Stay() bool {
	return g.Mode == ModeKernel || g.Mode == ModeAuto && g.average >= leaveAverage
}

// Leave notes that kernel mode ended for a reason of its own.
func (g *Gauge) Leave() { g.kernel = false }
