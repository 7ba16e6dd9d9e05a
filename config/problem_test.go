package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestProblems holds each NAME.yaml of testdata/problems.txtar against NAME.txt: every problem with its line.
// Rewrite with -update, and commit only after reading each message as someone who made that mistake.
func TestProblems(t *testing.T) {
	const golden = "testdata/problems.txtar"
	archive, err := txtar.ParseFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writePair(t, dir, "a", time.Now().Add(time.Hour))
	writePair(t, dir, "b", time.Now().Add(time.Hour))
	write(t, filepath.Join(dir, "empty.pem"), "no PEM in here\n")
	write(t, filepath.Join(dir, "tokens.yaml"), "- {name: soc, sha256: abc, role: viewer}\n- {name: soc, sha256: \"\", role: king}\n")
	write(t, filepath.Join(dir, "catalog.yaml"), "topics: {payroll: {ower: hr, time_zone: Mars/Base}}\nprincipals: {erp: {owner: erp}}\n")

	want := map[string]string{}
	for _, f := range archive.Files {
		want[f.Name] = string(f.Data)
	}
	var rewritten []txtar.File
	for _, f := range archive.Files {
		name, ok := strings.CutSuffix(f.Name, ".yaml")
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			_, err := parse(dir, "state_dir: /state\n"+string(f.Data), map[string]string{"SET": "x", "NUMBER": "many"})
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want Problems", err)
			}
			got := strings.ReplaceAll(problems.Detail(), dir+string(os.PathSeparator), "") + "\n"
			rewritten = append(rewritten, f, txtar.File{Name: name + ".txt", Data: []byte(got)})
			if diff := cmp.Diff(want[name+".txt"], got); diff != "" && !*update {
				t.Errorf("problems differ (-want +got):\n%s", diff)
			}
		})
	}
	if *update {
		archive.Files = rewritten
		write(t, golden, string(txtar.Format(archive)))
	}
}
