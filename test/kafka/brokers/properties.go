package brokers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// properties returns the configuration file of node id, in Kafka's property format.
func (c *Cluster) properties(id int32) string {
	nodes := len(c.nodes)
	p := map[string]string{
		"process.roles":              c.roles(id),
		"node.id":                    fmt.Sprint(id),
		"controller.quorum.voters":   c.voters(),
		"controller.listener.names":  controller,
		"inter.broker.listener.name": internal,
		"log.dirs":                   c.dataDir(id),
		// A busy machine must not look like a dead node.
		"controller.quorum.fetch.timeout.ms":    "10000",
		"controller.quorum.election.timeout.ms": "5000",
		"controller.quorum.request.timeout.ms":  "10000",
		"broker.session.timeout.ms":             "20000",
		"replica.lag.time.max.ms":               "60000",

		"num.network.threads":             "1", // of each listener
		"num.io.threads":                  "4",
		"background.threads":              "2",
		"log.cleaner.threads":             "1",
		"log.cleaner.backoff.ms":          "200",
		"log.retention.check.interval.ms": "1000",
		"auto.create.topics.enable":       "true",
		"num.partitions":                  "1",
		"default.replication.factor":      fmt.Sprint(nodes),
		"controlled.shutdown.enable":      "true",

		"offsets.topic.replication.factor":                 fmt.Sprint(nodes),
		"offsets.topic.num.partitions":                     "3",
		"transaction.state.log.replication.factor":         fmt.Sprint(nodes),
		"transaction.state.log.min.isr":                    "1",
		"transaction.state.log.num.partitions":             "3",
		"share.coordinator.state.topic.replication.factor": fmt.Sprint(nodes),
		"share.coordinator.state.topic.min.isr":            "1",
		"share.coordinator.state.topic.num.partitions":     "3",
		"group.initial.rebalance.delay.ms":                 "0",
		"group.consumer.heartbeat.interval.ms":             "1000",
		"group.consumer.min.heartbeat.interval.ms":         "1000",
		"group.share.min.heartbeat.interval.ms":            "1000",
		"group.streams.min.heartbeat.interval.ms":          "1000",
		"group.share.heartbeat.interval.ms":                "1000",
		"group.streams.heartbeat.interval.ms":              "1000",

		// Everything that no ACL speaks of is allowed, so that rows about access alone have to say something.
		"authorizer.class.name":                     "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users":                               "User:ANONYMOUS;User:admin",
		"allow.everyone.if.no.acl.found":            "true",
		"delegation.token.secret.key":               "of these tests",
		"delegation.token.expiry.check.interval.ms": "1000",
		// A stock broker does not advertise the telemetry APIs (KIP-714): one of its reporters has to take them.
		"metric.reporters": "doorkeeper.TelemetryReporter",

		"ssl.keystore.type":                              "PEM",
		"ssl.keystore.location":                          c.Certificates.Path("broker.store.pem"),
		"ssl.truststore.type":                            "PEM",
		"ssl.truststore.location":                        c.Certificates.Path("ca.pem"),
		"ssl.client.auth":                                "requested",
		"ssl.principal.mapping.rules":                    "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
		"sasl.enabled.mechanisms":                        "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
		"listener.name.reauth.connections.max.reauth.ms": fmt.Sprint(ReauthMillis),
	}
	c.addListeners(p, id)
	maps.Copy(p, c.options.Properties)
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&b, "%s=%s\n", key, p[key])
	}
	return b.String()
}

func (c *Cluster) addListeners(p map[string]string, id int32) {
	var listeners, advertised, protocols []string
	add := func(name, security, host string) {
		port := c.port(id, name)
		listeners = append(listeners, fmt.Sprintf("%s://%s:%d", name, Loopback, port))
		protocols = append(protocols, name+":"+security)
		advertised = append(advertised, fmt.Sprintf("%s://%s:%d", name, host, port))
	}
	protocols = append(protocols, controller+":PLAINTEXT")
	if id <= int32(c.options.Controllers) {
		listeners = append(listeners, fmt.Sprintf("%s://%s:%d", controller, Loopback, c.port(id, controller)))
	}
	add(internal, "PLAINTEXT", Loopback)
	for _, l := range clientListeners {
		add(l.Name, l.Security, l.Host)
		if strings.HasPrefix(l.Security, "SASL_") {
			c.addMechanisms(p, l)
		}
	}
	p["listeners"] = strings.Join(listeners, ",")
	p["advertised.listeners"] = strings.Join(advertised, ",")
	p["listener.security.protocol.map"] = strings.Join(protocols, ",")
}

func (c *Cluster) addMechanisms(p map[string]string, l Listener) {
	prefix := "listener.name." + strings.ToLower(l.Name) + "."
	var users strings.Builder
	for _, some := range []map[string]string{Users, c.options.Users} {
		for _, name := range slices.Sorted(maps.Keys(some)) {
			fmt.Fprintf(&users, " user_%s=%q", name, some[name])
		}
	}
	const security = "org.apache.kafka.common.security."
	p[prefix+"plain.sasl.jaas.config"] = security + "plain.PlainLoginModule required" + users.String() + ";"
	p[prefix+"scram-sha-256.sasl.jaas.config"] = security + "scram.ScramLoginModule required;"
	p[prefix+"scram-sha-512.sasl.jaas.config"] = security + "scram.ScramLoginModule required;"
	p[prefix+"oauthbearer.sasl.jaas.config"] = security +
		`oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`
}

func (c *Cluster) roles(id int32) string {
	if id <= int32(c.options.Controllers) {
		return "broker,controller"
	}
	return "broker"
}

func (c *Cluster) voters() string {
	var voters []string
	for _, id := range c.IDs()[:c.options.Controllers] {
		voters = append(voters, fmt.Sprintf("%d@%s:%d", id, Loopback, c.port(id, controller)))
	}
	return strings.Join(voters, ",")
}
