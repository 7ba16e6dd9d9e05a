package config

import (
	"strings"
	"testing"
)

// TestSinkKeys: what a type needs and what says nothing for it, by the first problem that a file has.
func TestSinkKeys(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/secret", "s\n")
	for text, want := range map[string]string{
		"type: file":                                   "path: is required for type file",
		"type: file, path: x, url: y":                  "url: says nothing for type file",
		"type: file, path: x, batch: {max_records: 1}": "batch: says nothing",
		"type: splunk_hec, url: 'https://s', index: x": "token_file: is required",
		"type: splunk_hec, url: 'https://s', token_file: secret, username: x, password_file: secret":               "username: says nothing",
		"type: splunk_hec, url: 'https://s', token_file: nowhere":                                                  "token_file: open",
		"type: splunk_hec, url: 's:8088', token_file: secret":                                                      "url: must be an http or https address",
		"type: elasticsearch, url: 'https://u:p@es', index: x":                                                     "url: holds a user or password",
		"type: elasticsearch, url: 'https://es'":                                                                   "index: is required",
		"type: elasticsearch, url: 'https://es', index: x, username: u":                                            "username: and password_file are required together",
		"type: elasticsearch, url: 'https://es', index: x, username: u, password_file: secret, token_file: secret": "token_file: cannot stand beside username",
		"type: elasticsearch, url: 'http://localhost', index: x, tls: {}":                                          "tls: says nothing for an http address",
		"type: webhook, url: 'https://h'":                                                                          "secret_file: is required",
		"type: webhook, url: 'https://h', secret_file: secret, headers: {'a b': c}":                                "headers: \"a b\" is no header",
		"type: webhook, url: 'https://h', secret_file: secret, batch: {max_wait: 2m}":                              "batch.max_wait: must be between",
		"type: webhook, url: 'https://h', secret_file: secret, batch: {max_records: 0}":                            "batch: must allow",
		"type: webhook, url: 'https://h', secret_file: secret, filter: {kind: [acces]}":                            "filter.kind[0]: \"acces\" must be one of session",
		"type: webhook, url: 'https://h', secret_file: secret, filter: {decision: [allowed]}":                      "filter.decision[0]",
		"type: webhook, url: 'https://h', secret_file: secret, format: xml":                                        "format: \"xml\" is no format",
		"path: x":     "type: is required",
		"type: kafak": "type: \"kafak\" is no type of sink",
	} {
		_, err := parse(dir, "sinks: [{name: x, "+text+"}]\n"+minimal, nil)
		if err == nil || !strings.Contains(err.Error(), "sinks[0]."+want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{
		"type: splunk_hec, url: 'https://s:8088', token_file: secret, ack: true, index: x, headers: {A: b}, tls: {}",
		"type: elasticsearch, url: 'https://es', index: x, token_file: secret",
		"type: webhook, url: 'https://h/x?y=z', secret_file: secret, token_file: secret, batch: {max_bytes: 64KiB}",
	} {
		if _, err := parse(dir, "sinks: [{name: x, "+text+"}]\n"+minimal, nil); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestHeadersAreHidden: a header may be a secret, wherever it comes from.
func TestHeadersAreHidden(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/secret", "s\n")
	text := "sinks: [{name: x, type: webhook, url: 'https://h', secret_file: secret, headers: {A: topsecret, B: '${KEY}'}}]\n" + minimal
	c, err := parse(dir, text, map[string]string{"KEY": "topsecret"})
	if err != nil {
		t.Fatal(err)
	}
	shown := c.Redacted()["sinks"].([]any)[0].(map[string]any)["headers"].(map[string]any)
	if shown["A"] != "(hidden)" || shown["B"] != "${KEY}" {
		t.Errorf("shown: %v", shown)
	}
	other, err := parse(dir, strings.Replace(text, "A: topsecret", "A: other", 1), map[string]string{"KEY": "topsecret"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Digest() == other.Digest() {
		t.Error("a changed header does not change the digest")
	}
}
