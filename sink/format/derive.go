package format

import (
	"net/netip"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
)

// This file holds what more than one form derives of a record.

// The words of a record that forms look at (contracts of the journal: its package journal has them, too, but is above).
const (
	kindSession = "session"
	kindAuthn   = "authn"
	kindAccess  = "access"
	kindControl = "control"
	kindFinding = "finding"
	kindGap     = "gap"
)

// Message says in words of our own what happened. Names from the wire are not in it: they have fields.
func Message(r *access.Record) string {
	what := r.Kind
	switch {
	case r.Kind == kindGap:
		what = "gap: records are missing"
	case r.Operation != "":
		what += " " + r.Operation
	}
	if r.Api != "" {
		what += " by " + r.Api
	}
	if r.Outcome != "" {
		what += ": " + r.Outcome
	}
	return what
}

// happened is when a record says that something happened: its time, or the best that it has.
func happened(r *access.Record) *timestamppb.Timestamp {
	for _, t := range []*timestamppb.Timestamp{r.Time, r.EndTime, r.LoggedTime} {
		if t != nil {
			return t
		}
	}
	return new(timestamppb.Timestamp)
}

// userName is the name as other systems know it: without Kafka's "User:". Other types of principals keep theirs. Who
// did something that no client did is the actor.
func userName(r *access.Record) string {
	if r.Principal == "" {
		return r.GetActor().GetName()
	}
	if name := strings.TrimPrefix(r.Principal, "User:"); name != "" {
		return name
	}
	return r.Principal
}

// split takes an address apart. What is no address and port, or has a zone, which no form's field for addresses takes,
// is not ok.
func split(address string) (ip string, port int64, ok bool) {
	if address == "" {
		return "", 0, false
	}
	a, err := netip.ParseAddrPort(address)
	if err != nil || a.Addr().Zone() != "" {
		return "", 0, false
	}
	ip = address[:strings.LastIndexByte(address, ':')]
	return strings.TrimSuffix(strings.TrimPrefix(ip, "["), "]"), int64(a.Port()), true
}

// ipOf and portOf derive fields of one that holds an address and port.
func ipOf(get func(*access.Record) string) field {
	return derivedText(func(r *access.Record) string { ip, _, _ := split(get(r)); return ip })
}

func portOf(get func(*access.Record) string) field {
	return derivedInt(func(r *access.Record) (int64, bool) { _, port, ok := split(get(r)); return port, ok })
}

func sourceOf(r *access.Record) string   { return r.Source }
func upstreamOf(r *access.Record) string { return r.Upstream }

// A verdict is what a policy's decision came to.
type verdict uint8

const (
	noVerdict verdict = iota
	allowed
	denied
	refused
	watched // it would have been stopped, were the policy enforced
)

func verdictOf(r *access.Record) verdict {
	stopped := func(decision string) bool { return decision == "deny" || decision == "refuse" }
	switch {
	case stopped(r.Decision) && r.Enforced != nil && !*r.Enforced, r.Decision == "allow" && stopped(r.GetWould().GetDecision()):
		return watched
	case r.Decision == "deny":
		return denied
	case r.Decision == "refuse":
		return refused
	case r.Decision == "allow":
		return allowed
	}
	return noVerdict
}

// A success says how something ended.
type success uint8

const (
	notSaid success = iota
	succeeded
	failed
	unknown
	partly
)

func successOf(r *access.Record) success {
	switch r.Outcome {
	case "released":
		return succeeded
	case "denied", "refused", "failed":
		return failed
	case "partial":
		return partly
	case "unknown":
		return unknown
	case "":
	default:
		return unknown
	}
	switch {
	case r.Kind != kindAuthn:
		return notSaid
	case r.Operation == "SUCCESS":
		return succeeded
	case r.Operation == "FAILURE":
		return failed
	}
	return notSaid
}

// toClient and toBroker are the bytes that a record is about, by the way that they went.
func toClient(r *access.Record) (int64, bool) {
	switch {
	case r.ClientOut != nil:
		return *r.ClientOut, true
	case r.Bytes != nil && r.Operation == "READ":
		return *r.Bytes, true
	}
	return value(r.ResponseBytes)
}

func toBroker(r *access.Record) (int64, bool) {
	switch {
	case r.ClientIn != nil:
		return *r.ClientIn, true
	case r.Bytes != nil && r.Operation == "WRITE":
		return *r.Bytes, true
	}
	return value(r.RequestBytes)
}

// isData says whether a record is about the contents of one topic.
func isData(r *access.Record) bool {
	if r.Kind != kindAccess || r.Resource == "" && r.TopicId == "" || len(r.Resources) > 0 {
		return false
	}
	switch r.Api {
	case "Fetch", "ShareFetch", "Produce", "ListOffsets", "DeleteRecords":
		return r.ResourceType == "" || r.ResourceType == "TOPIC"
	}
	return false
}
