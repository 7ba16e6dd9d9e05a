package api

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Codes of org.apache.kafka.common.protocol.Errors that handlers look at.
const (
	errUnknownServer        = -1
	errUnknownTopic         = 3
	errLeaderAbsent         = 5  // LEADER_NOT_AVAILABLE: Metadata: a refusal
	errNotLeader            = 6  // APIs of partitions' leaders: a refusal
	errCoordinatorLoading   = 14 // group and transaction APIs: a refusal
	errCoordinatorAbsent    = 15 // COORDINATOR_NOT_AVAILABLE: FindCoordinator: a refusal
	errInvalidTopic         = 17
	errGroupProtocol        = 23 // INCONSISTENT_GROUP_PROTOCOL
	errRebalancing          = 27 // REBALANCE_IN_PROGRESS: SyncGroup: a refusal
	errTopicAuthorization   = 29
	errGroupAuthorization   = 30
	errClusterAuthorization = 31
	errUnsupportedVersion   = 35
	errInvalidRequest       = 42
	errTxnAuthorization     = 53
	errNotAttempted         = 55 // OPERATION_NOT_ATTEMPTED
	errTokenAuthorization   = 65
	errInvalidFetchSession  = 71
	errOffsetNotAvailable   = 78 // Fetch: a refusal
	errUnknownTopicID       = 100

	errStreamsInvalidTopology = 130
)

// messages are what org.apache.kafka.common.protocol.Errors says of a code, where a broker writes it beside one.
var messages = map[int16]string{
	errUnknownTopic:         "This server does not host this topic-partition.",
	errCoordinatorLoading:   "The coordinator is loading and hence can't process requests.",
	errCoordinatorAbsent:    "The coordinator is not available.",
	errTopicAuthorization:   "Topic authorization failed.",
	errGroupAuthorization:   "Group authorization failed.",
	errClusterAuthorization: "Cluster authorization failed.",
	errInvalidRequest: "This most likely occurs because of a request being malformed by the client library or the message was " +
		"sent to an incompatible broker. See the broker logs for more details.",
	errTxnAuthorization:   "Transactional Id authorization failed.",
	errTokenAuthorization: "Delegation Token authorization failed.",
	errUnknownTopicID:     "This server does not host this topic ID.",
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
