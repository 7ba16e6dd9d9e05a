package relay

import "net"

// Reset closes c so that the peer gets nothing more: what lies in the send queue is discarded and a RST goes out
// (SO_LINGER 0, socket(7)). After a plain close the peer still receives all that the kernel holds, which can be
// megabytes. When Reset returns, no mover hands another byte to c. It may be called from any goroutine.
func Reset(c *net.TCPConn) error {
	if err := c.SetLinger(0); err != nil {
		return err // closed already
	}
	return c.Close()
}
