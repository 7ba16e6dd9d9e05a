package relay

import (
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

// The peers of a benchmark are processes of their own, so that the CPU time measured is the relay's.
const peerRole = "RELAY_TEST_PEER"

// peer sends frames of 1 MiB made of batches of the size that follows the role, or swallows all there is. It prints
// its address first and serves one connection.
func peer(role string) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(l.Addr().String() + "\n")
	c, err := l.Accept()
	if err != nil {
		panic(err)
	}
	size, sends := strings.CutPrefix(role, "send ")
	if !sends {
		_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 1<<20))
		return
	}
	n, _ := strconv.Atoi(size)
	frame := encode(batches(1, (1<<20)/n, n)...)
	for err == nil {
		_, err = c.Write(frame)
	}
}
