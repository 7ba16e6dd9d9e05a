package kafka

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"doorkeeper/test/kafka/parts"
)

var (
	python = sync.OnceValues(func() (string, error) { return parts.Python(context.Background()) })
	kcat   = sync.OnceValues(func() (string, error) { return parts.Kcat(context.Background()) })
)

// rdkafkaProperties are librdkafka's properties for a login at an entrance.
func rdkafkaProperties(entrance string, l login) map[string]string {
	p := map[string]string{"security.protocol": entrances[entrance].Security}
	certificates := shared.cluster.Certificates
	if tlsEntrance(entrance) {
		p["ssl.ca.location"] = certificates.Path("ca.pem")
	}
	if l.cert {
		p["ssl.certificate.location"], p["ssl.key.location"] = certificates.Path(l.user+".pem"), certificates.Path(l.user+".key")
	}
	if l.mechanism == "" {
		return p
	}
	p["sasl.mechanisms"] = l.mechanism
	if l.mechanism == "OAUTHBEARER" {
		p["enable.sasl.oauthbearer.unsecure.jwt"] = "true"
		p["sasl.oauthbearer.config"] = "principal=" + l.user
	} else {
		p["sasl.username"], p["sasl.password"] = l.user, l.password()
	}
	return p
}

func pythonRow(name, scenario, entrance string, l login, properties ...string) row {
	r := row{name: name, entrance: entrance, run: func(t *testing.T, c *client) string {
		interpreter, err := python()
		if err != nil {
			t.Fatal(err)
		}
		args := []string{filepath.Join(parts.Module(), "python", "clients.py"), scenario, c.bootstrap(), c.prefix}
		args = append(append(args, pairs(rdkafkaProperties(entrance, l))...), properties...)
		return command(c.ctx, t, "", interpreter, args...)
	}}
	if l.user != "" {
		r.principal = "User:" + l.user
	}
	return r
}

func TestLibrdkafka(t *testing.T) {
	alice := func(mechanism string) login { return login{mechanism: mechanism, user: "alice"} }
	runRows(t, []row{
		pythonRow("records", "records", "open", login{}),
		pythonRow("classic group", "group", "sasl", alice("SCRAM-SHA-256")),
		pythonRow("KIP-848 group", "group", "sasl", alice("PLAIN"), "group.protocol=consumer"),
		pythonRow("transactions", "transactions", "sasl-tls", alice("SCRAM-SHA-512")),
		pythonRow("a certificate", "group", "open-tls", login{user: "alice", cert: true}),
		pythonRow("OAUTHBEARER", "group", "sasl", alice("OAUTHBEARER")),
		pythonRow("admin", "admin", "open", login{}),
	})
}

// kcatRow writes and reads lines with Debian's kcat. Its librdkafka is older than the brokers by years; its SCRAM
// fails against them even direct.
func kcatRow(name, entrance string, l login) row {
	r := row{name: name, entrance: entrance, run: func(t *testing.T, c *client) string {
		program, err := kcat()
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"-b", c.bootstrap(), "-t", c.name("kcat"), "-X", "topic.metadata.refresh.interval.ms=500"}
		for _, pair := range pairs(rdkafkaProperties(entrance, l)) {
			args = append(args, "-X", pair)
		}
		run := func(input string, more ...string) string {
			return command(c.ctx, t, input, program, append(append([]string{}, args...), more...)...)
		}
		run(lines(500), "-P", "-z", "lz4", "-X", "linger.ms=5")
		read := run("", "-C", "-o", "beginning", "-e", "-q")
		if read != lines(500) {
			t.Errorf("read %d bytes back, wrote %d", len(read), len(lines(500)))
		}
		group := command(c.ctx, t, "", program, append(append([]string{}, args[:2]...), append(args[4:], "-G", c.name("g"), "-o", "beginning", "-c", "500", "-q", c.name("kcat"))...)...)
		listing := run("", "-L", "-m", "20")
		return fmt.Sprintf("%d lines; group %d lines; listing of %d brokers", strings.Count(read, "\n"), strings.Count(group, "\n"),
			strings.Count(listing, "  broker "))
	}}
	if l.user != "" {
		r.principal = "User:" + l.user
	}
	return r
}

func TestKcat(t *testing.T) {
	alice := func(mechanism string) login { return login{mechanism: mechanism, user: "alice"} }
	runRows(t, []row{
		kcatRow("plaintext", "open", login{}),
		kcatRow("PLAIN", "sasl", alice("PLAIN")),
		kcatRow("OAUTHBEARER", "sasl", alice("OAUTHBEARER")),
		kcatRow("a certificate", "open-tls", login{user: "alice", cert: true}),
		kcatRow("PLAIN over TLS", "sasl-tls", alice("PLAIN")),
	})
}
