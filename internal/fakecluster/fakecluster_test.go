package fakecluster

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestMain(m *testing.M) {
	if asked, err := ServeIfAsked(); asked {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// librdkafka (and so kcat, whose command the demo shows) logs in only where SaslHandshake v0 is offered.
func TestSASLIsOfferedToLibrdkafka(t *testing.T) {
	c, err := Start(Options{Users: map[string]string{"ann": "ann-pw"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	resp, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, cl)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range resp.ApiKeys {
		if key.ApiKey == int16(kmsg.SASLHandshake) {
			if key.MinVersion != 0 || key.MaxVersion < 1 {
				t.Errorf("SaslHandshake is offered in versions %d to %d", key.MinVersion, key.MaxVersion)
			}
			return
		}
	}
	t.Error("SaslHandshake is not offered")
}
