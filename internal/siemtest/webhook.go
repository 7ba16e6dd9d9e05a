package siemtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Webhook receives signed requests as docs/sinks.md says that they are to be verified.
type Webhook struct {
	standIn
	Secret string
}

// NewWebhook makes one. rng nil: it is calm.
func NewWebhook(rng *rand.Rand, secret string, poison func(target string) bool) *Webhook {
	return &Webhook{standIn: newStandIn(rng, poison), Secret: secret}
}

func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.failsBefore(w) {
		return
	}
	text, err := body(r)
	if err != nil {
		return // the connection broke
	}
	if err := verify(h.Secret, r.Header, text, time.Now()); err != nil {
		h.complain("%v", err)
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	time.Sleep(h.upTo(2 * time.Second))
	var events []event
	for _, line := range lines(text) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			h.complain("%v in %s", err, line)
		}
		if h.poison(e.Target) {
			http.Error(w, "no such record", http.StatusUnprocessableEntity)
			return
		}
		events = append(events, e)
	}
	for _, e := range events {
		h.take(e)
	}
	// A webhook knows no other answer than a status, so that garbage with a 200 is a yes.
	if h.chance(8) {
		drop(w)
	}
}

// verify is what docs/sinks.md asks of a receiver.
func verify(secret string, header http.Header, body []byte, now time.Time) error {
	timestamp := header.Get("X-Doorkeeper-Timestamp")
	at, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(at, 0)).Abs() > 5*time.Minute {
		return fmt.Errorf("the timestamp %q is none of the last five minutes", timestamp)
	}
	signature, ok := strings.CutPrefix(header.Get("X-Doorkeeper-Signature"), "v1=")
	got, err := hex.DecodeString(signature)
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.%s", timestamp, body)
	if !ok || err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		return fmt.Errorf("the signature %q does not fit", header.Get("X-Doorkeeper-Signature"))
	}
	return nil
}
