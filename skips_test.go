package doorkeeper

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

var skips = regexp.MustCompile(`\b(t|b|f|tb)\.Skip(f|Now)?\(|testing\.Short\(\)`)

// No test skips itself, in any module of the repository: what cannot run somewhere lives in a suite that says so.
func TestNothingSkips(t *testing.T) {
	var files int
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") || path == "skips_test.go" {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		for i, line := range strings.Split(string(text), "\n") {
			if skips.MatchString(line) {
				t.Errorf("%s:%d skips: %s", path, i+1, strings.TrimSpace(line))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("only %d test files seen", files)
	}
}
