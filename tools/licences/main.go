// Command licences lists the licence of every module that is linked into the given packages, and fails when one is not
// permissive or cannot be told. It runs in the folder of the main module.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// permissive licences, by SPDX identifier.
var permissive = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "0BSD", "Unlicense", "BlueOak-1.0.0"}

func main() {
	dir := flag.String("C", ".", "folder of the main module")
	flag.Parse()
	problems, err := check(os.Stdout, *dir, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(3)
	}
	if problems > 0 {
		fmt.Fprintf(os.Stderr, "licences: %d modules are not permissively licensed, or nobody can tell\n", problems)
		os.Exit(1)
	}
}

type module struct{ Path, Version, Dir string }

func check(out io.Writer, dir string, packages []string) (problems int, err error) {
	modules, err := linked(dir, packages)
	if err != nil {
		return 0, err
	}
	for _, m := range modules {
		names, err := licencesOf(m.Dir)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", m.Path, err)
		}
		verdict := ""
		if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(permissive, n) }) {
			verdict = "  <- not permissive"
			problems++
		}
		fmt.Fprintf(out, "%-60s %-24s %s%s\n", m.Path, m.Version, strings.Join(names, ", "), verdict)
	}
	return problems, nil
}

// linked lists the modules whose packages the given ones are made of.
func linked(dir string, packages []string) ([]module, error) {
	cmd := exec.Command("go", append([]string{"list", "-deps", "-json=Module"}, packages...)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	seen := map[string]bool{}
	var all []module
	for dec := json.NewDecoder(strings.NewReader(string(text))); ; {
		var p struct {
			Module *struct {
				module
				Main bool
			}
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if m := p.Module; m != nil && !m.Main && !seen[m.Path] {
			seen[m.Path] = true
			all = append(all, m.module)
		}
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// licencesOf reads the licence files of a module, in its folder or, for a module in a sub-folder of its repository, as
// the module proxy puts them there.
func licencesOf(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		upper := strings.ToUpper(e.Name())
		if e.IsDir() || !strings.HasPrefix(upper, "LICEN") && !strings.HasPrefix(upper, "COPYING") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		for _, m := range licensecheck.Scan(text).Match {
			if !slices.Contains(names, m.ID) {
				names = append(names, m.ID)
			}
		}
	}
	return names, nil
}
