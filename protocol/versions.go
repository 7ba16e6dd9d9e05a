package protocol

import "github.com/twmb/franz-go/pkg/kmsg"

// Keys of the APIs that have scanners or parsers here, and of the one whose header is special.
const (
	KeyProduce     int16 = 0
	KeyFetch       int16 = 1
	KeyApiVersions int16 = 18
	KeyShareFetch  int16 = 78
)

// The latest versions that the scanners and parsers know. A later kmsg does not move them: someone has to read what
// the version changed first.
const (
	maxProduce    = 13
	maxFetch      = 18
	maxShareFetch = 2
)

// versions says of every API how far it is known and from which version on its headers are flexible (KIP-482).
type versions struct {
	known    bool
	max      int16
	flexible int16 // -1: never
}

var versionTable = func() []versions {
	t := make([]versions, kmsg.MaxKey+1)
	for key := range t {
		r := kmsg.RequestForKey(int16(key))
		if r == nil {
			continue
		}
		v := versions{known: true, max: r.MaxVersion(), flexible: -1}
		for n := int16(0); n <= v.max; n++ {
			if r.SetVersion(n); r.IsFlexible() {
				v.flexible = n
				break
			}
		}
		t[key] = v
	}
	t[KeyProduce].max = min(t[KeyProduce].max, maxProduce)
	t[KeyFetch].max = min(t[KeyFetch].max, maxFetch)
	t[KeyShareFetch].max = min(t[KeyShareFetch].max, maxShareFetch)
	return t
}()

// MaxVersion returns the latest version of an API that can be read here. False: the API is not known at all.
func MaxVersion(key int16) (int16, bool) {
	if key < 0 || int(key) >= len(versionTable) || !versionTable[key].known {
		return 0, false
	}
	return versionTable[key].max, true
}

// RequestFlexible says whether a request has a flexible header (v2) and body. Versions above the latest known one are
// as flexible as that; an unknown API is not.
func RequestFlexible(key, version int16) bool {
	if key < 0 || int(key) >= len(versionTable) {
		return false
	}
	v := &versionTable[key]
	return v.known && v.flexible >= 0 && version >= v.flexible
}

// ResponseHeaderTags says whether tagged fields follow the correlation id in a response (header v1). ApiVersions
// answers with header v0 always, so that a client can read it that asked in a version the broker does not know.
func ResponseHeaderTags(key, version int16) bool {
	return key != KeyApiVersions && RequestFlexible(key, version)
}
