package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// readLogin reads the SASL login from Kafka client properties: sasl.mechanism and sasl.jaas.config. Everything else in
// the file is passed over; TLS is as the configuration says. No file, or no sasl.mechanism: no login.
func readLogin(file string) (sasl.Mechanism, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the client properties: %w", err)
	}
	properties := parseProperties(string(text))
	mechanism := properties["sasl.mechanism"]
	if mechanism == "" {
		return nil, nil
	}
	jaas := parseJAAS(properties["sasl.jaas.config"])
	user, password := jaas["username"], jaas["password"]
	if user == "" {
		return nil, fmt.Errorf(`%s: sasl.jaas.config has no username: write it as in ...ScramLoginModule required username="x" password="y";`, file)
	}
	switch mechanism {
	case "PLAIN":
		return plain.Auth{User: user, Pass: password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: user, Pass: password, IsToken: jaas["tokenauth"] == "true"}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: user, Pass: password, IsToken: jaas["tokenauth"] == "true"}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("%s: sasl.mechanism %s: check can log in with PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512", file, mechanism)
}

// parseProperties reads the format of java.util.Properties: comments with # or !, separators = : or white space, a
// backslash at the end goes on in the next line, and one before a character takes it as it is.
func parseProperties(text string) map[string]string {
	properties := map[string]string{}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimLeft(lines[i], " \t\f")
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		for continues(line) && i+1 < len(lines) {
			i++
			line = line[:len(line)-1] + strings.TrimLeft(lines[i], " \t\f")
		}
		key, value := splitProperty(line)
		properties[unescape(key)] = unescape(value)
	}
	return properties
}

// continues says whether a line ends in an odd number of backslashes.
func continues(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// splitProperty cuts at the first separator that no backslash protects.
func splitProperty(line string) (key, value string) {
	end := len(line)
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
		} else if strings.ContainsRune("=: \t\f", rune(line[i])) {
			end = i
			break
		}
	}
	value = strings.TrimLeft(line[end:], " \t\f")
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], " \t\f")
	}
	return line[:end], value
}

var escaped = regexp.MustCompile(`(?s)\\(.)`)

func unescape(s string) string {
	return escaped.ReplaceAllStringFunc(s, func(e string) string {
		switch e[1] {
		case 'n':
			return "\n"
		case 't':
			return "\t"
		case 'r':
			return "\r"
		}
		return e[1:]
	})
}

var jaasOption = regexp.MustCompile(`(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;]+))`)

// parseJAAS reads the options of one login module: name="value", in quotes or without.
func parseJAAS(text string) map[string]string {
	options := map[string]string{}
	for _, m := range jaasOption.FindAllStringSubmatch(text, -1) {
		value := m[4]
		if quoted := m[2] + m[3]; quoted != "" {
			value = escaped.ReplaceAllString(quoted, "$1")
		}
		options[m[1]] = value
	}
	return options
}
