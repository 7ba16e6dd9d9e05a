package tool

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/access"
	"doorkeeper/policy"
)

// A Question is one action with everything that a policy may look at. Empty fields are empty in the input too.
type Question struct {
	Cluster, Listener string
	Principal         string // "User:erp"; a name alone is a User's
	Auth              string // the SASL mechanism, or TLS
	Source            string // address, with or without a port
	ClientID          string
	Software          string // "name/version"
	TLSSubject, JA4   string
	Groups, Scopes    []string // of the token
	API               string   // Kafka's name; "": one that asks for such an action
	Version           int16
	Group             string
	TransactionalID   string
	ReplicaID         int32
	Operation         string
	Resource          string // a topic's name; of another type: "GROUP:name"
}

// Ask decides by a policy that is not running, at a given time.
func Ask(ctx context.Context, r *policy.Rules, q *access.Request, a *access.Action, now time.Time) (policy.Explanation, error) {
	e, err := policy.New(policy.Options{Rules: *r, Deadline: patience, Now: func() time.Time { return now }})
	if err != nil {
		return policy.Explanation{}, err
	}
	return e.Explain(ctx, q, a)
}

// patience is how long a person waits for one decision.
const patience = 10 * time.Second

// Request makes of a question what the engine is asked.
func (q *Question) Request() (*access.Request, *access.Action, error) {
	action, err := q.action()
	if err != nil {
		return nil, nil, err
	}
	key, err := q.key(action)
	if err != nil {
		return nil, nil, err
	}
	session := &access.Session{Cluster: q.Cluster, Listener: q.Listener, SourceFrom: "tcp", Broker: -1}
	if session.Source, err = parseSource(q.Source); err != nil {
		return nil, nil, err
	}
	session.Peer = session.Source
	software, version, _ := strings.Cut(q.Software, "/")
	return &access.Request{
		Session: session, Identity: q.identity(),
		Client: &access.Client{ID: q.ClientID, SoftwareName: software, SoftwareVersion: version},
		API:    key, Version: q.Version, Group: q.Group, TransactionalID: q.TransactionalID, ReplicaID: q.ReplicaID,
	}, action, nil
}

func (q *Question) identity() *access.Identity {
	i := &access.Identity{Principal: q.Principal, Source: access.Observed, Auth: q.Auth}
	if !strings.Contains(i.Principal, ":") {
		i.Principal = "User:" + i.Principal
	}
	if i.Principal == access.Anonymous {
		i.Source = access.None
	}
	if q.TLSSubject != "" || q.JA4 != "" || q.Auth == "TLS" {
		i.TLS = &access.TLS{Version: "1.3", Subject: q.TLSSubject, JA4: q.JA4}
	}
	if len(q.Groups)+len(q.Scopes) > 0 {
		i.Token = &access.Token{Groups: q.Groups, Scope: q.Scopes}
	}
	return i
}

// action reads operation and resource. A topic's name has no colon, so that a type before one is a type.
func (q *Question) action() (*access.Action, error) {
	op, err := access.ParseOperation(strings.ToUpper(q.Operation))
	if err != nil {
		return nil, err
	}
	a := &access.Action{Operation: op, Type: access.ResTopic, Name: q.Resource}
	if word, name, ok := strings.Cut(q.Resource, ":"); ok {
		if a.Type, err = access.ParseResourceType(strings.ToUpper(word)); err != nil {
			return nil, fmt.Errorf("resource %q: %w", q.Resource, err)
		}
		a.Name = name
	}
	if a.Type == access.ResCluster && a.Name == "" {
		a.Name = access.ClusterResource
	}
	return a, nil
}

// usual are the APIs that ask for an action most often.
var usual = map[access.ResourceType]map[access.Operation]kmsg.Key{
	access.ResTopic: {
		access.OpRead: kmsg.Fetch, access.OpWrite: kmsg.Produce, access.OpDescribe: kmsg.Metadata, access.OpCreate: kmsg.CreateTopics,
		access.OpDelete: kmsg.DeleteTopics, access.OpAlter: kmsg.CreatePartitions, access.OpDescribeConfigs: kmsg.DescribeConfigs,
		access.OpAlterConfigs: kmsg.IncrementalAlterConfigs,
	},
	access.ResGroup: {
		access.OpRead: kmsg.JoinGroup, access.OpDescribe: kmsg.DescribeGroups, access.OpDelete: kmsg.DeleteGroups,
	},
	access.ResTransactionalID: {access.OpWrite: kmsg.InitProducerID, access.OpDescribe: kmsg.DescribeTransactions},
	access.ResCluster: {
		access.OpIdempotentWrite: kmsg.InitProducerID, access.OpDescribe: kmsg.DescribeCluster, access.OpCreate: kmsg.CreateTopics,
		access.OpAlter: kmsg.CreateACLs, access.OpClusterAction: kmsg.Fetch,
	},
}

func (q *Question) key(a *access.Action) (int16, error) {
	if q.API == "" {
		if key, ok := usual[a.Type][a.Operation]; ok {
			return int16(key), nil
		}
		return int16(kmsg.Metadata), nil
	}
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		if name := kmsg.NameForKey(key); name != "" && strings.EqualFold(name, q.API) {
			return key, nil
		}
	}
	return 0, fmt.Errorf("%q is no API of Kafka's: write it as in Fetch", q.API)
}

func parseSource(text string) (netip.AddrPort, error) {
	if text == "" {
		text = "127.0.0.1"
	}
	if full, err := netip.ParseAddrPort(text); err == nil {
		return full, nil
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("source %q is no address", text)
	}
	return netip.AddrPortFrom(ip, 0), nil
}
