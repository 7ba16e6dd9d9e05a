package proxy

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"doorkeeper/cluster"
	"doorkeeper/proxy/api"
)

// A clusterState is one cluster while the proxy runs.
type clusterState struct {
	name      string
	cluster   *cluster.Cluster
	spec      atomic.Pointer[ClusterSpec]
	next      atomic.Uint32 // turns through the bootstrap addresses
	dialed    atomic.Pointer[dialResult]
	listeners map[string]*listener // by name; guarded by Proxy.mu

	transactions api.Transactions // who was allowed which transactional id
	autoCreate   api.AutoCreate   // which brokers create topics
	reaches      reaches          // how far back its partitions may be read
}

// Apply makes the proxy serve exactly these clusters and listeners: what is new is opened, what is gone is closed (its
// connections are let go on), what changed holds for new connections. It is all or nothing: on an error nothing has
// changed. A changed address is a new listener; the same name cannot move while it serves.
func (p *Proxy) Apply(specs []ClusterSpec) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("proxy: closed")
	}
	plan, err := p.plan(specs)
	if err != nil {
		for _, l := range plan.opened {
			l.close()
		}
		return err
	}
	for _, l := range plan.gone {
		l.close()
	}
	for l, s := range plan.kept {
		l.spec.Store(&s)
	}
	for i := range specs {
		plan.clusters[specs[i].Name].spec.Store(&specs[i])
	}
	p.clusters = plan.clusters
	for _, s := range p.clusters {
		s.listeners = plan.listeners[s.name]
	}
	for _, l := range plan.opened {
		l.start()
	}
	return nil
}

// A plan is what Apply will do, with everything that can fail already done.
type plan struct {
	clusters  map[string]*clusterState
	listeners map[string]map[string]*listener
	opened    []*listener
	kept      map[*listener]ListenerSpec
	gone      []*listener
}

// plan is called with mu held.
func (p *Proxy) plan(specs []ClusterSpec) (*plan, error) {
	n := &plan{
		clusters: map[string]*clusterState{}, listeners: map[string]map[string]*listener{}, kept: map[*listener]ListenerSpec{},
	}
	for i := range specs {
		spec := &specs[i]
		s := p.clusters[spec.Name]
		if s == nil {
			s = &clusterState{name: spec.Name, cluster: spec.Cluster}
		}
		n.clusters[spec.Name] = s
		n.listeners[spec.Name] = map[string]*listener{}
		for _, ls := range spec.Listeners {
			l, err := p.planListener(n, s, ls)
			if err != nil {
				return n, fmt.Errorf("cluster %s, listener %s: %w", spec.Name, ls.Name, err)
			}
			n.listeners[spec.Name][ls.Name] = l
		}
	}
	for name, s := range p.clusters {
		for _, l := range s.listeners {
			if n.listeners[name][l.name] != l {
				n.gone = append(n.gone, l)
			}
		}
	}
	return n, nil
}

func (p *Proxy) planListener(n *plan, s *clusterState, spec ListenerSpec) (*listener, error) {
	if old := s.listeners[spec.Name]; old != nil {
		if was := old.spec.Load(); was.Address == spec.Address && was.FirstPort == spec.FirstPort {
			n.kept[old] = spec
			return old, nil
		}
		return nil, errors.New("address and first_port cannot change while it serves: give the listener a new name, or restart")
	}
	l, err := newListener(p, s, spec)
	if l != nil {
		n.opened = append(n.opened, l)
	}
	return l, err
}

// ListenerAddr is an address that is bound.
type ListenerAddr struct {
	Cluster, Listener string
	Address           net.Addr
	Node              int32 // -1: the bootstrap address
}

// Addresses lists what is bound, in no order.
func (p *Proxy) Addresses() []ListenerAddr {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []ListenerAddr
	for _, s := range p.clusters {
		for _, l := range s.listeners {
			all = append(all, l.addresses()...)
		}
	}
	return all
}

// Ready returns nil when everything that should listen does, and the last dial to every cluster succeeded.
func (p *Proxy) Ready() error {
	if p.draining.Load() {
		return errors.New("draining")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, s := range p.clusters {
		for _, l := range s.listeners {
			if err := l.ready(); err != nil {
				errs = append(errs, fmt.Errorf("cluster %s, listener %s: %w", s.name, l.name, err))
			}
		}
		if d := s.dialed.Load(); d != nil && d.err != nil {
			errs = append(errs, fmt.Errorf("cluster %s: %w", s.name, d.err))
		}
	}
	return errors.Join(errs...)
}
