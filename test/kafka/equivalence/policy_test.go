package equivalence

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// superUsers may do everything, under ACLs and under the policy.
var superUsers = []string{"User:ANONYMOUS", "User:admin"}

// The policy means what StandardAuthorizer means by the same bindings: super users may do all; else a denial that matches
// decides; else a permission that matches, or one of an operation that implies the one asked for; else it is denied.
const policy = `package doorkeeper

import rego.v1

default allow := false

allow if principal in data.acls.super_users

allow if {
	not denied
	some acl in matching
	acl.permission == "ALLOW"
	acl.operation in permitting
}

denied if {
	some acl in matching
	acl.permission == "DENY"
	acl.operation in {"ALL", input.action.operation}
}

principal := sprintf("%s:%s", [input.principal.type, input.principal.name])

matching contains acl if {
	some acl in data.acls.bindings
	acl.principal in {principal, "User:*"}
	acl.host in {"*", input.client.address}
	acl.type == input.action.resource.type
	named(acl)
}

named(acl) if acl.name == "*"

named(acl) if {
	acl.pattern == "LITERAL"
	acl.name == input.action.resource.name
}

named(acl) if {
	acl.pattern == "PREFIXED"
	startswith(input.action.resource.name, acl.name)
}

permitting := {"ALL", input.action.operation} | object.get(implying, input.action.operation, set())

implying := {
	"DESCRIBE": {"READ", "WRITE", "DELETE", "ALTER"},
	"DESCRIBE_CONFIGS": {"ALTER_CONFIGS"},
}

decision := {"allow": allow}
`

// writePolicy writes the policy and its data into dir and returns the lines of configuration that load them.
func writePolicy(dir string) (string, error) {
	data, err := json.MarshalIndent(map[string]any{"acls": map[string]any{
		"super_users": superUsers, "bindings": bindings(),
	}}, "", "  ")
	if err != nil {
		return "", err
	}
	for name, content := range map[string][]byte{"acls.rego": []byte(policy), "acls.json": data} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("policy: {mode: enforce, paths: [%q]}\n", dir), nil
}
