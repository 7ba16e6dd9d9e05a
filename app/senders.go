package app

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"doorkeeper/access"
	"doorkeeper/config"
	"doorkeeper/sink"
)

// Batches that a sink may have on their way at a time. An indexer's acknowledgement takes seconds, so that many wait for
// theirs; a webhook gets everything in order.
const (
	webInFlight = 4
	ackInFlight = 16
)

// newSender makes the sender that a sink's type names, and says what that type wants of the sink. k is nil where the
// sink names no TLS of its own.
func newSender(c config.Sink, k *keeper, log *slog.Logger) (sink.Sender, sink.Options, error) {
	opt := sink.Options{MaxRecords: c.Batch.MaxRecords, MaxBytes: int(c.Batch.MaxBytes), MaxWait: c.Batch.MaxWait}
	switch c.Type {
	case "file":
		f, err := sink.NewFile(sink.FileOptions{
			Path: c.Path, MaxBytes: int64(c.Rotate.MaxBytes), Keep: c.Rotate.Keep, Encode: access.AppendJSON,
			Log: log.With("sink", c.Name),
		})
		return f, sink.Options{}, err
	case "splunk_hec":
		opt.InFlight = webInFlight
		if c.Ack {
			opt.InFlight = ackInFlight
		}
		s, err := sink.NewSplunk(sink.SplunkOptions{
			HTTPOptions: httpOptions(c, k), Index: c.Index, Ack: c.Ack, Format: c.Format, Encode: access.AppendJSON, JSON: true,
		})
		return s, opt, err
	case "elasticsearch":
		opt.InFlight = webInFlight
		e, err := sink.NewElastic(sink.ElasticOptions{HTTPOptions: httpOptions(c, k), Index: c.Index, Encode: access.AppendJSON})
		return e, opt, err
	case "webhook":
		h, err := sink.NewWebhook(sink.WebhookOptions{
			HTTPOptions: httpOptions(c, k), Secret: secret(c.SecretFile), Encode: access.AppendJSON, JSON: true,
		})
		return h, opt, err
	}
	return nil, opt, fmt.Errorf("%q is no type of sink", c.Type)
}

func httpOptions(c config.Sink, k *keeper) sink.HTTPOptions {
	return sink.HTTPOptions{
		URL: c.URL, TLS: clientTLS(c, k), Headers: c.Headers, Username: c.Username, Password: secret(c.PasswordFile), Token: secret(c.TokenFile),
	}
}

// secret reads a file anew each time; nil: there is none.
func secret(file string) sink.Secret {
	if file == "" {
		return nil
	}
	return func() (string, error) {
		text, err := os.ReadFile(file)
		return strings.TrimSpace(string(text)), err
	}
}

// clientTLS is the TLS for the next connection: the same value until its files have changed.
func clientTLS(c config.Sink, k *keeper) func() *tls.Config {
	if k == nil {
		return nil
	}
	var mu sync.Mutex
	var from, made *tls.Config
	return func() *tls.Config {
		mu.Lock()
		defer mu.Unlock()
		if now := k.config(); now != from {
			from, made = now, now.Clone()
			made.ServerName = c.TLS.ServerName
		}
		return made
	}
}

// of is the keeper of a sink's TLS, nil where it names none.
func (ks keepers) of(c config.Sink) *keeper {
	if c.TLS == nil {
		return nil
	}
	return ks[upstreamPurpose(c.TLS)]
}
