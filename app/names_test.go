package app

import (
	"testing"

	"doorkeeper/policy"
	"doorkeeper/proxy/api"
)

// TestOneNamePerAPI: policies and records call an API by the same name. Neither package may know the other.
func TestOneNamePerAPI(t *testing.T) {
	for _, row := range api.Table {
		if row != nil && policy.APIName(row.Key) != row.Name() {
			t.Errorf("key %d is %s to policies and %s in records", row.Key, policy.APIName(row.Key), row.Name())
		}
	}
}
