package access

import (
	"fmt"
	"slices"
	"strings"
)

// ParseOperation reads Kafka's name of an operation, in any case. NONE, which no rule can be about, is not one.
func ParseOperation(name string) (Operation, error) {
	i := slices.Index(operationNames[:], strings.ToUpper(name))
	if i <= int(OpNone) || name == "" {
		return OpNone, fmt.Errorf("%q is no operation: use %s", name, list(operationNames[OpNone+1:]))
	}
	return Operation(i), nil
}

// ParseResourceType reads Kafka's name of a resource type, in any case.
func ParseResourceType(name string) (ResourceType, error) {
	i := slices.Index(resourceNames[:], strings.ToUpper(name))
	if i <= int(ResNone) || name == "" {
		return ResNone, fmt.Errorf("%q is no resource type: use %s", name, list(resourceNames[:]))
	}
	return ResourceType(i), nil
}

// list names what there is; codes that Kafka has and nobody uses here have no name.
func list(names []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == "" }), ", ")
}

// MarshalText writes Kafka's name.
func (o Operation) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads it.
func (o *Operation) UnmarshalText(text []byte) (err error) {
	*o, err = ParseOperation(string(text))
	return err
}

// MarshalText writes Kafka's name.
func (r ResourceType) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads it.
func (r *ResourceType) UnmarshalText(text []byte) (err error) {
	*r, err = ParseResourceType(string(text))
	return err
}
