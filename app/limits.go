package app

import (
	"log/slog"

	"doorkeeper/config"
	"doorkeeper/proxy"
)

// reserved are the descriptors that are not connections': listeners, pipes, files, the admin API.
const reserved = 512

// limits turns the configured ones into the proxy's. A connection needs two descriptors; running out of them would
// fail what is open, so connections are bounded by what there is.
func limits(c config.Limits, descriptors int, log *slog.Logger) proxy.Limits {
	most := max((descriptors-reserved)/2, 1)
	connections := c.Connections
	if connections > most {
		log.Warn("limits.connections is lowered: each connection needs two file descriptors; raise the limit of open files (ulimit -n, LimitNOFILE=)",
			"configured", c.Connections, "connections", most, "descriptors", descriptors)
	}
	if connections == 0 || connections > most {
		connections = most
	}
	return proxy.Limits{
		Connections: connections, PerSource: c.ConnectionsPerSource, InFlight: c.InFlight,
		ProduceFrame: int64(c.ProduceFrame), Buffers: int64(c.Buffers),
	}
}

func timeouts(c config.Timeouts) proxy.Timeouts {
	return proxy.Timeouts{Handshake: c.Handshake, Dial: c.Dial, Frame: c.Frame, Stall: c.Stall, Drain: c.Drain}
}
