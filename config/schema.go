package config

import (
	"encoding/json"
	"reflect"

	"github.com/invopop/jsonschema"
)

// Schema returns the JSON Schema (2020-12) of the file, for editors and programs that write it.
func Schema() ([]byte, error) {
	r := &jsonschema.Reflector{
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true, Anonymous: true,
		Mapper: scalarSchema,
	}
	s := r.Reflect(&Config{})
	s.Title = "doorkeeper configuration"
	s.Description = "Configuration of doorkeeper, a Kafka-protocol proxy. In any scalar, ${NAME} stands for an environment variable."
	for _, k := range Reference() {
		properties := s.Properties
		if d, ok := s.Definitions[k.owner.Name()]; ok {
			properties = d.Properties
		}
		if p, ok := properties.Get(k.name); ok && k.Default != "" {
			p.Default = k.value
		}
	}
	return json.MarshalIndent(s, "", "  ")
}

// scalarSchema is what the file may hold where the struct holds something else: text with a unit, or ${NAME}.
func scalarSchema(t reflect.Type) *jsonschema.Schema {
	const variable = `^\$\{[A-Za-z_][A-Za-z0-9_]*\}$`
	or := func(s *jsonschema.Schema) *jsonschema.Schema {
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{s, {Type: "string", Pattern: variable}}}
	}
	switch {
	case t == durationType:
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9.]+(ns|us|µs|ms|s|m|h))+$|` + variable, Examples: []any{"500ms", "30s", "2h"}}
	case t == sizeType:
		return &jsonschema.Schema{
			OneOf: []*jsonschema.Schema{
				{Type: "integer", Minimum: "0"},
				{Type: "string", Pattern: `^[0-9.]+ *([KMGT]i)?B?$|` + variable},
			},
			Examples: []any{"4MiB", "1GiB"},
		}
	case t == reflect.TypeFor[Role]():
		return &jsonschema.Schema{Type: "string", Enum: []any{Viewer, Responder, Operator, Payload}}
	case t.Kind() == reflect.Int:
		return or(&jsonschema.Schema{Type: "integer", Minimum: "0"})
	case t.Kind() == reflect.Float64:
		return or(&jsonschema.Schema{Type: "number", Minimum: "0"})
	case t.Kind() == reflect.Bool:
		return or(&jsonschema.Schema{Type: "boolean"})
	}
	return nil
}
