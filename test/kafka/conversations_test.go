package kafka

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorkeeper/internal/conversation"
	"doorkeeper/test/kafka/parts"
	"doorkeeper/test/kafka/tap"
	"doorkeeper/test/kafka/truth"
)

var record = flag.Bool("record", false, "record the conversations in proxy/testdata/conversations anew")

// limits of what is recorded, in bytes.
const (
	maxConversation  = 400 << 10
	maxConversations = 5 << 20
)

func conversationsDir() string {
	return filepath.Join(parts.Module(), "..", "..", "proxy", "testdata", "conversations")
}

// conversationRows are the clients whose direct conversations are recorded.
func conversationRows() []row {
	alice := func(mechanism string) login { return login{mechanism: mechanism, user: "alice"} }
	return []row{
		javaRow("java transactions", "transactions", "open", login{}),
		javaRow("java consumer group", "consumer-group", "sasl", alice("SCRAM-SHA-512"), "group.protocol=consumer"),
		javaRow("java share", "share", "open", login{}),
		javaRow("java admin", "admin", "open", login{}),
		javaRow("java streams", "streams", "open", login{}, "group.protocol=streams"),
		pythonRow("librdkafka group", "group", "sasl", alice("PLAIN")),
		pythonRow("librdkafka transactions", "transactions", "open", login{}),
		kcatRow("kcat lines", "open", login{}),
		{name: "franz-go group", run: func(t *testing.T, c *client) string { return group(t, c) }},
		{name: "franz-go share", run: shareGroup},
		{name: "raw cuts", run: fetchCuts},
		{name: "raw produce", run: produceVersions},
		{name: "raw pipelining", run: pipelining},
	}
}

// TestConversations decodes the recorded conversations to the last byte. With -record it records them first.
func TestConversations(t *testing.T) {
	if *record {
		recordAll(t)
	}
	files, err := filepath.Glob(filepath.Join(conversationsDir(), "*.conv"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d conversations, %v: record them with -record", len(files), err)
	}
	total := int64(0)
	for _, file := range files {
		c, err := conversation.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		in, out := c.Stream(conversation.FromClient), c.Stream(conversation.FromBroker)
		total += int64(len(in) + len(out))
		if s := truth.DecodeStreams(in, out); s.Err != nil {
			t.Errorf("%s: %v", file, s.Err)
		}
	}
	if total > maxConversations {
		t.Errorf("the conversations have %d bytes, above %d", total, maxConversations)
	}
	t.Logf("%d conversations, %d bytes", len(files), total)
}

func recordAll(t *testing.T) {
	if err := os.MkdirAll(conversationsDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	old, err := filepath.Glob(filepath.Join(conversationsDir(), "*.conv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	direct := paths()[0]
	for i, r := range conversationRows() {
		if r.entrance == "" {
			r.entrance = "open"
		}
		t.Run(r.name, func(t *testing.T) {
			mark := len(direct.recorder.Conns())
			runRow(t, r, direct, i)
			save(t, r, direct.recorder.Conns()[mark:])
		})
	}
}

// save writes the connections on which more happened than a handshake, one of each kind.
func save(t *testing.T, r row, conns []*tap.Conn) {
	t.Helper()
	client, scenario, _ := strings.Cut(r.name, " ")
	seen := map[string]bool{}
	for _, c := range conns {
		s := truth.Decode([]*tap.Conn{c})[0]
		kind := kindOf(s)
		if s.Err != nil || s.MidFrame || kind == "" || seen[kind] || s.BytesIn+s.BytesOut > maxConversation {
			continue
		}
		seen[kind] = true
		name := fmt.Sprintf("%s-%s-%02d.conv", client, strings.ReplaceAll(scenario, " ", "-"), len(seen))
		if err := write(filepath.Join(conversationsDir(), name), r, client, scenario, c); err != nil {
			t.Fatal(err)
		}
	}
}

// kindOf names a connection by the set of its APIs and versions, those of a handshake aside.
func kindOf(s *truth.Session) string {
	seen := map[string]bool{}
	var kind []string
	for _, c := range s.Calls {
		api := fmt.Sprintf("%s/%d", truth.APIName(c.Key), c.Version)
		switch c.Key {
		case 17, 18, 36, 71, 72:
			continue
		}
		if !seen[api] {
			seen[api] = true
			kind = append(kind, api)
		}
	}
	return sorted(kind)
}

func write(path string, r row, client, scenario string, c *tap.Conn) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	host, port, _ := strings.Cut(c.Listen, ":")
	header := conversation.Header{
		Client: client, Scenario: scenario, Kafka: kafkaVersion, Security: entrances[r.entrance].Security, Node: c.Node, Host: host,
		Recorded: time.Now().UTC().Truncate(time.Second),
	}
	header.Software = softwareOf(c)
	if _, err := fmt.Sscan(port, &header.Port); err != nil {
		return err
	}
	_, err = (&conversation.Conversation{Header: header, Chunks: c.Chunks()}).WriteTo(f)
	return err
}
