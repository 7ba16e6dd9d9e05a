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
// Actions: ALTER on the cluster.
var updateFeaturesRow = row[kmsg.UpdateFeaturesRequest, kmsg.UpdateFeaturesResponse](
	kmsg.UpdateFeatures, deriveUpdateFeatures, nil, each)

func deriveUpdateFeatures(x *Exchange, _ *kmsg.UpdateFeaturesRequest) error {
	x.AskCluster(access.OpAlter)
	return nil
}
