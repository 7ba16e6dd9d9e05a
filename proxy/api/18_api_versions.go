package api

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ApiVersions (key 18), versions 0 to 5.
//
//   - v1: throttle time; v3: flexible, the client's software (KIP-511), features (KIP-584); v4: features from version 0
//   - v5: the cluster and node that the client means, REBOOTSTRAP_REQUIRED if it is another (KIP-1242)
//
// The answer's header never has tags, and a broker that does not know the version answers error 35 in version 0.
//
// Actions: none: it is asked before anybody has authenticated.
//
// The answer becomes the intersection of what the broker and the Table know. A maximum comes down to ours; a minimum
// is never raised (brokers list versions that they do not serve, for clients that insist); keys that are not in the
// Table go. Features pass.
var apiVersionsRow = row[kmsg.ApiVersionsRequest, kmsg.ApiVersionsResponse](
	kmsg.ApiVersions, deriveApiVersions, nil)

// The answer is made from the Table, which holds this row: so the row gets its handler once both are there.
func init() {
	apiVersionsRow.response = func(_ *Exchange, r kmsg.Response) (bool, error) {
		return intersect(r.(*kmsg.ApiVersionsResponse)), nil
	}
}

func deriveApiVersions(*Exchange, *kmsg.ApiVersionsRequest) error { return nil }

// intersect narrows a broker's list to ours, and says whether that changed it.
func intersect(r *kmsg.ApiVersionsResponse) (changed bool) {
	kept := r.ApiKeys[:0]
	for _, k := range r.ApiKeys {
		a := Lookup(k.ApiKey)
		if a == nil || k.MinVersion > a.Max {
			changed = true
			continue
		}
		if k.MaxVersion > a.Max {
			k.MaxVersion, changed = a.Max, true
		}
		kept = append(kept, k)
	}
	r.ApiKeys = kept
	return changed
}

// Software returns what an ApiVersions request says of the client's software, and false if it says nothing that a
// broker would take: names and versions are letters, digits, dots and hyphens, and neither end is a dot or hyphen.
func Software(q kmsg.Request) (name, version string, ok bool) {
	v, is := q.(*kmsg.ApiVersionsRequest)
	if !is || v.Version < 3 || !softwareWord(v.ClientSoftwareName) || !softwareWord(v.ClientSoftwareVersion) {
		return "", "", false
	}
	return v.ClientSoftwareName, v.ClientSoftwareVersion, true
}

// softwareWord is Kafka's SOFTWARE_NAME_VERSION_PATTERN; a word of over 255 bytes is no name.
func softwareWord(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case (c == '.' || c == '-') && i > 0 && i < len(s)-1:
		default:
			return false
		}
	}
	return true
}

// AppendUnsupported appends the answer to an ApiVersions request of a version above ours: a frame without its 4 length
// bytes, in version 0, with error 35 and the versions of ApiVersions itself (KIP-511), so that the client asks again.
func AppendUnsupported(dst []byte, correlation int32) []byte {
	r := kmsg.NewPtrApiVersionsResponse()
	r.ErrorCode = errUnsupportedVersion
	k := kmsg.NewApiVersionsResponseApiKey()
	k.ApiKey, k.MaxVersion = apiVersionsRow.Key, apiVersionsRow.Max
	r.ApiKeys = append(r.ApiKeys, k)
	return r.AppendTo(binary.BigEndian.AppendUint32(dst, uint32(correlation)))
}
