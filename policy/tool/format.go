package tool

import (
	"encoding/json"
	"io"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"

	"doorkeeper/policy"
)

// Format lays Rego out as `opa fmt` does. The error says file, line and column.
func Format(name string, source []byte) ([]byte, error) {
	text, err := format.SourceWithOpts(name, source, format.Opts{RegoVersion: ast.RegoV1})
	if errs, ok := err.(ast.Errors); ok { //nolint:errorlint // OPA returns it as it is
		return nil, policy.Located(errs)
	}
	return text, err
}

func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
