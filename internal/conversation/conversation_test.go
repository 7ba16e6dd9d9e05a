package conversation

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sample() *Conversation {
	return &Conversation{
		Header: Header{
			Format: Format, Client: "java", Software: "apache-kafka-java/4.3.1", Scenario: "read", Kafka: "4.3.1",
			Security: "PLAINTEXT", Node: 1, Host: "127.0.0.2", Port: 9092,
			Recorded: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC),
		},
		Chunks: []Chunk{{FromClient, []byte("ask")}, {FromBroker, []byte("ans")}, {FromBroker, []byte("wer")}},
	}
}

func written(t *testing.T, c *Conversation) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := c.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo = %d, %v; wrote %d bytes", n, err, b.Len())
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	want := sample()
	got, err := Read(bytes.NewReader(written(t, want)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read back (-wrote +read):\n%s", diff)
	}
	if got := string(got.Stream(FromBroker)); got != "answer" {
		t.Errorf("the broker's stream is %q", got)
	}
}

// A file that was cut anywhere but between two chunks is an error, never a shorter conversation.
func TestCutFiles(t *testing.T) {
	whole := written(t, sample())
	header := bytes.IndexByte(whole, '\n') + 1
	ends := map[int]bool{header: true, header + 8: true, header + 16: true}
	for n := range whole {
		_, err := Read(bytes.NewReader(whole[:n]))
		if (err == nil) != ends[n] {
			t.Errorf("cut at byte %d of %d: error %v", n, len(whole), err)
		}
	}
}

func TestDamagedFiles(t *testing.T) {
	const header = `{"format":"` + Format + `"}` + "\n"
	for name, file := range map[string]string{
		"no JSON":        "hello\n",
		"other format":   `{"format":"pcap"}` + "\n",
		"bad direction":  header + "X\x00\x00\x00\x00",
		"too long chunk": header + "C\xff\xff\xff\xff",
	} {
		if _, err := Read(strings.NewReader(file)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if _, err := sample().WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := Read(bytes.NewReader(file))
		if err != nil {
			return
		}
		if _, err := c.WriteTo(io.Discard); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
