package relay

// Info is what TCP knows of a connection's sending side (tcp(7), TCP_INFO).
type Info struct {
	Acked   uint64 // bytes that the peer's TCP acknowledged
	Unsent  uint32 // bytes handed over and not sent yet
	RTT     uint32 // smoothed round trip, microseconds
	Retrans uint32 // segments sent again
	Ended   bool   // the peer sends nothing more, or the connection is gone
}
