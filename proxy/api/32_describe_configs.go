package api

import (
	"strconv"
	"strings"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeConfigs (key 32), versions 0 to 4 (KIP-133).
//
//   - v1: synonyms (KIP-226); v3: types and documentation (KIP-569); v4: flexible
//
// Actions: DESCRIBE_CONFIGS on each topic or group, on the cluster for brokers, their loggers and client metrics.
//
// Denied: 29, 30 or 31 with Kafka's message, by the resource's type, behind the broker's own entries. A type that Kafka
// does not know makes it answer 42 for everything, so a denied request with one is answered that. Refused: the connection
// ends.
//
// A broker's settings hold its addresses, and its synonyms hold them again: they are rewritten, or emptied where they
// are addresses that clients have no business with.
var describeConfigsRow = row(kmsg.DescribeConfigs, deriveDescribeConfigs, rewriteDescribeConfigs, each, denies(denyDescribeConfigs))

func deriveDescribeConfigs(x *Exchange, q *kmsg.DescribeConfigsRequest) error {
	for i := range q.Resources {
		x.askConfig(access.OpDescribeConfigs, q.Resources[i].ResourceType, q.Resources[i].ResourceName)
	}
	return nil
}

// configResource is the resource that Kafka's authorizer is asked about for settings of some type. Types that Kafka
// does not know it answers with an error: they are the cluster's, so that they do not pass unasked.
func configResource(t kmsg.ConfigResourceType) access.ResourceType {
	switch t {
	case kmsg.ConfigResourceTypeTopic:
		return access.ResTopic
	case kmsg.ConfigResourceTypeGroupConfig:
		return access.ResGroup
	}
	return access.ResCluster
}

// askConfig asks for the settings of one resource.
func (x *Exchange) askConfig(op access.Operation, t kmsg.ConfigResourceType, name string) {
	switch r := configResource(t); r {
	case access.ResTopic:
		x.askTopicName(op, name)
	case access.ResCluster:
		x.AskCluster(op)
	default:
		x.Ask(op, r, name)
	}
}

// configError is what the settings of one resource are answered with, 0 if they are asked for.
func (x *Exchange) configError(op access.Operation, t kmsg.ConfigResourceType, name string) int16 {
	switch configResource(t) {
	case access.ResTopic:
		return x.topicError(op, name)
	case access.ResGroup:
		return x.groupError(op, name)
	}
	return x.clusterError(op)
}

// knownConfig says whether Kafka's brokers have settings of some type.
func knownConfig(t kmsg.ConfigResourceType) bool {
	switch t {
	case kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeGroupConfig, kmsg.ConfigResourceTypeBroker,
		kmsg.ConfigResourceTypeBrokerLogger, kmsg.ConfigResourceTypeClientMetrics:
		return true
	}
	return false
}

func denyDescribeConfigs(x *Exchange, q *kmsg.DescribeConfigsRequest) (*kmsg.DescribeConfigsResponse, error) {
	whole := int16(0)
	for i := range q.Resources {
		if !knownConfig(q.Resources[i].ResourceType) {
			whole = errInvalidRequest
		}
	}
	kept, denied := take(q.Resources, func(s *kmsg.DescribeConfigsRequestResource) (kmsg.DescribeConfigsResponseResource, bool) {
		r := kmsg.NewDescribeConfigsResponseResource()
		r.ResourceType, r.ResourceName = s.ResourceType, s.ResourceName
		if r.ErrorCode = whole; whole == 0 {
			r.ErrorCode = x.configError(access.OpDescribeConfigs, s.ResourceType, s.ResourceName)
		}
		r.ErrorMessage = message(r.ErrorCode)
		return r, r.ErrorCode != 0
	})
	if len(kept) == 0 {
		r := kmsg.NewPtrDescribeConfigsResponse()
		r.Resources = entries(denied)
		return r, nil
	}
	q.Resources = kept
	merges(x, func(r *kmsg.DescribeConfigsResponse) { r.Resources = append(r.Resources, entries(denied)...) })
	return nil, nil
}

func rewriteDescribeConfigs(x *Exchange, r *kmsg.DescribeConfigsResponse) (changed bool, err error) {
	for i := range r.Resources {
		s := &r.Resources[i]
		if s.ResourceType != kmsg.ConfigResourceTypeBroker {
			continue
		}
		b := brokerConfig{x: x, name: s.ResourceName}
		for j := range s.Configs {
			c := &s.Configs[j]
			b.rewrite(c.Name, &c.Value)
			for k := range c.ConfigSynonyms {
				b.rewrite(c.ConfigSynonyms[k].Name, &c.ConfigSynonyms[k].Value)
			}
		}
		if b.err != nil {
			return false, b.err
		}
		changed = changed || b.changed
	}
	return changed, nil
}

// brokerConfig rewrites the addresses in one broker's settings. The address that clients shall see is looked up once,
// when a setting needs it.
type brokerConfig struct {
	x       *Exchange
	name    string // of the resource: the broker's id, "" for the cluster's defaults
	asked   bool
	known   bool
	host    string
	port    int32
	changed bool
	err     error
}

// rewrite changes a setting's value where it holds an address.
func (b *brokerConfig) rewrite(name string, value **string) {
	if *value == nil || **value == "" {
		return
	}
	var v string
	switch name {
	case "advertised.listeners", "listeners":
		v = b.listeners(**value)
	case "advertised.host.name", "host.name": // before Kafka 3.0
		v = b.address(func() string { return b.host })
	case "advertised.port", "port":
		v = b.address(func() string { return strconv.Itoa(int(b.port)) })
	case "controller.quorum.voters", "controller.quorum.bootstrap.servers", "zookeeper.connect":
	default:
		return
	}
	if v != **value {
		*value, b.changed = &v, true
	}
}

// listeners rewrites "NAME://host:port,NAME://host:port": each listener keeps its name and gets the one address under
// which clients reach this broker.
func (b *brokerConfig) listeners(value string) string {
	parts := strings.Split(value, ",")
	for i, p := range parts {
		name, _, ok := strings.Cut(p, "://")
		if !ok {
			return "" // not a listener: nobody knows what it tells
		}
		a := b.address(func() string { return name + "://" + hostPort(b.host, b.port) })
		if a == "" {
			return ""
		}
		parts[i] = a
	}
	return strings.Join(parts, ",")
}

// address makes a value of the broker's address, "" if its address is not known here.
func (b *brokerConfig) address(value func() string) string {
	if !b.asked {
		b.asked = true
		b.ask()
	}
	if !b.known {
		return ""
	}
	return value()
}

func (b *brokerConfig) ask() {
	id, err := strconv.ParseInt(b.name, 10, 32)
	if err != nil {
		return
	}
	n, ok := b.x.Env.Cluster.Node(int32(id))
	if !ok {
		return
	}
	b.host, b.port = n.Host, n.Port
	if _, err := b.x.advertise(n.ID, &b.host, &b.port); err != nil {
		b.err = err
		return
	}
	b.known = true
}
