package kafka

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/test/kafka/tap"
	"doorkeeper/test/kafka/truth"
)

const kafkaVersion = "4.3.1"

// softwareOf is the name and version that a client said of itself.
func softwareOf(c *tap.Conn) string {
	for _, call := range truth.Decode([]*tap.Conn{c})[0].Calls {
		if r, ok := call.Request.(*kmsg.ApiVersionsRequest); ok && r.ClientSoftwareName != "" {
			return r.ClientSoftwareName + "/" + r.ClientSoftwareVersion
		}
	}
	return ""
}
