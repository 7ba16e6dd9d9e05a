package proxy

import (
	"net/netip"
)

// portsRoute gives the brokers addresses by ports: broker n is at first_port + n, on the host that the listener
// advertises, by default the one that the client connected to.
type portsRoute struct {
	l     *listener
	local netip.AddrPort
}

// Advertise implements api.Route.
func (r portsRoute) Advertise(node int32, _ string, _ int32) (string, int32, error) {
	port, err := r.l.node(node)
	if err != nil {
		return "", 0, err
	}
	host := r.l.spec.Load().AdvertisedHost
	if host == "" {
		host = r.local.Addr().String()
	}
	return host, port, nil
}
