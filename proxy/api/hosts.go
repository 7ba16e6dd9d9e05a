package api

import (
	"strconv"
	"strings"
)

// advertise replaces a broker's address in an answer by the one that clients shall see, and says whether that changed
// it. What stands for "no node" (a coordinator error: node -1, host "", port -1) stays as it is. An error means that
// no address can be given: the answer must not pass, for a client that reads the broker's own goes round us.
func (x *Exchange) advertise(node int32, host *string, port *int32) (changed bool, err error) {
	if node < 0 && *host == "" {
		return false, nil
	}
	h, p, err := x.Env.Route.Advertise(node, *host, *port)
	if err != nil {
		return false, err
	}
	changed = h != *host || p != *port
	*host, *port = h, p
	return changed, nil
}

// hostPort writes an address as Kafka's configuration does: IPv6 in brackets.
func hostPort(host string, port int32) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(port))
}
