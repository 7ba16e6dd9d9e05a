package app

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"doorkeeper/config"
	"doorkeeper/identity"
	"doorkeeper/proxy"
)

// sortedBy lists a map's values in the order of a name.
func sortedBy[K comparable, V any](m map[K]V, name func(V) string) []V {
	return slices.SortedFunc(maps.Values(m), func(a, b V) int { return cmp.Compare(name(a), name(b)) })
}

// A plan is a configuration turned into what the proxy serves, with everything opened that can fail to open.
type plan struct {
	config  *config.Config
	specs   []proxy.ClusterSpec
	keepers keepers
	opened  []string // clusters that were opened for it: forgotten if it is not carried out
}

// newPlan keeps the keepers that running already has for the same files. running may be nil.
func (a *App) newPlan(c *config.Config, running *plan) (*plan, error) {
	p := &plan{config: c, keepers: keepers{}}
	var old keepers
	if running != nil {
		old = running.keepers
	}
	if t := c.Admin.TLS; t != nil {
		if _, err := p.keepers.get(old, adminPurpose(t)); err != nil {
			return nil, c.Problem("admin.tls", "%v", err)
		}
	}
	for i := range c.Sinks {
		if t := c.Sinks[i].TLS; t != nil {
			if _, err := p.keepers.get(old, upstreamPurpose(t)); err != nil {
				return nil, c.Problem(fmt.Sprintf("sinks[%d].tls", i), "%v", err)
			}
		}
	}
	for i := range c.Clusters {
		spec, err := a.clusterSpec(p, old, fmt.Sprintf("clusters[%d]", i), &c.Clusters[i])
		if err != nil {
			a.clusters.forget(p.opened)
			return nil, err
		}
		p.specs = append(p.specs, spec)
	}
	return p, nil
}

func (a *App) clusterSpec(p *plan, old keepers, path string, c *config.Cluster) (proxy.ClusterSpec, error) {
	spec := proxy.ClusterSpec{Name: c.Name, Bootstrap: c.Bootstrap}
	known, fresh, err := a.clusters.open(c.Name)
	if err != nil {
		return spec, fmt.Errorf("cluster %s: %w", c.Name, err)
	}
	if fresh {
		p.opened = append(p.opened, c.Name)
	}
	spec.Cluster = known
	if c.TLS != nil {
		k, err := p.keepers.get(old, upstreamPurpose(c.TLS))
		if err != nil {
			return spec, p.config.Problem(path+".tls", "%v", err)
		}
		spec.TLS = &proxy.UpstreamTLS{Config: k.config, ServerName: c.TLS.ServerName}
	}
	for i := range c.Listeners {
		l, err := listenerSpec(p, old, fmt.Sprintf("%s.listeners[%d]", path, i), &c.Listeners[i])
		if err != nil {
			return spec, err
		}
		spec.Listeners = append(spec.Listeners, l)
	}
	return spec, nil
}

func listenerSpec(p *plan, old keepers, path string, l *config.Listener) (proxy.ListenerSpec, error) {
	spec := proxy.ListenerSpec{
		Name: l.Name, Address: l.Address, AdvertisedHost: l.AdvertisedHost, FirstPort: l.FirstPort,
		OAuth:           identity.OAuth{PrincipalClaim: l.OAuth.PrincipalClaim, Claims: l.OAuth.Claims},
		AllowUnverified: l.AllowUnverified,
	}
	var err error
	if spec.Mapping, err = identity.ParseMapping(l.PrincipalMapping); err != nil {
		return spec, p.config.Problem(path+".principal_mapping", "%v", err)
	}
	if l.TLS != nil {
		k, err := p.keepers.get(old, listenerPurpose(l.TLS))
		if err != nil {
			return spec, p.config.Problem(path+".tls", "%v", err)
		}
		spec.TLS = k.config
	}
	return spec, nil
}

// Check says whether a configuration can be turned into what the proxy serves: what only other parts than config can
// judge. It opens nothing.
func Check(c *config.Config) error {
	if err := checkLaw(c); err != nil {
		return err
	}
	for i := range c.Clusters {
		for j := range c.Clusters[i].Listeners {
			path := fmt.Sprintf("clusters[%d].listeners[%d]", i, j)
			if _, err := listenerSpec(&plan{config: c, keepers: keepers{}}, nil, path, &c.Clusters[i].Listeners[j]); err != nil {
				return err
			}
		}
	}
	return nil
}
