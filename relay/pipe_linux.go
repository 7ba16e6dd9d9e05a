package relay

import "golang.org/x/sys/unix"

// A pipe is both ends of a kernel pipe, and what it holds at most.
type pipe struct{ r, w, size int }

// openPipe returns a pipe of about size bytes, or less if the system will not give more; nil without descriptors.
func openPipe(size int) *pipe {
	var fd [2]int
	if unix.Pipe2(fd[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	got, err := unix.FcntlInt(uintptr(fd[1]), unix.F_SETPIPE_SZ, size)
	if err != nil {
		got, _ = unix.FcntlInt(uintptr(fd[1]), unix.F_GETPIPE_SZ, 0)
	}
	return &pipe{r: fd[0], w: fd[1], size: got}
}

func (p *pipe) close() {
	_ = unix.Close(p.r)
	_ = unix.Close(p.w)
}
