package api

import (
	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// UpdateFeatures (key 57), versions 0 to 2 (KIP-584).
//
//   - v1: upgrade types and validation without a change (KIP-778)
//   - v2: the answer no longer lists features
//
// Actions: ALTER on the cluster. Denied: 31 with a message (see needs), and no feature.
var updateFeaturesRow = row[kmsg.UpdateFeaturesRequest, kmsg.UpdateFeaturesResponse](
	kmsg.UpdateFeatures, deriveUpdateFeatures, nil, each, denies(denyUpdateFeatures))

func deriveUpdateFeatures(x *Exchange, _ *kmsg.UpdateFeaturesRequest) error {
	x.AskCluster(access.OpAlter)
	return nil
}

func denyUpdateFeatures(x *Exchange, _ *kmsg.UpdateFeaturesRequest) (*kmsg.UpdateFeaturesResponse, error) {
	r := kmsg.NewPtrUpdateFeaturesResponse()
	r.ErrorCode, r.ErrorMessage = errClusterAuthorization, x.needs(access.OpAlter)
	return r, nil
}
