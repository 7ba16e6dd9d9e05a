// Package library holds starter rules: small policies for what nearly everyone wants first, each with its tests. They are
// written out with `doorkeeper policy init`, and from then on belong to whoever wrote them out.
//
// It may know nothing of doorkeeper: the rules are text.
package library

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

//go:embed rules
var embedded embed.FS

// Files that every policy made of these rules needs: what puts them together, what their tests ask, their settings.
var base = []string{"decision.rego", "decision_test.rego", "ask_test.rego", "settings.yaml"}

const (
	rego = ".rego"
	test = "_test.rego"
)

// A Rule is one starter rule.
type Rule struct {
	Name  string // its file, without .rego
	Title string
	Text  string // what it does and what it goes by
}

// Files returns every file by name.
func Files() map[string][]byte {
	files := map[string][]byte{}
	entries, err := fs.ReadDir(embedded, "rules")
	if err != nil {
		panic("library: " + err.Error()) // it is embedded
	}
	for _, e := range entries {
		text, err := fs.ReadFile(embedded, "rules/"+e.Name())
		if err != nil {
			panic("library: " + err.Error())
		}
		files[e.Name()] = text
	}
	return files
}

// Rules lists the rules by name. What they say of themselves is the comment that each file begins with.
func Rules() []Rule {
	var all []Rule
	files := Files()
	for _, file := range slices.Sorted(maps.Keys(files)) {
		name, ok := strings.CutSuffix(file, rego)
		if !ok || strings.HasSuffix(file, test) || slices.Contains(base, file) {
			continue
		}
		comment, _, _ := strings.Cut(string(files[file]), "\npackage ")
		var lines []string
		for line := range strings.SplitSeq(comment, "\n") {
			lines = append(lines, strings.TrimSpace(strings.TrimPrefix(line, "#")))
		}
		title, text, _ := strings.Cut(strings.Join(lines, "\n"), "\n")
		all = append(all, Rule{Name: name, Title: strings.TrimSuffix(title, "."), Text: strings.TrimSpace(text)})
	}
	return all
}

// Select returns the files of a policy that consists of these rules; of all, if none is named.
func Select(names ...string) (map[string][]byte, error) {
	all := Files()
	if len(names) == 0 {
		return all, nil
	}
	files := map[string][]byte{}
	for _, file := range base {
		files[file] = all[file]
	}
	for _, name := range names {
		if !slices.ContainsFunc(Rules(), func(r Rule) bool { return r.Name == name }) {
			return nil, fmt.Errorf("%q is none of the rules %s", name, strings.Join(Names(), ", "))
		}
		files[name+rego], files[name+test] = all[name+rego], all[name+test]
	}
	return files, nil
}

// Names lists the rules' names.
func Names() []string {
	var names []string
	for _, r := range Rules() {
		names = append(names, r.Name)
	}
	return names
}
