package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// aclCluster is a fake broker with two ACLs, and a folder with a configuration and a login for it.
func aclCluster(t *testing.T) (dir string) {
	t.Helper()
	topic, group := kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup
	fake, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "admin", "secret"),
		kfake.User("PLAIN", "erp", "x",
			kfake.ACL{Resource: topic, Name: "purchasing", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: kmsg.ACLOperationRead, Allow: true},
			kfake.ACL{Resource: group, Name: "erp-", Pattern: kmsg.ACLResourcePatternTypePrefixed, Operation: kmsg.ACLOperationAll, Host: "10.0.0.1"},
		))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	dir = t.TempDir()
	write(t, filepath.Join(dir, "doorkeeper.yaml"), "clusters:\n  - name: erp\n    bootstrap: [\""+fake.ListenAddrs()[0]+"\"]\n"+
		"    listeners: [{name: plain, address: \"127.0.0.1:9092\", first_port: 9100}]\n")
	write(t, filepath.Join(dir, "admin.properties"),
		"sasl.mechanism=PLAIN\nsasl.jaas.config=x.PlainLoginModule required username=\"admin\" password=\"secret\";\n")
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPolicyFromACLs(t *testing.T) {
	dir := aclCluster(t)
	out := filepath.Join(dir, "policy")
	var stdout, stderr bytes.Buffer
	fromACLs := func(more ...string) int {
		stdout.Reset()
		stderr.Reset()
		args := []string{"policy", "from-acls", "-c", filepath.Join(dir, "doorkeeper.yaml"), "--dir", out, "--super-user", "User:admin"}
		return run(append(args, more...), nil, &stdout, &stderr)
	}
	if code := fromACLs(); code != 3 || !strings.Contains(stderr.String(), "--command-config") {
		t.Errorf("without a login: exit %d, %s", code, &stderr)
	}
	login := []string{"--command-config", filepath.Join(dir, "admin.properties")}
	if code := fromACLs(login...); code != 0 || !strings.Contains(stdout.String(), "2 ACLs and 1 super users") {
		t.Fatalf("exit %d, %s%s", code, &stdout, &stderr)
	}
	data, err := os.ReadFile(filepath.Join(out, "data.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"User:admin"`, `"purchasing"`, `"erp-"`, `"10.0.0.1"`, `"DENY"`, `"ALL"`} {
		if !bytes.Contains(data, []byte(want)) {
			t.Errorf("data.json has no %s: %s", want, data)
		}
	}
	if code := fromACLs(login...); code != 0 {
		t.Errorf("the same again: exit %d, %s", code, &stderr)
	}
	write(t, filepath.Join(out, "data.json"), "{}")
	if code := fromACLs(login...); code != 3 || !strings.Contains(stderr.String(), "--force") {
		t.Errorf("over a changed file: exit %d, %s", code, &stderr)
	}
	if code := fromACLs(append(login, "--force")...); code != 0 {
		t.Errorf("with --force: exit %d, %s", code, &stderr)
	}
	if code := fromACLs(append(login, "--cluster", "other")...); code != 2 || !strings.Contains(stderr.String(), "erp") {
		t.Errorf("another cluster: exit %d, %s", code, &stderr)
	}
}
