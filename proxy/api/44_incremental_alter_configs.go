package api

import (
	"strconv"
	"strings"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// IncrementalAlterConfigs (key 44), versions 0 and 1 (KIP-339).
//
//   - v1: flexible
//
// Actions: ALTER_CONFIGS for each resource: on the topic, on the group (KIP-848), or on the cluster for brokers, broker
// loggers (KIP-412) and client metrics (KIP-714). A type that is not known is asked as the cluster's, so that a newer
// broker's kind of resource is not altered unasked; one that does not know it either says so.
//
// Denied: 29, 30 or 31 with Kafka's message (loggers: without), in the order of the request. Before a broker forwards the request, and so
// before it is known who may do what, it answers INVALID_REQUEST for a resource named twice, for keys named twice or
// without a value, for a type that it does not know and for another broker's settings; so does a denial. That a broker
// also tries out settings of its own is left to it: a denial comes first.
//
// Values may be secrets (a key store's password): no action holds one.
var incrementalAlterConfigsRow = row[kmsg.IncrementalAlterConfigsRequest, kmsg.IncrementalAlterConfigsResponse](
	kmsg.IncrementalAlterConfigs, deriveIncrementalAlterConfigs, nil, each,
	denies(denyIncrementalAlterConfigs))

func deriveIncrementalAlterConfigs(x *Exchange, q *kmsg.IncrementalAlterConfigsRequest) error {
	for i := range q.Resources {
		x.askConfig(access.OpAlterConfigs, q.Resources[i].ResourceType, q.Resources[i].ResourceName)
	}
	return nil
}

func denyIncrementalAlterConfigs(x *Exchange, q *kmsg.IncrementalAlterConfigsRequest) (*kmsg.IncrementalAlterConfigsResponse, error) {
	n := len(q.Resources)
	named := make(map[configKey]int, n)
	for i := range q.Resources {
		named[configKey{q.Resources[i].ResourceType, q.Resources[i].ResourceName}]++
	}
	kept, denied := take(q.Resources, func(s *alteration) (kmsg.IncrementalAlterConfigsResponseResource, bool) {
		r := kmsg.NewIncrementalAlterConfigsResponseResource()
		r.ResourceType, r.ResourceName = s.ResourceType, s.ResourceName
		if r.ErrorCode = x.configError(access.OpAlterConfigs, s.ResourceType, s.ResourceName); r.ErrorCode == 0 {
			return r, false
		}
		if s.ResourceType != kmsg.ConfigResourceTypeBrokerLogger {
			r.ErrorMessage = message(r.ErrorCode)
		}
		if fault := x.alterationFault(s, named[configKey{s.ResourceType, s.ResourceName}] > 1); fault != "" {
			r.ErrorCode, r.ErrorMessage = errInvalidRequest, &fault
		}
		return r, true
	})
	if len(kept) == 0 {
		r := kmsg.NewPtrIncrementalAlterConfigsResponse()
		r.Resources = entries(denied)
		return r, nil
	}
	q.Resources = kept
	merges(x, func(r *kmsg.IncrementalAlterConfigsResponse) { r.Resources = weave(r.Resources, denied, n) })
	return nil, nil
}

type alteration = kmsg.IncrementalAlterConfigsRequestResource

// alterationFault is what a broker says of a resource before it asks its authorizer (ConfigAdminManager.preprocess), ""
// for nothing.
func (x *Exchange) alterationFault(s *alteration, twice bool) string {
	if twice {
		return "Each resource must appear at most once."
	}
	var keys names
	var without []string
	for i := range s.Configs {
		c := &s.Configs[i]
		if keys.has(c.Name) {
			return "Error due to duplicate config keys"
		}
		keys.add(c.Name)
		if c.Value == nil && c.Op != kmsg.IncrementalAlterConfigOpDelete {
			without = append(without, c.Name)
		}
	}
	switch {
	case len(without) > 0:
		return "Null value not supported for : " + strings.Join(without, ", ")
	case !knownConfig(s.ResourceType):
		return "Unknown resource type " + strconv.Itoa(int(s.ResourceType))
	case s.ResourceType == kmsg.ConfigResourceTypeBroker:
		return x.otherBroker(s.ResourceName)
	}
	return ""
}

// otherBroker says what a broker answers where settings are not its own. The empty name is the cluster's defaults.
func (x *Exchange) otherBroker(name string) string {
	if name == "" {
		return ""
	}
	id, err := strconv.ParseInt(name, 10, 32)
	switch {
	case err != nil:
		return "Node id must be an integer, but it is: " + name
	case x.Session.Broker >= 0 && int32(id) != x.Session.Broker:
		return "Unexpected broker id, expected " + strconv.Itoa(int(x.Session.Broker)) + ", but received " + name
	}
	return ""
}
