package api

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Codes of org.apache.kafka.common.protocol.Errors that handlers look at.
const (
	errUnknownServer        = -1
	errUnknownTopic         = 3
	errNotLeader            = 6  // Produce: a refusal
	errCoordinatorLoading   = 14 // group and transaction APIs: a refusal
	errInvalidTopic         = 17
	errTopicAuthorization   = 29
	errGroupAuthorization   = 30
	errClusterAuthorization = 31
	errUnsupportedVersion   = 35
	errInvalidRequest       = 42
	errTxnAuthorization     = 53
	errTokenAuthorization   = 65
	errOffsetNotAvailable   = 78 // Fetch: a refusal
	errUnknownTopicID       = 100

	errStreamsInvalidTopology = 130
)

// messages are what org.apache.kafka.common.protocol.Errors says of a code, where a broker writes it beside one.
var messages = map[int16]string{
	errCoordinatorLoading:   "The coordinator is loading and hence can't process requests.",
	errTopicAuthorization:   "Topic authorization failed.",
	errGroupAuthorization:   "Group authorization failed.",
	errClusterAuthorization: "Cluster authorization failed.",
	errTxnAuthorization:     "Transactional Id authorization failed.",
	errTokenAuthorization:   "Delegation Token authorization failed.",
}

// message is Kafka's own message of an error, nil where there is none here.
func message(code int16) *string {
	if m, ok := messages[code]; ok {
		return &m
	}
	return nil
}

// readResponse reads a response's body. A broker that does not know the version of an ApiVersions request answers
// with error 35 in version 0, whatever was asked (KIP-511); no other API does that.
func (x *Exchange) readResponse(r kmsg.Response, body []byte) error {
	if r.Key() == int16(kmsg.ApiVersions) && len(body) >= 2 && binary.BigEndian.Uint16(body) == errUnsupportedVersion {
		r.SetVersion(0)
	}
	return r.ReadFrom(body)
}
