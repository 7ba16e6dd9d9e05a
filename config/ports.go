package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// portSpan is how many ports behind first_port are taken to be in use. Node ids are the cluster's and may be higher;
// ten of them catch the ranges that are certain to meet.
const portSpan = 10

// bound is a run of ports that the configuration will listen on.
type bound struct {
	path        string
	host        string
	first, last int
}

// overlaps says whether two runs claim a port of the same address. A wildcard claims it on every address.
func (b bound) overlaps(o bound) bool {
	return b.first <= o.last && o.first <= b.last && (b.host == o.host || wildcard(b.host) || wildcard(o.host))
}

// rangeHint explains where the end of a range came from.
func rangeHint(bounds ...bound) string {
	for _, b := range bounds {
		if b.first != b.last {
			return fmt.Sprintf("; %d ports are kept for the brokers behind first_port, and more if node ids are higher", portSpan)
		}
	}
	return ""
}

func (b bound) String() string {
	if b.first == b.last {
		return strconv.Itoa(b.first)
	}
	return fmt.Sprintf("%d to %d", b.first, b.last)
}

func wildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// checkPorts finds listeners that would fight for a port. Port 0 fights with nobody.
func (c *Config) checkPorts() {
	var taken []bound
	claim := func(b bound) {
		for _, o := range taken {
			if b.first > 0 && b.overlaps(o) {
				c.source.fail(b.path, "port %s is taken by %s (%s): move one of them%s", b, o.path, o, rangeHint(b, o))
				break
			}
		}
		if b.first > 0 {
			taken = append(taken, b)
		}
	}
	single := func(path, address string) (host string) {
		host, service, err := net.SplitHostPort(address)
		port, _ := strconv.Atoi(service)
		if err == nil {
			claim(bound{path, host, port, port})
		}
		return host
	}
	for i := range c.Clusters {
		for j, l := range c.Clusters[i].Listeners {
			path := fmt.Sprintf("clusters[%d].listeners[%d]", i, j)
			host := single(path+".address", l.Address)
			if l.Routing == "ports" && l.FirstPort > 0 {
				claim(bound{path + ".first_port", host, l.FirstPort, l.FirstPort + portSpan - 1})
			}
		}
	}
	single("admin.address", c.Admin.Address)
}
