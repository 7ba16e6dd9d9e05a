package sink

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"doorkeeper/access"
)

// Headers of a webhook. The signature is "v1=" and, in hex, the HMAC-SHA-256 under the shared secret of the timestamp's
// text, a dot, and the body.
const (
	timestampHeader = "X-Doorkeeper-Timestamp" // seconds since 1970
	signatureHeader = "X-Doorkeeper-Signature"
)

// WebhookOptions are what the configuration says of a sink of type webhook.
type WebhookOptions struct {
	HTTPOptions
	Secret Secret
	Encode Encoder
	JSON   bool // Encode makes JSON objects
}

// A Webhook posts records, one a line, to any address, and signs each request. A 2xx answer accepts all of it.
type Webhook struct {
	*web
	opt         WebhookOptions
	contentType string
}

// NewWebhook fails where the address is none or a secret cannot be read.
func NewWebhook(opt WebhookOptions) (*Webhook, error) {
	w, err := newWeb(opt.HTTPOptions, "Bearer")
	if err != nil {
		return nil, err
	}
	h := &Webhook{web: w, opt: opt, contentType: "application/x-ndjson"}
	if !opt.JSON {
		h.contentType = "text/plain; charset=utf-8"
	}
	if _, err := h.sign("", nil); err != nil {
		return nil, err
	}
	return h, nil
}

// Append makes a record's line.
func (h *Webhook) Append(dst []byte, r *access.Record) []byte {
	return append(h.opt.Encode(dst, r), '\n')
}

// Send is in Sender.
func (h *Webhook) Send(ctx context.Context, b *Batch) error {
	now := strconv.FormatInt(time.Now().Unix(), 10)
	signature, err := h.sign(now, b.Body)
	if err != nil {
		return err
	}
	header := http.Header{timestampHeader: {now}, signatureHeader: {signature}}
	a, err := h.do(ctx, h.opt.URL, h.contentType, b.Body, header)
	if err != nil {
		return err
	}
	if !a.ok() {
		return a.failure("check the sink's url")
	}
	return nil
}

func (h *Webhook) sign(timestamp string, body []byte) (string, error) {
	secret, err := h.opt.Secret()
	if err != nil {
		return "", err
	}
	if secret == "" {
		return "", errors.New("the secret's file is empty: anybody could sign as the sink does")
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil)), nil
}
