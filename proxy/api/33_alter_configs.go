package api

import (
	"fmt"
	"strings"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterConfigs (key 33), versions 0 to 2 (KIP-133). IncrementalAlterConfigs (KIP-339) takes its place.
//
//   - v1: throttled after the answer (KIP-219); v2: flexible
//
// Actions: ALTER_CONFIGS on each topic or group, on the cluster for brokers, their loggers and client metrics.
//
// Denied: 29, 30 or 31 with Kafka's message, by the resource's type, in its place in the request; but 42 where a broker
// finds fault with it before it asks its authorizer: a resource or a setting named twice, a setting without a value, a
// type that this API does not alter. (It also looks whether a broker's settings are its own, and right: that is not seen
// from here.) Refused: the connection ends.
var alterConfigsRow = row[kmsg.AlterConfigsRequest, kmsg.AlterConfigsResponse](
	kmsg.AlterConfigs, deriveAlterConfigs, nil, each, denies(denyAlterConfigs))

func deriveAlterConfigs(x *Exchange, q *kmsg.AlterConfigsRequest) error {
	for i := range q.Resources {
		x.askConfig(access.OpAlterConfigs, q.Resources[i].ResourceType, q.Resources[i].ResourceName)
	}
	return nil
}

// A configKey names what settings belong to.
type configKey struct {
	typ  kmsg.ConfigResourceType
	name string
}

func denyAlterConfigs(x *Exchange, q *kmsg.AlterConfigsRequest) (*kmsg.AlterConfigsResponse, error) {
	n := len(q.Resources)
	named := make(map[configKey]int, n)
	for i := range q.Resources {
		named[configKey{q.Resources[i].ResourceType, q.Resources[i].ResourceName}]++
	}
	kept, denied := take(q.Resources, func(s *kmsg.AlterConfigsRequestResource) (kmsg.AlterConfigsResponseResource, bool) {
		r := kmsg.NewAlterConfigsResponseResource()
		r.ResourceType, r.ResourceName = s.ResourceType, s.ResourceName
		if r.ErrorCode = x.configError(access.OpAlterConfigs, s.ResourceType, s.ResourceName); r.ErrorCode == 0 {
			return r, false
		}
		r.ErrorMessage = message(r.ErrorCode)
		if fault := alterConfigsFault(s, named[configKey{s.ResourceType, s.ResourceName}] > 1); fault != "" {
			r.ErrorCode, r.ErrorMessage = errInvalidRequest, &fault
		}
		return r, true
	})
	if len(kept) == 0 {
		r := kmsg.NewPtrAlterConfigsResponse()
		r.Resources = entries(denied)
		return r, nil
	}
	q.Resources = kept
	merges(x, func(r *kmsg.AlterConfigsResponse) { r.Resources = weave(r.Resources, denied, n) })
	return nil, nil
}

// alterConfigsFault is what a broker says of a resource before it asks its authorizer (ConfigAdminManager.preprocess), ""
// for nothing.
func alterConfigsFault(s *kmsg.AlterConfigsRequestResource, twice bool) string {
	if twice {
		return "Each resource must appear at most once."
	}
	seen := make(map[string]bool, len(s.Configs))
	var without []string
	for i := range s.Configs {
		c := &s.Configs[i]
		if seen[c.Name] {
			return "Error due to duplicate config keys"
		}
		seen[c.Name] = true
		if c.Value == nil {
			without = append(without, c.Name)
		}
	}
	switch {
	case len(without) > 0:
		return "Null value not supported for : " + strings.Join(without, ", ")
	case !knownConfig(s.ResourceType) || s.ResourceType == kmsg.ConfigResourceTypeBrokerLogger:
		return fmt.Sprintf("Unknown resource type %d", s.ResourceType)
	}
	return ""
}
