package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestDefaults(t *testing.T) {
	dir := t.TempDir()
	c, err := parse(dir, "state_dir: state\n"+minimal, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(c.Redacted(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(strings.ReplaceAll(string(got), dir, "/etc/doorkeeper"), `"`+host+`"`, `"HOSTNAME"`) + "\n"
	golden(t, "testdata/defaults.json", text)
	if c.Limits.ProduceFrame != 4<<20 || c.Timeouts.Stall != 10*time.Minute {
		t.Errorf("limits %+v, timeouts %+v", c.Limits, c.Timeouts)
	}
}

func TestEnvironment(t *testing.T) {
	const text = `
proxy_id: "${NAME}-1"
state_dir: $${literal}
clusters: [{name: erp, bootstrap: ["${HOST}:9092"], listeners: [{name: plain, address: ":9092", first_port: "${PORT}", allow_unverified: "${YES}"}]}]
limits: {buffers: "${SIZE}"}
`
	c, err := parse("/etc/dk", text, map[string]string{
		"NAME": "a: [b", "HOST": "kafka", "PORT": "9100", "YES": "true", "SIZE": "1GiB",
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "a: [b-1"; c.ProxyID != want {
		t.Errorf("proxy_id = %q, want %q: a variable's content is no structure", c.ProxyID, want)
	}
	l := c.Clusters[0].Listeners[0]
	if c.StateDir != "/etc/dk/${literal}" || c.Clusters[0].Bootstrap[0] != "kafka:9092" || l.FirstPort != 9100 || !l.AllowUnverified || c.Limits.Buffers != GiB {
		t.Errorf("expanded to %+v", c)
	}
	redacted := c.Redacted()
	if got := redacted["proxy_id"]; got != "${NAME}-1" {
		t.Errorf("redacted proxy_id = %v, want the reference as written", got)
	}
	if got := redacted["limits"].(map[string]any)["buffers"]; got != "${SIZE}" {
		t.Errorf("redacted limits.buffers = %v, want the reference as written", got)
	}
}

func TestAnchors(t *testing.T) {
	const text = `
clusters:
  - {name: erp, bootstrap: &brokers [kafka:9092], listeners: [{name: plain, address: ":9092", first_port: 9100}]}
  - {name: crm, bootstrap: *brokers, listeners: [{name: plain, address: ":9093", first_port: 9200}]}
`
	c, err := parse("/etc/dk", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Clusters[0].Bootstrap, c.Clusters[1].Bootstrap); diff != "" {
		t.Error(diff)
	}
}

// A host with a port is text wherever it stands; see hostAndPort.
func TestHostAndPortInFlowStyle(t *testing.T) {
	c, err := parse("/etc/dk", `clusters: [{name: erp, bootstrap: [k-1:9092, k-2:9093, "k-3:9094"], listeners: [{name: plain, address: k:9092, first_port: 9100}]}]`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"k-1:9092", "k-2:9093", "k-3:9094"}, c.Clusters[0].Bootstrap); diff != "" {
		t.Error(diff)
	}
}

// with is a sink with what differs from the defaults.
func with(change func(*Sink)) Sink {
	var s Sink
	s.defaults()
	change(&s)
	return s
}

func TestSinks(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []Sink
	}{
		{"default", "", []Sink{with(func(s *Sink) { s.Name, s.Type, s.Path = "local", "file", "/state/access.jsonl" })}},
		{"none", "sinks: []\n", []Sink{}},
		{"relative to the file", "sinks: [{name: x, type: file, path: a/b.jsonl, rotate: {keep: 3}}]\n",
			[]Sink{with(func(s *Sink) { s.Name, s.Type, s.Path, s.Rotate.Keep = "x", "file", "/etc/dk/a/b.jsonl", 3 })}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := parse("/etc/dk", "state_dir: /state\n"+test.text+minimal, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, c.Sinks); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClientAuthDefault(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "s", time.Now().Add(time.Hour))
	for tls, want := range map[string]string{
		`{cert_file: s.pem, key_file: s.key}`:                                              ClientAuthNone,
		`{cert_file: s.pem, key_file: s.key, client_ca_file: s.pem}`:                       ClientAuthRequire,
		`{cert_file: s.pem, key_file: s.key, client_ca_file: s.pem, client_auth: request}`: ClientAuthRequest,
	} {
		c, err := parse(dir, `clusters: [{name: erp, bootstrap: [kafka:9092], listeners: [{name: plain, address: ":9092", first_port: 9100, tls: `+tls+`}]}]`, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Clusters[0].Listeners[0].TLS.ClientAuth; got != want {
			t.Errorf("%s: client_auth = %s, want %s", tls, got, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "old", time.Now().Add(-time.Hour))
	writePair(t, dir, "soon", time.Now().Add(time.Minute))
	for name, want := range map[string][]string{
		"old":  {"sinks", "admin.tls.cert_file", "admin.address"},
		"soon": {"sinks", "admin.tls.cert_file", "admin.address"},
	} {
		c, err := parse(dir, minimal+`admin: {address: "127.0.0.1:9180", tls: {cert_file: `+name+`.pem, key_file: `+name+`.key}}`+"\nsinks: []\n", nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range c.Warnings() {
			got = append(got, w.Field)
			if !strings.Contains(w.Error(), "warning: ") {
				t.Errorf("%q does not say that it is a warning", w.Error())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(name, diff)
		}
	}
}

func TestDigest(t *testing.T) {
	digest := func(text string) string {
		t.Helper()
		c, err := parse("/etc/dk", "proxy_id: x\nstate_dir: /state\n"+text, map[string]string{"LEVEL": "info"})
		if err != nil {
			t.Fatal(err)
		}
		return c.Digest()
	}
	base := digest(minimal)
	for _, same := range []string{"# a comment\n" + minimal, minimal + "log: {level: info}\n", minimal + "log: {level: \"${LEVEL}\"}\n", minimal + "timeouts: {stall: 600s}\n"} {
		if got := digest(same); got != base {
			t.Errorf("%q means the same, and has digest %s, not %s", same, got, base)
		}
	}
	for _, other := range []string{minimal + "log: {level: warn}\n", minimal + "limits: {connections: 1}\n"} {
		if digest(other) == base {
			t.Errorf("%q means something else, and has the same digest", other)
		}
	}
}

func TestFrozen(t *testing.T) {
	load := func(text string) *Config {
		t.Helper()
		c, err := parse("/etc/dk", text, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	running := load("proxy_id: x\nstate_dir: /state\n" + minimal)
	for next, want := range map[string][]string{
		"proxy_id: x\nstate_dir: /state\nlimits: {connections: 7}\ntimeouts: {drain: 1s}\nsinks: []\npolicy: {max_grant: 1h}\n" + minimal: nil,
		"proxy_id: y\nstate_dir: /state\nlog: {level: debug}\nadmin: {pprof: true, address: \"localhost:1\"}\n" + minimal:                 {"admin.address", "admin.pprof", "log.level", "proxy_id"},
		"proxy_id: x\nstate_dir: /state\nrecords: {flow_interval: 2s}\nadmin: {uids: {7: viewer}}\nwatch: false\n" + minimal:              {"admin.uids.7", "records.flow_interval", "watch"},
	} {
		if diff := cmp.Diff(want, Frozen(running, load(next)), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s(-want +got)\n%s", next, diff)
		}
	}
}

func TestLoadMissing(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "doorkeeper.yaml"))
	if err == nil || !strings.Contains(err.Error(), "-c FILE") {
		t.Errorf("got %v, want an error that says how to give the file", err)
	}
}

func TestAdminSocket(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "doorkeeper.yaml")
	for text, want := range map[string]string{
		"state_dir: s\nadmin: {tokens_file: gone.yaml, address: \"${UNSET_IN_TESTS}\"}\nunknown: 1\n": filepath.Join(dir, "s", "admin.sock"),
		"admin: {socket: /run/dk.sock}\n":          "/run/dk.sock",
		"admin: {socket: \"${UNSET_IN_TESTS}\"}\n": "",
		"state_dir: [x]\n":                         "",
		"a: {\n":                                   "",
	} {
		write(t, file, text)
		got, err := AdminSocket(file)
		if (err != nil) != (want == "") || err == nil && got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "17": 17, "100B": 100, "4KiB": 4096, "1.5MiB": 3 << 19, "2 GiB": 2 << 30, "1TiB": TiB} {
		got, err := ParseSize(text)
		if err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
		if back, err := ParseSize(got.String()); err != nil || back != got {
			t.Errorf("%d prints as %s, which reads as %d, %v", got, got, back, err)
		}
	}
	for _, text := range []string{"", "MiB", "4MB", "-1", "NaN", "9999999TiB", "1e400"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", text, got)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"adress", "address", 1}, {"admni", "admin", 1}, {"limits", "limit", 1}, {"tls", "log", 3}, {"sitting", "kitten", 3}} {
		if got := editDistance(test.a, test.b); got != test.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestProblemOfAnotherPart(t *testing.T) {
	c, err := parse("/etc/dk", minimal, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Problem("clusters[0].listeners[0].principal_mapping[0]", "no rule").Error()
	if want := "/etc/dk/doorkeeper.yaml:1:63: clusters[0].listeners[0].principal_mapping[0]: no rule"; got != want {
		t.Errorf("got %q, want %q: the place of the nearest parent", got, want)
	}
}

// FuzzParse: whatever the text, an answer and no panic; and an accepted text has a stable digest.
func FuzzParse(f *testing.F) {
	f.Add(minimal)
	f.Add(Example)
	f.Add("clusters: [&a {name: x}, *a]\n? [a]\n: b\n")
	f.Add("- a\n- !!binary b\n--- {}\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("/etc/dk/doorkeeper.yaml", []byte(text), func(string) (string, bool) { return "", false })
		if err != nil {
			return
		}
		if first := c.Digest(); first != c.Digest() {
			t.Error("the digest of one configuration differs")
		}
	})
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		write(t, file, got)
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got), rewrite with -update:\n%s", file, diff)
	}
}
