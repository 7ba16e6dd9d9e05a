// Package doorkeeper holds no code: its tests keep the architecture.
package doorkeeper

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers says which packages of the module each package may import, beside what those may. It is the architecture in
// one table (ARCHITECTURE.md says why): lower knows nothing of higher. Editing it to make a build pass is never right.
var layers = []struct {
	name string
	uses []string
}{
	{"protocol", nil},
	{"access", nil},
	{"relay", nil},
	{"config", nil},
	{"identity", []string{"access", "protocol"}},
	{"cluster", []string{"access", "internal/disk"}},
	{"internal/disk", nil},
	{"internal/register", []string{"internal/disk"}},
	{"policy", []string{"access", "internal/register", "internal/disk"}},
	{"policy/bundle", []string{"internal/disk"}},
	{"policy/library", nil},
	{"policy/tool", []string{"policy", "policy/library", "access"}},
	{"policy/acl", nil},
	{"quarantine", []string{"access", "internal/register"}},
	{"journal/store", []string{"internal/disk"}},
	{"journal/recorder", []string{"internal/disk"}},
	{"journal/evidence", []string{"access", "journal/store", "internal/disk"}},
	{"journal", []string{"access", "journal/recorder", "journal/store", "internal/disk"}},
	{"sink/format", []string{"access"}},
	{"sink", []string{"journal", "access", "sink/format", "internal/disk"}},
	{"proxy/api", []string{"protocol", "access", "identity", "cluster", "journal"}},
	{"proxy", []string{"proxy/api", "protocol", "access", "identity", "cluster", "journal", "relay", "policy", "quarantine"}},
	{"telemetry", []string{"proxy", "journal", "sink", "relay", "access", "policy", "quarantine"}},
	{"admin", []string{"config", "journal", "access", "policy", "quarantine"}},
	{"app", []string{"*"}},
	{"demo", []string{"app", "admin", "config", "access", "internal/fakecluster"}},
	{"cmd/doorkeeper", []string{"*"}},
	{"bench", []string{"internal/fakecluster"}}, // it drives the binary, and knows no part of it
	{"bench/decide", []string{"policy", "access"}},
}

// helpers may be imported by tests of any package, and by the commands that are named.
var helpers = []string{"internal/kafkatest", "internal/conversation", "internal/fakecluster", "internal/siemtest"}

// banned imports, and who alone may have them: pure packages have no network, no clock of the network's, no log.
var banned = []struct {
	path  string
	only  []string // packages that may; everyone else may not
	never []string // packages that may not; empty: all but only
}{
	{path: "net", never: []string{"protocol", "identity", "proxy/api"}},
	{path: "log/slog", never: []string{"protocol", "access", "identity", "relay", "cluster", "journal", "journal/store", "journal/evidence", "proxy/api"}},
	{path: "time", never: []string{"protocol"}},
	{path: "go.opentelemetry.io/otel", only: []string{"telemetry"}},
	{path: "github.com/prometheus", only: []string{"telemetry"}},
	{path: "github.com/spf13/cobra", only: []string{"cmd/doorkeeper"}},
	{path: "github.com/goccy/go-yaml", only: []string{"config", "app", "admin", "cmd/doorkeeper"}},
	{path: "github.com/open-policy-agent/opa", only: []string{"policy", "policy/bundle", "policy/library", "policy/tool", "policy/acl", "cmd/doorkeeper"}},
	{path: "math/rand", never: []string{"protocol", "access", "identity", "proxy/api", "journal", "cluster"}},
}

func TestLayers(t *testing.T) {
	for _, problem := range checkLayers(t, os.DirFS(".")) {
		t.Error(problem)
	}
}

// TestLayersNotice proves that the test above sees what it should.
func TestLayersNotice(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("protocol/up.go", "package protocol\nimport _ \"doorkeeper/proxy\"\n")
	write("identity/net.go", "package identity\nimport _ \"net\"\n")
	write("sink/metrics.go", "package sink\nimport _ \"go.opentelemetry.io/otel/metric\"\n")
	write("stray/x.go", "package stray\nimport _ \"doorkeeper/access\"\n")
	got := checkLayers(t, os.DirFS(dir))
	for _, want := range []string{"protocol may not import doorkeeper/proxy", "identity may not import net", "sink may not import go.opentelemetry.io/otel", "stray is in no layer"} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("not noticed: %s; noticed: %q", want, got)
		}
	}
}

func checkLayers(t *testing.T, root fs.FS) (problems []string) {
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || isModule(root, path)) {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			problems = append(problems, checkFile(t, root, path)...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return problems
}

func isModule(root fs.FS, dir string) bool {
	_, err := fs.Stat(root, dir+"/go.mod")
	return err == nil
}

func checkFile(t *testing.T, root fs.FS, path string) (problems []string) {
	src, err := fs.ReadFile(root, path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	from := filepath.ToSlash(filepath.Dir(path))
	if slices.Contains(helpers, from) {
		return nil
	}
	i := slices.IndexFunc(layers, func(l struct {
		name string
		uses []string
	}) bool {
		return l.name == from
	})
	if i < 0 {
		return []string{path + ": " + from + " is in no layer"}
	}
	for _, spec := range f.Imports {
		to, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if !allowedImport(from, layers[i].uses, to) {
			problems = append(problems, path+": "+from+" may not import "+to)
		}
	}
	return problems
}

func allowedImport(from string, uses []string, to string) bool {
	if own, ok := strings.CutPrefix(to, "doorkeeper/"); ok {
		return slices.Contains(uses, own) || slices.Contains(uses, "*")
	}
	for _, b := range banned {
		if to != b.path && !strings.HasPrefix(to, b.path+"/") || b.path == "net" && to != "net" || b.path == "time" && to != "time" {
			continue
		}
		if len(b.only) > 0 && !slices.Contains(b.only, from) || slices.Contains(b.never, from) {
			return false
		}
	}
	return true
}
