package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"doorkeeper/access"
)

// SplunkOptions are what the configuration says of a sink of type splunk_hec.
type SplunkOptions struct {
	HTTPOptions
	Index  string // "": the token's own
	Ack    bool   // wait until an indexer has it
	Format string // its name becomes part of the sourcetype
	Encode Encoder
	JSON   bool // Encode makes JSON objects
}

// A Splunk sends to Splunk's HTTP Event Collector (POST /services/collector/event): events one behind the other, each
// with its time, host and sourcetype, compressed with gzip. Without Ack, its 200 says that the events look valid and are
// in the collector's queue. With Ack, a batch is accepted when an indexer says so (acks.go).
type Splunk struct {
	*web
	opt    SplunkOptions
	suffix []byte // of each event
	acks   *acks  // nil: without

	proxy string // of the last event, and as JSON: all have the same
	host  []byte
}

// NewSplunk fails where the address is none or a secret cannot be read.
func NewSplunk(opt SplunkOptions) (*Splunk, error) {
	w, err := newWeb(opt.HTTPOptions, "Splunk")
	if err != nil {
		return nil, err
	}
	s := &Splunk{web: w, opt: opt}
	s.suffix = append(s.suffix, `,"source":"doorkeeper","sourcetype":`...)
	s.suffix = access.AppendString(s.suffix, "doorkeeper:"+opt.Format)
	if opt.Index != "" {
		s.suffix = append(s.suffix, `,"index":`...)
		s.suffix = access.AppendString(s.suffix, opt.Index)
	}
	s.suffix = append(s.suffix, "}\n"...)
	if opt.Ack {
		s.acks = newAcks(s.ask)
	}
	return s, nil
}

// Append makes one event.
func (s *Splunk) Append(dst []byte, r *access.Record) []byte {
	dst = append(dst, `{"time":`...)
	dst = strconv.AppendInt(dst, r.Time.GetSeconds(), 10)
	dst = append(dst, '.')
	micros := strconv.Itoa(1_000_000 + int(r.Time.GetNanos()/1000))
	dst = append(dst, micros[1:]...)
	if r.Proxy != s.proxy || s.host == nil {
		s.proxy, s.host = r.Proxy, access.AppendString(nil, r.Proxy)
	}
	dst = append(dst, `,"host":`...)
	dst = append(dst, s.host...)
	dst = append(dst, `,"event":`...)
	if s.opt.JSON {
		dst = s.opt.Encode(dst, r)
	} else {
		dst = access.AppendString(dst, string(s.opt.Encode(nil, r)))
	}
	return append(dst, s.suffix...)
}

// Codes of the collector's answers.
const (
	hecInvalidFormat = 6
	hecNoEvent       = 12
	hecBlankEvent    = 13
	hecAckDisabled   = 14
	hecInvalidFields = 15
)

type hecAnswer struct {
	Text    string `json:"text"`
	Code    *int   `json:"code"`
	AckID   *int64 `json:"ackId"`
	Invalid *int   `json:"invalid-event-number"`
}

// Send is in Sender.
func (s *Splunk) Send(ctx context.Context, b *Batch) error {
	header := http.Header{}
	if s.acks != nil {
		header["X-Splunk-Request-Channel"] = []string{s.acks.channel}
	}
	a, err := s.doZipped(ctx, s.at("/services/collector/event", ""), "application/json", b.Body, header)
	if err != nil {
		return err
	}
	var said hecAnswer
	if err := json.Unmarshal(a.body, &said); err != nil && a.ok() {
		return fmt.Errorf("the answer is not the event collector's%s: check the sink's url", a.excerpt())
	}
	if !a.ok() || said.Code == nil || *said.Code != 0 {
		return s.refusal(a, &said, b)
	}
	if s.acks == nil {
		return nil
	}
	if said.AckID == nil {
		return errors.New("the collector gave no ackId: enable indexer acknowledgement for the token, or set ack: false")
	}
	return s.acks.wait(ctx, *said.AckID)
}

// refusal is what an answer other than success means. The collector names the event that it does not take.
func (s *Splunk) refusal(a *answer, said *hecAnswer, b *Batch) error {
	if said.Code == nil {
		return a.failure("check the sink's url: it is the collector's, as in https://splunk:8088")
	}
	err := fmt.Errorf("HTTP %d, the collector says %q (code %d)", a.status, said.Text, *said.Code)
	switch *said.Code {
	case hecInvalidFormat, hecNoEvent, hecBlankEvent, hecInvalidFields:
		n := said.Invalid
		if n == nil || *n < 0 || *n >= b.Len() || b.Len() == 1 {
			return Refuse(err)
		}
		again := make([]int, 0, b.Len()-1)
		for i := range b.Len() {
			if i != *n {
				again = append(again, i)
			}
		}
		return Partial(err, []Dead{{*n, err.Error()}}, again, 0)
	case hecAckDisabled:
		return fmt.Errorf("%w: enable indexer acknowledgement for the token, or set ack: false", err)
	}
	if a.status == http.StatusRequestEntityTooLarge {
		return Refuse(err)
	}
	// Whatever else it is (the token, the index, a busy server), no event is to blame.
	return Retry(err, a.retryAfter())
}

// ask polls for acknowledgements.
func (s *Splunk) ask(ctx context.Context, channel string, ids []int64) (map[string]bool, error) {
	body, err := json.Marshal(map[string][]int64{"acks": ids})
	if err != nil {
		return nil, err
	}
	a, err := s.do(ctx, s.at("/services/collector/ack", "channel="+channel), "application/json", body,
		http.Header{"X-Splunk-Request-Channel": {channel}})
	if err != nil {
		return nil, err
	}
	if !a.ok() {
		return nil, fmt.Errorf("asking for acknowledgements: HTTP %d%s", a.status, a.excerpt())
	}
	var said struct {
		Acks map[string]bool `json:"acks"`
	}
	if err := json.Unmarshal(a.body, &said); err != nil {
		return nil, fmt.Errorf("asking for acknowledgements: the answer is no list of them%s", a.excerpt())
	}
	return said.Acks, nil
}
