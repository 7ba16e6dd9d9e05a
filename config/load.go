package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Load reads, completes and checks the file. The error is Problems where the file is to blame.
func Load(file string) (*Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", explainOpen(err))
	}
	return Parse(file, text, os.LookupEnv)
}

// explainOpen adds what to do to the error of a file that is not there.
func explainOpen(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (give the file with -c FILE or DOORKEEPER_CONFIG)", err)
	}
	return err
}

// Parse is Load for a text already read. file names it in problems, and its directory is what paths are relative to.
func Parse(file string, text []byte, lookup func(string) (string, bool)) (*Config, error) {
	c := Default()
	c.source = newSource(file, text)
	decode(c.source, text, c, lookup)
	if err := c.complete(); err != nil {
		return nil, err
	}
	// Checks speak of values: they would repeat, in other words, what is wrong with one that could not be read.
	if err := c.source.err(); err != nil {
		return nil, err
	}
	c.check()
	if err := c.source.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// AdminSocket finds the admin socket that a configuration names, for whoever only wants to talk to its proxy: what else
// the file says is not checked, and the files that it names need not be readable.
func AdminSocket(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading the configuration: %w", explainOpen(err))
	}
	c := Default()
	c.source = newSource(file, text)
	decode(c.source, text, c, os.LookupEnv)
	if err := c.complete(); err != nil {
		return "", err
	}
	c.source.problems = slices.DeleteFunc(c.source.problems, func(p *Problem) bool {
		return p.Field != "" && p.Field != "state_dir" && p.Field != "admin" && p.Field != "admin.socket"
	})
	return c.Admin.Socket, c.source.err()
}

// File is the path the configuration was read from.
func (c *Config) File() string { return c.source.file }

// Warnings are what works but is probably not meant.
func (c *Config) Warnings() Problems { return c.source.warnings }

// Problem makes an error about the value at path ("clusters[0].listeners[1].principal_mapping"), with its line. For
// what only other parts can judge.
func (c *Config) Problem(path, format string, args ...any) error {
	return Problems{c.source.problem(path, format, args...)}
}

// complete fills in the defaults that depend on the machine or on other values, and makes paths absolute.
func (c *Config) complete() error {
	dir, err := filepath.Abs(filepath.Dir(c.source.file))
	if err != nil {
		return fmt.Errorf("finding the directory of %s: %w", c.source.file, err)
	}
	if c.ProxyID == "" {
		if c.ProxyID, err = os.Hostname(); err != nil {
			return fmt.Errorf("the machine has no host name (%w): set proxy_id", err)
		}
	}
	if c.StateDir == "" {
		c.StateDir = defaultStateDir()
	}
	absolute(dir, &c.StateDir)
	absolute(c.StateDir, &c.Admin.Socket)
	absolute(dir, &c.Admin.TokensFile)
	if t := c.Admin.TLS; t != nil {
		absolute(dir, &t.CertFile, &t.KeyFile, &t.ClientCAFile)
	}
	absolute(dir, &c.Catalog)
	c.Policy.complete(dir, c.source.set("policy.decision"))
	if !c.source.set("sinks") {
		c.Sinks = []Sink{defaultSink(c.StateDir)}
	}
	for i := range c.Sinks {
		c.Sinks[i].complete(dir)
	}
	for i := range c.Clusters {
		c.Clusters[i].complete(dir)
	}
	return nil
}

func (p *Policy) complete(dir string, decisionSet bool) {
	if p.Input == InputOPAKafka && !decisionSet {
		p.Decision = decisionOPAKafka
	}
	absoluteAll(dir, p.Paths)
	if b := p.Bundle; b != nil {
		absolute(dir, &b.PublicKeyFile, &b.TokenFile)
	}
	if p.Candidate != nil {
		absoluteAll(dir, p.Candidate.Paths)
	}
}

func (c *Cluster) complete(dir string) {
	if t := c.TLS; t != nil {
		absolute(dir, &t.CAFile, &t.CertFile, &t.KeyFile)
	}
	for i := range c.Listeners {
		t := c.Listeners[i].TLS
		if t == nil {
			continue
		}
		absolute(dir, &t.CertFile, &t.KeyFile, &t.ClientCAFile)
		if t.ClientAuth == "" {
			t.ClientAuth = ClientAuthNone
			if t.ClientCAFile != "" {
				t.ClientAuth = ClientAuthRequire
			}
		}
	}
}

func absolute(dir string, paths ...*string) {
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}

func absoluteAll(dir string, paths []string) {
	for i := range paths {
		absolute(dir, &paths[i])
	}
}

// defaultStateDir is /var/lib/doorkeeper where it can be written or made, else doorkeeper in the XDG state directory.
func defaultStateDir() string {
	const system = "/var/lib/doorkeeper"
	probe := system
	if _, err := os.Stat(system); errors.Is(err, fs.ErrNotExist) {
		probe = filepath.Dir(system)
	}
	if unix.Access(probe, unix.W_OK) == nil {
		return system
	}
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return system // its creation will say what is wrong
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "doorkeeper")
}
