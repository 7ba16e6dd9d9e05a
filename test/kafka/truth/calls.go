package truth

import (
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// compareCalls holds the number of requests of every API other than the data's own: a session's records of an API
// stand for at least as many requests as it made, and for none where it made none.
func compareCalls(s *Session, records []*Record) []string {
	want, got := map[string]int64{}, map[string]int64{}
	asked := map[string]bool{}
	for _, c := range s.Calls {
		asked[APIName(c.Key)] = true
		if c.Response != nil {
			want[APIName(c.Key)]++
		}
	}
	for _, r := range records {
		if r.Kind == "access" {
			got[r.API] += max(value(r.Requests), 1)
		}
	}
	var wrong []string
	for _, api := range slices.Sorted(maps.Keys(want)) {
		if api != "Fetch" && api != "ShareFetch" && api != "Produce" && got[api] < want[api] {
			wrong = append(wrong, fmt.Sprintf("%s: records of %d requests, want %d", api, got[api], want[api]))
		}
		delete(got, api)
	}
	for _, api := range slices.Sorted(maps.Keys(got)) {
		if !asked[api] {
			wrong = append(wrong, fmt.Sprintf("%s: records of %d requests, and none was on the wire", api, got[api]))
		}
	}
	return wrong
}

// APIName is Kafka's name of an API, where kmsg spells it another way.
func APIName(key int16) string {
	switch name := kmsg.NameForKey(key); name {
	case "SASLHandshake":
		return "SaslHandshake"
	case "SASLAuthenticate":
		return "SaslAuthenticate"
	case "InitProducerID":
		return "InitProducerId"
	case "AlterPartitionAssignments":
		return "AlterPartitionReassignments"
	case "DescribeACLs":
		return "DescribeAcls"
	case "CreateACLs":
		return "CreateAcls"
	case "DeleteACLs":
		return "DeleteAcls"
	case "DescribeUserSCRAMCredentials":
		return "DescribeUserScramCredentials"
	case "AlterUserSCRAMCredentials":
		return "AlterUserScramCredentials"
	default:
		return name
	}
}
