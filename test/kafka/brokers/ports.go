package brokers

import (
	"fmt"
	"net"
	"os"
	"sync"
)

// Loopback is where brokers and doorkeeper listen. Tapped is the address of the same machine under which a tap
// listens, on the same ports: what is advertised there is read by the tap.
const (
	Loopback = "127.0.0.1"
	Tapped   = "127.0.0.2"
)

// Ports are taken from below the range from which the kernel takes ports for outgoing connections (32768 and up on
// Linux), so that none is lost between the probe and its use. Test binaries start at different places of it.
const firstPort, lastPort = 15000, 32000

var portCursor struct {
	sync.Mutex
	next int
}

// FreePorts returns the first of n ports in a row that nobody listens on, at both addresses.
func FreePorts(n int) (int, error) {
	portCursor.Lock()
	defer portCursor.Unlock()
	if portCursor.next == 0 {
		portCursor.next = firstPort + os.Getpid()*97%(lastPort-firstPort)
	}
	for range lastPort - firstPort {
		first := portCursor.next
		if first+n > lastPort {
			portCursor.next = firstPort
			continue
		}
		if taken := firstTaken(first, n); taken > 0 {
			portCursor.next = taken + 1
			continue
		}
		portCursor.next = first + n
		return first, nil
	}
	return 0, fmt.Errorf("no %d free ports in a row between %d and %d", n, firstPort, lastPort)
}

// firstTaken returns the first port that cannot be bound, 0 for none.
func firstTaken(first, n int) int {
	for port := first; port < first+n; port++ {
		for _, host := range []string{Loopback, Tapped} {
			l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", host, port))
			if err != nil {
				return port
			}
			l.Close()
		}
	}
	return 0
}
