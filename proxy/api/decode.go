package api

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Codes of org.apache.kafka.common.protocol.Errors that handlers look at.
const (
	errTopicAuthorization   = 29
	errGroupAuthorization   = 30
	errClusterAuthorization = 31
	errUnsupportedVersion   = 35
	errTxnAuthorization     = 53
)

// readResponse reads a response's body. A broker that does not know the version of an ApiVersions request answers
// with error 35 in version 0, whatever was asked (KIP-511); no other API does that.
func (x *Exchange) readResponse(r kmsg.Response, body []byte) error {
	if r.Key() == int16(kmsg.ApiVersions) && len(body) >= 2 && binary.BigEndian.Uint16(body) == errUnsupportedVersion {
		r.SetVersion(0)
	}
	return r.ReadFrom(body)
}
