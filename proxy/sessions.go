package proxy

import (
	"slices"
	"time"

	"doorkeeper/access"
	"doorkeeper/proxy/api"
)

// SessionInfo is what a person sees of a live session.
type SessionInfo struct {
	ID              string
	Opened          time.Time
	Cluster         string
	Listener        string
	Broker          int32 // -1: behind a bootstrap address
	Source          string
	Principal       string
	PrincipalSource string
	Auth            string
	ClientID        string
	Software        string
	BytesIn         int64 // from the client
	BytesOut        int64 // to the client
	InFlight        int
	LastAPI         string
}

// Sessions lists the live sessions, oldest first.
func (p *Proxy) Sessions() []SessionInfo {
	conns := p.snapshot()
	all := make([]SessionInfo, 0, len(conns))
	for _, c := range conns {
		all = append(all, c.info())
	}
	slices.SortFunc(all, func(a, b SessionInfo) int { return a.Opened.Compare(b.Opened) })
	return all
}

// Askers are what decisions about a principal's live sessions are made of: session, identity and client.
func (p *Proxy) Askers(principal string) []access.Request {
	var all []access.Request
	for _, c := range p.snapshot() {
		id, who := c.identity.Load(), c.who.Load()
		if id == nil || id.Principal != principal {
			continue
		}
		if who == nil {
			who = &access.Client{}
		}
		all = append(all, access.Request{Session: c.session, Identity: id, Client: who, ReplicaID: -1})
	}
	return all
}

func (c *conn) info() SessionInfo {
	i := SessionInfo{
		ID: c.session.ID.String(), Opened: c.session.Opened, Cluster: c.session.Cluster, Listener: c.session.Listener,
		Broker: c.session.Broker, Source: c.session.Source.String(),
		BytesIn: c.meter.clientIn.Load(), BytesOut: c.meter.clientOut.Load(), InFlight: c.queue.len(),
	}
	if id := c.identity.Load(); id != nil {
		i.Principal, i.PrincipalSource, i.Auth = id.Principal, id.Source, id.Auth
	}
	if who := c.who.Load(); who != nil {
		i.ClientID, i.Software = who.ID, who.SoftwareName
		if who.SoftwareVersion != "" {
			i.Software += "/" + who.SoftwareVersion
		}
	}
	if a := api.Lookup(int16(c.lastAPI.Load())); a != nil && c.meter.brokerOut.Load() > 0 {
		i.LastAPI = a.Name()
	}
	return i
}
