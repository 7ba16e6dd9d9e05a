package config

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// A Sink is one place that records go to. Which keys belong to which type stands in sinkTypes.
type Sink struct {
	Name   string `yaml:"name" jsonschema:"required" jsonschema_description:"Name of the sink in logs and metrics, of its cursor and its dead letters; unique. Under another name it is a new sink, and begins with the oldest record."`
	Type   string `yaml:"type" jsonschema:"required,enum=file,enum=splunk_hec,enum=elasticsearch,enum=webhook" jsonschema_description:"file: a line a record. splunk_hec: Splunk's HTTP Event Collector. elasticsearch: the bulk API of Elasticsearch or OpenSearch. webhook: signed requests to any address. docs/sinks.md says what each promises."`
	Format string `yaml:"format" jsonschema:"enum=native" jsonschema_description:"native: the access record as it is."`

	Path   string `yaml:"path" jsonschema_description:"file: the file to append to."`
	Rotate Rotate `yaml:"rotate" jsonschema_description:"file: when to begin a new file."`

	URL   string `yaml:"url" jsonschema_description:"splunk_hec, elasticsearch, webhook: its http or https address. Without a user or password in it."`
	Index string `yaml:"index" jsonschema_description:"elasticsearch: the index or data stream. splunk_hec: the index; absent: the token's own."`
	Ack   bool   `yaml:"ack" jsonschema_description:"splunk_hec: a batch is delivered when an indexer has acknowledged it. The token must have indexer acknowledgement enabled. false: when the collector has taken it, which a crash of the collector can still lose."`

	TLS          *UpstreamTLS      `yaml:"tls" jsonschema_description:"TLS toward the far side: CAs, a certificate of ours, the name to expect. With an https address it is used in any case, with the system's CAs."`
	Headers      map[string]string `yaml:"headers" jsonschema_description:"Headers of each request over HTTP. Write secrets as ${NAME}, or use token_file."`
	Username     string            `yaml:"username" jsonschema_description:"User to log in as, with password_file."`
	PasswordFile string            `yaml:"password_file" jsonschema_description:"File with that user's password, read anew each time."`
	TokenFile    string            `yaml:"token_file" jsonschema_description:"File with the token, read anew each time: splunk_hec's token, elasticsearch's API key (base64, as in ApiKey …), webhook's bearer token."`
	SecretFile   string            `yaml:"secret_file" jsonschema_description:"webhook: file with the secret that requests are signed with, read anew each time."`

	Filter *Filter `yaml:"filter" jsonschema_description:"Which records the sink gets: every list that is given must have a value that matches, * stands for anything. Control, findings, gaps, failed logins and denials are never left out. Absent: all."`
	Batch  Batch   `yaml:"batch" jsonschema_description:"When a batch goes to the far side, of all types but file."`
}

// A Filter selects records by the words that commands select them by.
type Filter struct {
	Kind      []string `yaml:"kind" jsonschema_description:"session, authn, access, control, finding, gap."`
	Decision  []string `yaml:"decision" jsonschema_description:"allow, deny, refuse."`
	Resource  []string `yaml:"resource" jsonschema_description:"Topics, groups and so on by name, as in payroll or hr-*."`
	Principal []string `yaml:"principal" jsonschema_description:"Principals, as in User:erp or User:svc-*."`
}

// Rotate says when a file sink begins a new file, and how many old ones stay.
type Rotate struct {
	MaxBytes Size `yaml:"max_bytes" jsonschema_description:"Size at which a new file is begun. 0: never."`
	Keep     int  `yaml:"keep" jsonschema_description:"Old files to keep."`
}

// Batch says when a batch is full enough: whichever comes first.
type Batch struct {
	MaxRecords int           `yaml:"max_records" jsonschema_description:"Records in one batch."`
	MaxBytes   Size          `yaml:"max_bytes" jsonschema_description:"Bytes in one batch, before compression. One record that is larger goes alone."`
	MaxWait    time.Duration `yaml:"max_wait" jsonschema_description:"How long the first record of a batch waits for others."`
}

func (s *Sink) defaults() {
	s.Format = "native"
	s.Rotate = Rotate{MaxBytes: 256 * MiB, Keep: 10}
	s.Batch = Batch{MaxRecords: 5000, MaxBytes: MiB, MaxWait: 200 * time.Millisecond}
}

// defaultSink is where records go when the file says nothing of sinks.
func defaultSink(stateDir string) Sink {
	s := Sink{Name: "local", Type: "file", Path: stateDir + string(os.PathSeparator) + "access.jsonl"}
	s.defaults()
	return s
}

// A sinkType says which keys a type has beside those of all, and which of them it needs.
type sinkType struct {
	name        string
	needs, keys []string
}

var web = []string{"tls", "headers", "username", "password_file", "batch"}

var sinkTypes = []sinkType{
	{"file", []string{"path"}, []string{"rotate"}},
	{"splunk_hec", []string{"url", "token_file"}, []string{"tls", "headers", "batch", "index", "ack"}},
	{"elasticsearch", []string{"url", "index"}, append(web, "token_file")},
	{"webhook", []string{"url", "secret_file"}, append(web, "token_file")},
}

// ofType are the keys that not every type has.
var ofType = []string{
	"path", "rotate", "url", "index", "ack", "tls", "headers", "username", "password_file", "token_file", "secret_file", "batch",
}

func (s *Sink) complete(dir string) {
	absolute(dir, &s.Path, &s.PasswordFile, &s.TokenFile, &s.SecretFile)
	if t := s.TLS; t != nil {
		absolute(dir, &t.CAFile, &t.CertFile, &t.KeyFile)
	}
}

func (c *Config) checkSink(path string, s *Sink) {
	c.checkSinkKeys(path, s)
	if s.Format != "native" {
		if slices.Contains([]string{"ocsf", "ecs", "cef"}, s.Format) {
			c.source.fail(path+".format", "%s is not built yet: only native is", s.Format)
		} else {
			c.source.fail(path+".format", "%q is no format: only native is built yet", s.Format)
		}
	}
	if f := s.Filter; f != nil {
		c.checkWords(path+".filter.kind", f.Kind, "session", "authn", "access", "control", "finding", "gap")
		c.checkWords(path+".filter.decision", f.Decision, "allow", "deny", "refuse")
	}
	c.checkSinkFile(path, s)
	c.checkSinkAddress(path, s)
	c.checkSinkSecrets(path, s)
	if b := s.Batch; b.MaxRecords < 1 || b.MaxBytes < KiB {
		c.source.fail(path+".batch", "must allow at least one record and 1KiB")
	} else if b.MaxWait < 0 || b.MaxWait > time.Minute {
		c.source.fail(path+".batch.max_wait", "must be between 0 and 1m")
	}
}

// checkSinkKeys: a key that a type does not have would look as if it did something.
func (c *Config) checkSinkKeys(path string, s *Sink) {
	var names []string
	for _, t := range sinkTypes {
		if t.name != s.Type {
			names = append(names, t.name)
			continue
		}
		for _, key := range ofType {
			has := c.source.set(path + "." + key)
			if needed := slices.Contains(t.needs, key); needed && !has && c.source.set(path) {
				c.source.fail(path+"."+key, "is required for type %s", t.name)
			} else if has && !needed && !slices.Contains(t.keys, key) {
				c.source.fail(path+"."+key, "says nothing for type %s: leave it out", t.name)
			}
		}
		return
	}
	switch {
	case s.Type == "":
		c.source.fail(path+".type", "is required: one of %s", strings.Join(names, ", "))
	case slices.Contains([]string{"syslog", "otlp", "kafka"}, s.Type):
		c.source.fail(path+".type", "%s is not built yet: use one of %s", s.Type, strings.Join(names, ", "))
	default:
		c.source.fail(path+".type", "%q is no type of sink: use one of %s", s.Type, strings.Join(names, ", "))
	}
}

func (c *Config) checkSinkFile(path string, s *Sink) {
	if s.Rotate.MaxBytes > 0 && s.Rotate.MaxBytes < MiB {
		c.source.fail(path+".rotate.max_bytes", "%s is too small: use at least 1MiB, or 0 to never rotate", s.Rotate.MaxBytes)
	}
	if s.Rotate.Keep < 0 {
		c.source.fail(path+".rotate.keep", "cannot be negative")
	}
	for i := range c.Sinks {
		if other := &c.Sinks[i]; other == s {
			break
		} else if other.Path == s.Path && s.Path != "" {
			c.source.fail(path+".path", "sink %q writes to that file already: give each its own", other.Name)
		}
	}
}

func (c *Config) checkSinkAddress(path string, s *Sink) {
	if t := s.TLS; t != nil {
		c.checkPair(path+".tls", t.CertFile, t.KeyFile, false)
		c.checkCA(path+".tls.ca_file", t.CAFile)
	}
	if s.URL == "" {
		return
	}
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		c.source.fail(path+".url", "must be an http or https address")
	case u.User != nil:
		c.source.fail(path+".url", "holds a user or password: use username and password_file, or token_file")
	case u.Scheme == "http" && s.TLS != nil:
		c.source.fail(path+".tls", "says nothing for an http address: write https")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		c.source.warn(path+".url", "is http: records, and the sink's token or password, can be read on the way")
	}
}

func (c *Config) checkSinkSecrets(path string, s *Sink) {
	if (s.Username == "") != (s.PasswordFile == "") {
		c.source.fail(path+".username", "and password_file are required together")
	}
	if s.Username != "" && s.TokenFile != "" {
		c.source.fail(path+".token_file", "cannot stand beside username: one of them logs in")
	}
	for _, f := range []struct{ key, file string }{
		{"password_file", s.PasswordFile}, {"token_file", s.TokenFile}, {"secret_file", s.SecretFile},
	} {
		if f.file == "" {
			continue
		}
		if _, err := os.ReadFile(f.file); err != nil {
			c.source.fail(path+"."+f.key, "%v", err)
		}
	}
	for name := range s.Headers {
		if strings.ContainsAny(name, " \t\r\n:") || strings.ContainsAny(s.Headers[name], "\r\n") || name == "" {
			c.source.fail(path+".headers", "%q is no header of HTTP", name)
		}
	}
}

// checkWords finds what no record has: a filter with a word that is misspelt would leave out everything.
func (c *Config) checkWords(path string, words []string, known ...string) {
	for i, word := range words {
		c.checkWord(fmt.Sprintf("%s[%d]", path, i), word, known...)
	}
}
