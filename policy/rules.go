package policy

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Format is the input document that a policy is asked with.
type Format uint8

// Doorkeeper is our own contract (input.schema.json); OPAKafka is the document of the opa-kafka-plugin, so that policies
// written for it run unchanged.
const (
	Doorkeeper Format = iota
	OPAKafka
)

// String returns the word of the configuration's policy.input.
func (f Format) String() string {
	if f == OPAKafka {
		return "opa-kafka"
	}
	return "doorkeeper"
}

// DefaultDecision is the entry point of a format.
func (f Format) DefaultDecision() string {
	if f == OPAKafka {
		return "data.kafka.authz.allow"
	}
	return "data.doorkeeper.decision"
}

// Rules are one policy, loaded but not compiled.
type Rules struct {
	// Files by path: .rego, and data in .json, .yaml and .yml, which stands under the path of its directory, as with
	// `opa run`: a/b/roles.json is data.a.b. Files ending in _test.rego do not run.
	Files    map[string][]byte
	Data     map[string]any // more data, e.g. "catalog"
	Decision string         // the entry point; "": the format's default
	Input    Format
	Origin   string // what it was loaded from, for errors and status

	shown map[string]string // path -> what errors call it, where that differs
}

// maxRules bounds what one policy may hold, so that a wrong path does not read a disk into memory.
const maxRules = 256 << 20

// ReadPaths loads files and directories. In directories hidden files, and files that are neither rules nor data, are
// passed over.
func ReadPaths(paths []string) (Rules, error) {
	l := pathReader{rules: Rules{Files: map[string][]byte{}, Origin: strings.Join(paths, ", "), shown: map[string]string{}}}
	for _, p := range paths {
		info, err := os.Stat(p)
		switch {
		case err != nil:
			return Rules{}, fmt.Errorf("policy: %w", err)
		case info.IsDir():
			err = l.dir(p)
		case kind(p) == unknownFile:
			err = fmt.Errorf("policy: %s is neither rules (.rego) nor data (.json, .yaml, .yml)", p)
		default:
			err = l.file(filepath.Base(p), p)
		}
		if err != nil {
			return Rules{}, err
		}
	}
	return l.rules, nil
}

type pathReader struct {
	rules Rules
	bytes int
}

func (l *pathReader) dir(root string) error {
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("policy: %w", err)
		case name != root && strings.HasPrefix(d.Name(), "."):
			// Among them ..data of a Kubernetes ConfigMap, whose files are seen through their links.
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() || kind(name) == unknownFile:
			return nil
		}
		inside, err := filepath.Rel(root, name)
		if err != nil {
			return fmt.Errorf("policy: %w", err)
		}
		return l.file(filepath.ToSlash(inside), name)
	})
}

func (l *pathReader) file(inside, name string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	if l.bytes += len(content); l.bytes > maxRules {
		return fmt.Errorf("policy: %s: rules and data together are over %d MiB", name, maxRules>>20)
	}
	// Two of the given paths may hold files of the same name. Only the directory says where data stands, so the name
	// may be made another.
	key := inside
	for n := 2; l.rules.Files[key] != nil; n++ {
		ext := path.Ext(inside)
		key = fmt.Sprintf("%s#%d%s", strings.TrimSuffix(inside, ext), n, ext)
	}
	if content == nil {
		content = []byte{}
	}
	l.rules.Files[key] = content
	l.rules.shown[key] = name
	return nil
}

// Name is what people call a file: the path that they gave, and what is below it.
func (r *Rules) Name(file string) string {
	if s := r.shown[file]; s != "" {
		return s
	}
	return file
}

func (r *Rules) decision() string {
	if r.Decision == "" {
		return r.Input.DefaultDecision()
	}
	return r.Decision
}

// files returns the paths of what runs, in order.
func (r *Rules) files() []string {
	var list []string
	for file := range r.Files {
		if k := kind(file); k != unknownFile && k != testFile {
			list = append(list, file)
		}
	}
	slices.Sort(list)
	return list
}

type fileKind uint8

const (
	unknownFile fileKind = iota
	regoFile
	testFile
	dataFile
)

func kind(file string) fileKind {
	switch path.Ext(filepath.ToSlash(file)) {
	case ".rego":
		if strings.HasSuffix(file, "_test.rego") {
			return testFile
		}
		return regoFile
	case ".json", ".yaml", ".yml":
		return dataFile
	}
	return unknownFile
}
