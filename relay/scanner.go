package relay

// A Scanner sees the bytes of one direction of a connection before they pass, in order and without a gap.
//
// The movers share it and may take turns. Whenever a mover returns without an error, the Scanner stands exactly
// where the source socket's read position is, so that the other mover can go on.
//
// In kernel mode Scan, Opaque, Skip and Kernel are called with the source's descriptor locked: they must not wait for
// long, and closing the source from within them would wait for itself. To end the connection, Scan returns an error.
type Scanner interface {
	// Scan sees the next bytes of the stream and lets a prefix of n bytes pass. It stops in front of an element that
	// is not there as a whole, and is shown those bytes again with more behind them. It may let opaque bytes in p
	// pass too. p can reach beyond the open frame: where that ends is the Scanner's knowledge.
	//
	// In user mode it may change the n bytes in place; in kernel mode p is a copy, and nothing that it changes
	// reaches the destination: a Scanner that must change something lets nothing pass (n is 0) and says so from Kernel.
	// After an error the mover hands over nothing more, not even what passed before.
	Scan(p []byte) (n int, err error)

	// Opaque returns how many bytes from here on need not be seen.
	Opaque() int64

	// Skip lets n bytes pass unseen. n is at most Opaque.
	Skip(n int64)

	// Kernel says whether the next bytes may pass in kernel mode, and how many bytes of the open frame are left; 0 at
	// a frame boundary. It is asked before each Scan in kernel mode, and again when a Scan let nothing pass: at a
	// frame boundary, a Scanner can be shown the head of the next frame, let nothing of it pass, and then decline.
	Kernel() (left int64, ok bool)

	// Commit is called before bytes that passed are handed to the destination's socket: after an error they are not. It
	// may wait.
	Commit() error

	// Release is told that n bytes more were handed to the destination's socket. An error ends the mover.
	Release(n int64) error
}

// MaxElement is the largest element, in bytes, that a mover collects for a Scanner that asks for more by letting
// nothing pass.
const MaxElement = 128 << 10

// A Reason says why a mover returned, and which side an error belongs to.
type Reason uint8

// The reasons. Only Declined and NoPipe come without an error.
const (
	Declined     Reason = iota // Kernel said no: go on in user mode
	NoPipe                     // no pipe of a useful size is free: go on in user mode
	Ended                      // the source ended (io.EOF); all that passed was handed over
	Woken                      // a deadline passed (os.ErrDeadlineExceeded): call the same mover again to go on
	SourceFailed               // reading failed
	SinkFailed                 // writing failed
	ScanFailed                 // Scan, Commit or Release returned the error
)

var reasonNames = [...]string{"declined", "no pipe", "ended", "woken", "source failed", "sink failed", "scan failed"}

// String returns the reason in lower case, for logs.
func (r Reason) String() string {
	if int(r) >= len(reasonNames) {
		return "unknown"
	}
	return reasonNames[r]
}
