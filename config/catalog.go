package config

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// A Catalog says what people know of topics and principals, and machines cannot see: whose they are, what they hold,
// and where to ask. Policies read it as data.catalog; `doorkeeper why` names owners from it.
type Catalog struct {
	Topics     map[string]Entry `yaml:"topics"`     // by the topic's name
	Principals map[string]Entry `yaml:"principals"` // by type and name: "User:erp"
}

// An Entry is what the catalog says of one topic or principal.
type Entry struct {
	Owner       string   `yaml:"owner"`
	Contact     string   `yaml:"contact"` // a channel, an address
	Access      string   `yaml:"access"`  // how to ask for access: a link, a sentence
	Tags        []string `yaml:"tags"`
	TimeZone    string   `yaml:"time_zone"` // IANA's name: "Europe/Berlin"
	Description string   `yaml:"description"`
}

// LoadCatalog reads and checks a catalog file. It is as strict as the configuration: a misspelt key would silently take
// a tag away from a topic that a policy protects by it.
func LoadCatalog(file string) (*Catalog, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the catalog: %w", err)
	}
	return ParseCatalog(file, text)
}

// ParseCatalog is LoadCatalog for a text already read; file names it in problems.
func ParseCatalog(file string, text []byte) (*Catalog, error) {
	s, c := newSource(file, text), &Catalog{}
	decode(s, text, c, os.LookupEnv)
	for name, e := range c.Topics {
		e.check(s, join("topics", name))
	}
	for name, e := range c.Principals {
		path := join("principals", name)
		if typ, rest, ok := strings.Cut(name, ":"); !ok || typ == "" || rest == "" {
			s.fail(path, "must be a principal with its type, as in User:%s", name)
		}
		e.check(s, path)
	}
	if err := s.err(); err != nil {
		return nil, err
	}
	return c, nil
}

func (e *Entry) check(s *source, path string) {
	if e.TimeZone == "" {
		return
	}
	if _, err := time.LoadLocation(e.TimeZone); err != nil || e.TimeZone == "Local" {
		s.fail(join(path, "time_zone"), "%q is no time zone: use IANA's names, as in Europe/Berlin or UTC", e.TimeZone)
	}
}

// Data is the catalog as policies see it: every entry has every field, so that a rule that reads one is never undefined
// for want of it.
func (c *Catalog) Data() map[string]any {
	data := map[string]any{"topics": map[string]any{}, "principals": map[string]any{}}
	if c == nil {
		return data
	}
	data["topics"], data["principals"] = entriesData(c.Topics), entriesData(c.Principals)
	return data
}

func entriesData(entries map[string]Entry) map[string]any {
	data := make(map[string]any, len(entries))
	for name, e := range entries {
		tags := make([]any, len(e.Tags))
		for i, tag := range e.Tags {
			tags[i] = tag
		}
		data[name] = map[string]any{
			"owner": e.Owner, "contact": e.Contact, "access": e.Access, "tags": tags, "time_zone": e.TimeZone,
			"description": e.Description,
		}
	}
	return data
}
