package format

import (
	"strings"

	"doorkeeper/access"
)

// resourceDetails is a list of what a call was about. Of someone who read records it is what was read.
var resourceDetails = field{kind: kindRaw,
	has: func(r *access.Record) bool { return len(r.Resources) > 0 || resourceName(r) != "" },
	raw: func(dst []byte, r *access.Record) []byte {
		if len(r.Resources) == 0 {
			dst = appendResource(append(dst, '['), resourceName(r), r.ResourceType)
			return append(dst, ']')
		}
		for i, name := range r.Resources {
			dst = appendResource(separate(dst, i), name, r.ResourceType)
		}
		return append(dst, ']')
	}}

func resourceName(r *access.Record) string {
	if r.Resource == "" && r.Kind == kindControl {
		return r.Target
	}
	return r.Resource
}

func appendResource(dst []byte, name, typ string) []byte {
	dst = access.AppendString(append(dst, `{"name":`...), name)
	if typ != "" {
		dst = access.AppendString(append(dst, `,"type":`...), typ)
	}
	return append(dst, '}')
}

// attacks is a list of ATT&CK techniques. What stands behind a dot is a sub-technique's number.
var attacks = field{kind: kindRaw,
	has: func(r *access.Record) bool { return len(r.Attack) > 0 },
	raw: func(dst []byte, r *access.Record) []byte {
		for i, id := range r.Attack {
			technique, _, sub := strings.Cut(id, ".")
			dst = access.AppendString(append(separate(dst, i), `{"technique":{"uid":`...), technique)
			if sub {
				dst = access.AppendString(append(dst, `},"sub_technique":{"uid":`...), id)
			}
			dst = append(dst, '}', '}')
		}
		return append(dst, ']')
	}}
