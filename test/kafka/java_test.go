package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/test/kafka/truth"
)

// javaRow runs a scenario of the Java program with client properties.
func javaRow(name, scenario, entrance string, l login, properties ...string) row {
	r := row{name: name, entrance: entrance, run: func(t *testing.T, c *client) string {
		args := append([]string{scenario, c.bootstrap(), c.prefix}, pairs(javaProperties(entrance, l))...)
		return java(c.ctx, t, "", "doorkeeper.Clients", append(args, properties...)...)
	}}
	if l.user != "" {
		r.principal = "User:" + l.user
	}
	return r
}

func TestJava(t *testing.T) {
	alice := func(mechanism string) login { return login{mechanism: mechanism, user: "alice"} }
	runRows(t, []row{
		javaRow("records", "records", "open", login{}),
		javaRow("records over TLS with a certificate", "records", "open-tls", login{user: "alice", cert: true}),
		javaRow("transactions", "transactions", "open", login{}),
		javaRow("classic group", "consumer-group", "open", login{}, "group.protocol=classic"),
		javaRow("KIP-848 group", "consumer-group", "sasl", alice("SCRAM-SHA-512"), "group.protocol=consumer"),
		javaRow("offsets", "offsets", "sasl-tls", alice("PLAIN")),
		javaRow("share group", "share", "open", login{}),
		javaRow("re-authentication with SCRAM", "linger", "reauth", alice("SCRAM-SHA-256")),
		javaRow("re-authentication with OAUTHBEARER", "linger", "reauth", alice("OAUTHBEARER")),
		javaRow("admin", "admin", "open", login{}),
		javaRow("delegation tokens", "tokens", "sasl", alice("SCRAM-SHA-256")),
		{name: "telemetry", run: telemetry},
		javaRow("streams", "streams", "open", login{}),
		javaRow("streams in the streams protocol", "streams", "open", login{}, "group.protocol=streams"),
	})
}

// telemetry makes the brokers ask clients for metrics (KIP-714), and requires that a Java client pushes some.
func telemetry(t *testing.T, c *client) string {
	admin := c.kgo(t)
	for key, value := range map[string]string{"interval.ms": "500", "metrics": "org.apache.kafka.producer.", "match": "client_id=" + c.name("pusher")} {
		if err := setConfig(c.ctx, admin, kmsg.ConfigResourceTypeClientMetrics, c.name("metrics"), key, value); err != nil {
			t.Fatal(err)
		}
	}
	admin.Close()
	mark := len(c.path.recorder.Conns())
	args := append([]string{"linger", c.bootstrap(), c.prefix}, pairs(javaProperties(c.entrance, login{}))...)
	out := java(c.ctx, t, "", "doorkeeper.Clients", append(args, "client.id="+c.name("pusher"))...)
	pushes := 0
	for _, s := range truth.Decode(c.path.recorder.Conns()[mark:]) {
		for _, call := range s.Calls {
			if call.Key == int16(kmsg.PushTelemetry) {
				pushes++
			}
		}
	}
	if pushes == 0 {
		t.Error("no metrics were pushed")
	}
	return out
}
