package equivalence

import (
	"fmt"
	"os"
	"path/filepath"

	"doorkeeper/policy/acl"
)

// superUsers may do everything, under ACLs and under the policy.
var superUsers = []string{"User:ANONYMOUS", "User:admin"}

// writePolicy writes the policy that `doorkeeper policy from-acls` makes of the rights into dir, and returns the lines of
// configuration that load it. The deadline is long: on a busy machine a decision may take more than the usual, and a
// refusal is no broker's answer.
func writePolicy(dir string) (string, error) {
	data, err := acl.Data(bindings(), acl.Settings{SuperUsers: superUsers})
	if err != nil {
		return "", err
	}
	for name, content := range map[string][]byte{"acl.rego": acl.Rules, "data.json": data} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("policy: {mode: enforce, paths: [%q], input: opa-kafka, decision: data.kafka.authz.allow, deadline: 1s}\n", dir), nil
}
