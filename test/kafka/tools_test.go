package kafka

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const tools = "org.apache.kafka.tools."

// A tool is a run of one of Kafka's own command line tools.
type tool struct {
	class string
	args  string // PREFIX-, BOOTSTRAP and CONFIG (a file of client properties) are filled in
	input string
	fails bool // it has to: its exit status is not 0
	keep  string
}

// toolRow runs tools one after the other. Of their output it keeps the parts that match keep.
func toolRow(name string, runs ...tool) row {
	return row{name: name, run: func(t *testing.T, c *client) string { return c.tools(t, login{}, runs) }}
}

func (c *client) tools(t *testing.T, l login, runs []tool) string {
	t.Helper()
	config := filepath.Join(t.TempDir(), "client.properties")
	if err := os.WriteFile(config, []byte(strings.Join(pairs(javaProperties(c.entrance, l)), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("PREFIX-", c.prefix, "BOOTSTRAP", c.bootstrap(), "CONFIG", config)
	var results []string
	for _, run := range runs {
		out, err := tryJava(c.ctx, t, run.input, tools+run.class, strings.Fields(fill.Replace(run.args))...)
		if (err != nil) != run.fails {
			t.Fatalf("%s %s: %v", run.class, run.args, err)
		}
		matches := regexp.MustCompile(run.keep).FindAllString(c.hide(out), -1)
		slices.Sort(matches)
		if len(matches) == 0 {
			t.Errorf("%s %s: nothing matches %q in:\n%s", run.class, run.args, run.keep, out)
		}
		results = append(results, fmt.Sprintf("%s: %s", run.class, strings.Join(matches, " | ")))
	}
	return strings.Join(results, "\n")
}

func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line-%03d\n", i)
	}
	return b.String()
}

func TestTools(t *testing.T) {
	runRows(t, []row{
		toolRow("topics and console",
			tool{class: "TopicCommand", args: "--bootstrap-server BOOTSTRAP --create --topic PREFIX-t --partitions 2 --replication-factor 2", keep: `Created topic \S+`},
			tool{class: "ConsoleProducer", args: "--bootstrap-server BOOTSTRAP --topic PREFIX-t", input: lines(100), keep: `^`},
			tool{class: "consumer.ConsoleConsumer", args: "--bootstrap-server BOOTSTRAP --topic PREFIX-t --from-beginning --max-messages 100 --group PREFIX-g", keep: `line-\d+`},
			tool{class: "TopicCommand", args: "--bootstrap-server BOOTSTRAP --describe --topic PREFIX-t", keep: `PartitionCount: \d+|ReplicationFactor: \d+`},
			tool{class: "TopicCommand", args: "--bootstrap-server BOOTSTRAP --list", keep: `PREFIX-\S+`},
			tool{class: "TopicCommand", args: "--bootstrap-server BOOTSTRAP --alter --topic PREFIX-t --partitions 3", keep: `^`},
			tool{class: "GetOffsetShell", args: "--bootstrap-server BOOTSTRAP --topic PREFIX-t", keep: `PREFIX-t:\d+`},
			tool{class: "consumer.group.ConsumerGroupCommand", args: "--bootstrap-server BOOTSTRAP --describe --group PREFIX-g", keep: `PREFIX-g +PREFIX-t +\d+`},
			tool{class: "consumer.group.ConsumerGroupCommand", args: "--bootstrap-server BOOTSTRAP --reset-offsets --to-earliest --all-topics --group PREFIX-g --execute", keep: `PREFIX-g +PREFIX-t +\d +0`},
			tool{class: "consumer.group.ConsumerGroupCommand", args: "--bootstrap-server BOOTSTRAP --delete --group PREFIX-g", keep: `successful`},
			tool{class: "TopicCommand", args: "--bootstrap-server BOOTSTRAP --delete --topic PREFIX-t", keep: `^`},
		),
		toolRow("performance",
			tool{class: "TopicCommand", args: "--bootstrap-server BOOTSTRAP --create --topic PREFIX-perf --partitions 3", keep: `Created topic \S+`},
			tool{class: "ProducerPerformance", args: "--bootstrap-server BOOTSTRAP --topic PREFIX-perf --num-records 50000 --record-size 500 --throughput -1 --producer-props acks=all", keep: `50000 records sent`},
			tool{class: "ConsumerPerformance", args: "--bootstrap-server BOOTSTRAP --topic PREFIX-perf --num-records 50000 --timeout 60000", keep: `\d{4}-\d\d-\d\d`},
			tool{class: "EndToEndLatency", args: "--bootstrap-server BOOTSTRAP --topic PREFIX-latency --num-records 100 --producer-acks all --record-size 100", keep: `Avg latency`},
		),
		toolRow("verifiable",
			tool{class: "VerifiableProducer", args: "--bootstrap-server BOOTSTRAP --topic PREFIX-v --max-messages 500 --acks -1", keep: `"acked":\d+`},
			tool{class: "VerifiableConsumer", args: "--bootstrap-server BOOTSTRAP --topic PREFIX-v --group-id PREFIX-g --max-messages 500 --reset-policy earliest", keep: `shutdown_complete`},
			tool{class: "VerifiableConsumer", args: "--bootstrap-server BOOTSTRAP --topic PREFIX-v --group-id PREFIX-g8 --group-protocol consumer --max-messages 500 --reset-policy earliest", keep: `shutdown_complete`},
		),
		toolRow("share groups",
			tool{class: "VerifiableProducer", args: "--bootstrap-server BOOTSTRAP --topic PREFIX-s --max-messages 200 --acks -1", keep: `"acked":\d+`},
			tool{class: "VerifiableShareConsumer", args: "--bootstrap-server BOOTSTRAP --topic PREFIX-s --group-id PREFIX-g --max-messages 200 --offset-reset-strategy earliest --acknowledgement-mode auto", keep: `shutdown_complete`},
			tool{class: "consumer.ConsoleShareConsumer", args: "--bootstrap-server BOOTSTRAP --topic PREFIX-s --group PREFIX-g --timeout-ms 3000 --max-messages 1", keep: `^`},
			tool{class: "consumer.group.ShareGroupCommand", args: "--bootstrap-server BOOTSTRAP --describe --group PREFIX-g", keep: `PREFIX-g +PREFIX-s`},
			tool{class: "GroupsCommand", args: "--bootstrap-server BOOTSTRAP --list", keep: `PREFIX-g +Share`},
			tool{class: "consumer.group.ShareGroupCommand", args: "--bootstrap-server BOOTSTRAP --delete --group PREFIX-g", keep: `successful`},
		),
		toolRow("cluster",
			tool{class: "BrokerApiVersionsCommand", args: "--bootstrap-server BOOTSTRAP", keep: `Fetch\(1\)`},
			tool{class: "MetadataQuorumCommand", args: "--bootstrap-server BOOTSTRAP describe --status", keep: `LeaderId: +\d+`},
			tool{class: "MetadataQuorumCommand", args: "--bootstrap-server BOOTSTRAP describe --replication", keep: `Leader|Observer`},
			tool{class: "FeatureCommand", args: "--bootstrap-server BOOTSTRAP describe", keep: `Feature: \S+`},
			tool{class: "LogDirsCommand", args: "--bootstrap-server BOOTSTRAP --describe --broker-list 1", keep: `Received log directory information from brokers`},
			tool{class: "ClusterTool", args: "cluster-id --bootstrap-server BOOTSTRAP", keep: `Cluster ID`},
			tool{class: "ClusterTool", args: "list-endpoints --bootstrap-server BOOTSTRAP", keep: `(?m)^\d`},
		),
		toolRow("partitions",
			tool{class: "TopicCommand", args: "--bootstrap-server BOOTSTRAP --create --topic PREFIX-p --replica-assignment 1:2", keep: `Created topic \S+`},
			tool{class: "LeaderElectionCommand", args: "--bootstrap-server BOOTSTRAP --election-type preferred --topic PREFIX-p --partition 0", keep: `PREFIX-p`},
			tool{class: "VerifiableProducer", args: "--bootstrap-server BOOTSTRAP --topic PREFIX-p --max-messages 50 --acks -1", keep: `"acked":\d+`},
		),
		{name: "configs and quotas", run: func(t *testing.T, c *client) string {
			c.class(t, "kafka.admin.ConfigCommand", "--bootstrap-server BOOTSTRAP --alter --entity-type brokers --entity-default --add-config log.cleaner.backoff.ms=201")
			c.class(t, "kafka.admin.ConfigCommand", "--bootstrap-server BOOTSTRAP --alter --entity-type clients --entity-name PREFIX-c --add-config request_percentage=90")
			return c.class(t, "kafka.admin.ConfigCommand", "--bootstrap-server BOOTSTRAP --describe --entity-type clients --entity-name PREFIX-c") +
				c.class(t, "kafka.admin.ConfigCommand", "--bootstrap-server BOOTSTRAP --alter --entity-type clients --entity-name PREFIX-c --delete-config request_percentage") +
				c.class(t, tools+"ClientMetricsCommand", "--bootstrap-server BOOTSTRAP --alter --name PREFIX-m --interval 60000") +
				c.class(t, tools+"ClientMetricsCommand", "--bootstrap-server BOOTSTRAP --delete --name PREFIX-m")
		}},
		toolRow("transactions",
			tool{class: "TransactionsCommand", args: "--bootstrap-server BOOTSTRAP list", keep: `TransactionalId`},
			tool{class: "TransactionsCommand", args: "--bootstrap-server BOOTSTRAP find-hanging --broker-id 1", keep: `^`},
		),
		{name: "ACLs and tokens", entrance: "sasl", principal: "User:admin", run: func(t *testing.T, c *client) string {
			return c.tools(t, login{mechanism: "SCRAM-SHA-256", user: "admin"}, []tool{
				{class: "AclCommand", args: "--bootstrap-server BOOTSTRAP --command-config CONFIG --add --allow-principal User:carol --operation Read --topic PREFIX-x", keep: `principal=User:carol`},
				{class: "AclCommand", args: "--bootstrap-server BOOTSTRAP --command-config CONFIG --list", keep: `Current ACLs|^`},
				{class: "AclCommand", args: "--bootstrap-server BOOTSTRAP --command-config CONFIG --remove --force --topic PREFIX-x", keep: `^`},
				{class: "DelegationTokenCommand", args: "--bootstrap-server BOOTSTRAP --command-config CONFIG --create --max-life-time-period -1 --renewer-principal User:bob", keep: `User:admin`},
				{class: "DelegationTokenCommand", args: "--bootstrap-server BOOTSTRAP --command-config CONFIG --describe --owner-principal User:admin", keep: `TOKENID`},
			})
		}},
	})
}

// class runs a main class and returns what it printed.
func (c *client) class(t *testing.T, class, args string) string {
	t.Helper()
	args = strings.NewReplacer("PREFIX-", c.prefix, "BOOTSTRAP", c.bootstrap()).Replace(args)
	return java(c.ctx, t, "", class, strings.Fields(args)...)
}
