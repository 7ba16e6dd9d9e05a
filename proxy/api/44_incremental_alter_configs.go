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
	type resource struct {
		kmsg.ConfigResourceType
		name string
	}
	count := make(map[resource]int, len(q.Resources))
	for i := range q.Resources {
		count[resource{q.Resources[i].ResourceType, q.Resources[i].ResourceName}]++
	}
	own := make([]*kmsg.IncrementalAlterConfigsResponseResource, len(q.Resources))
	var kept []kmsg.IncrementalAlterConfigsRequestResource
	for i := range q.Resources {
		s := &q.Resources[i]
		typ, name := configResource(s.ResourceType), s.ResourceName
		if typ == access.ResCluster {
			name = access.ClusterResource
		}
		if !x.Stopped(access.OpAlterConfigs, typ, name) {
			kept = append(kept, *s)
			continue
		}
		r := kmsg.NewIncrementalAlterConfigsResponseResource()
		r.ResourceType, r.ResourceName = s.ResourceType, s.ResourceName
		r.ErrorCode = configDenied[typ]
		if s.ResourceType != kmsg.ConfigResourceTypeBrokerLogger {
			r.ErrorMessage = message(r.ErrorCode)
		}
		wrong := x.invalidConfig(s)
		if count[resource{s.ResourceType, s.ResourceName}] > 1 {
			wrong = "Each resource must appear at most once."
		}
		if wrong != "" {
			r.ErrorCode, r.ErrorMessage = errInvalidRequest, &wrong
		}
		own[i] = &r
	}
	if q.Resources = kept; len(kept) == 0 {
		r := kmsg.NewPtrIncrementalAlterConfigsResponse()
		r.Resources = inOrder(own, nil)
		return r, nil
	}
	merges(x, func(r *kmsg.IncrementalAlterConfigsResponse) { r.Resources = inOrder(own, r.Resources) })
	return nil, nil
}

// configDenied are the errors of settings that may not be altered.
var configDenied = map[access.ResourceType]int16{
	access.ResTopic: errTopicAuthorization, access.ResGroup: errGroupAuthorization, access.ResCluster: errClusterAuthorization,
}

// invalidConfig says what a broker finds wrong with the alteration before it asks its authorizer (ConfigAdminManager.
// preprocess), "" for nothing.
func (x *Exchange) invalidConfig(s *kmsg.IncrementalAlterConfigsRequestResource) string {
	var keys names
	var null []string
	for i := range s.Configs {
		c := &s.Configs[i]
		if keys.has(c.Name) {
			return "Error due to duplicate config keys"
		}
		keys.add(c.Name)
		if c.Value == nil && c.Op != kmsg.IncrementalAlterConfigOpDelete {
			null = append(null, c.Name)
		}
	}
	if len(null) > 0 {
		return "Null value not supported for : " + strings.Join(null, ", ")
	}
	switch s.ResourceType {
	case kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBrokerLogger, kmsg.ConfigResourceTypeClientMetrics, kmsg.ConfigResourceTypeGroupConfig:
		return ""
	case kmsg.ConfigResourceTypeBroker:
		return x.otherBroker(s.ResourceName)
	}
	return "Unknown resource type " + strconv.Itoa(int(s.ResourceType))
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
