package access

import (
	"strings"
	"unicode/utf8"
)

// Sanitize makes every string of the record valid UTF-8, which protobuf demands: other bytes become U+FFFD each run.
// It returns how many bytes of text the record holds.
func Sanitize(r *Record) int {
	size := clean(
		&r.Journal, &r.Id, &r.Kind, &r.Operation, &r.Proxy, &r.Cluster, &r.ClusterId, &r.Listener, &r.TraceId,
		&r.Session, &r.Principal, &r.PrincipalSource, &r.Auth, &r.Source, &r.SourceFrom, &r.Peer, &r.Upstream,
		&r.ClientId, &r.Software, &r.Ja4, &r.TlsSubject, &r.Group, &r.GroupInferred, &r.GroupBasis, &r.TransactionalId,
		&r.Api, &r.ResourceType, &r.Resource, &r.TopicId, &r.Isolation, &r.BatchDigest, &r.ContentDigest,
		&r.Decision, &r.Rule, &r.Reason, &r.Policy, &r.Error, &r.Outcome,
		&r.Cause, &r.CommunityId, &r.UpstreamCommunityId, &r.Mechanism,
		&r.Target, &r.Before, &r.After, &r.Checkpoint, &r.Detection, &r.Confidence,
	)
	size += cleanAll(&r.Resources) + cleanAll(&r.Attack) + cleanLabels(&r.Labels) + cleanCounts(&r.Counts)
	if c := r.Credential; c != nil {
		size += clean(&c.Type, &c.Id)
	}
	if w := r.Would; w != nil {
		size += clean(&w.Decision, &w.Limit, &w.Rule)
	}
	if c := r.Candidate; c != nil {
		size += clean(&c.Decision, &c.Rule, &c.Reason, &c.Policy)
	}
	if a := r.Actor; a != nil {
		size += clean(&a.Name, &a.Role, &a.Source, &a.Method)
	}
	if d := r.Digests; d != nil {
		size += clean(&d.Config, &d.Policy, &d.Binary)
	}
	if c := r.Clock; c != nil {
		size += clean(&c.BootId)
	}
	if c := r.Coverage; c != nil {
		size += clean(&c.Result)
	}
	if d := r.Delivery; d != nil {
		size += clean(&d.Sink)
	}
	return size
}

// clean returns the length of the strings together.
func clean(strings ...*string) (size int) {
	for _, s := range strings {
		if !utf8.ValidString(*s) {
			*s = valid(*s)
		}
		size += len(*s)
	}
	return size
}

func valid(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }

// The lists and maps below may be shared with a decision: they are replaced, not changed.

func cleanAll(list *[]string) (size int) {
	var copied bool
	for i, s := range *list {
		if !utf8.ValidString(s) {
			if !copied {
				*list, copied = append([]string(nil), *list...), true
			}
			(*list)[i] = valid(s)
		}
		size += len((*list)[i])
	}
	return size
}

func cleanLabels(labels *map[string]string) (size int) {
	ok := true
	for key, value := range *labels {
		ok = ok && utf8.ValidString(key) && utf8.ValidString(value)
		size += len(key) + len(value)
	}
	if ok {
		return size
	}
	cleaned := make(map[string]string, len(*labels))
	for key, value := range *labels {
		cleaned[valid(key)] = valid(value)
	}
	*labels = cleaned
	return size
}

func cleanCounts(counts *map[string]int64) (size int) {
	ok := true
	for key := range *counts {
		ok = ok && utf8.ValidString(key)
		size += len(key) + 8
	}
	if ok {
		return size
	}
	cleaned := make(map[string]int64, len(*counts))
	for key, n := range *counts {
		cleaned[valid(key)] += n
	}
	*counts = cleaned
	return size
}
