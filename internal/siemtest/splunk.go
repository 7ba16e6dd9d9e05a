package siemtest

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Splunk stands in for the HTTP Event Collector: contract, not product.
type Splunk struct {
	standIn
	Token string
	Ack   bool // the token has indexer acknowledgement

	channels map[string]*channel
}

type channel struct {
	next  int64
	acks  map[int64]*ack
	twice map[int64]bool
}

type ack struct {
	events []event
	at     time.Time // when the indexers have it; zero: they lost it
}

// NewSplunk makes one. rng nil: it is calm.
func NewSplunk(rng *rand.Rand, token string, ack bool, poison func(target string) bool) *Splunk {
	return &Splunk{standIn: newStandIn(rng, poison), Token: token, Ack: ack, channels: map[string]*channel{}}
}

type splunkEvent struct {
	Time       *json.Number    `json:"time"`
	Host       string          `json:"host"`
	Source     string          `json:"source"`
	Sourcetype string          `json:"sourcetype"`
	Index      string          `json:"index"`
	Event      json.RawMessage `json:"event"`
}

func (s *Splunk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Splunk-Request-Channel")
	switch {
	case s.failsBefore(w):
	case r.Header.Get("Authorization") != "Splunk "+s.Token:
		say(w, http.StatusForbidden, "Invalid token", 4)
	case r.URL.Path == "/services/collector/ack" && !s.Ack:
		say(w, http.StatusBadRequest, "ACK is disabled", 14)
	case s.Ack && (len(id) != 36 || strings.Count(id, "-") != 4):
		say(w, http.StatusBadRequest, "Data channel is missing", 10)
	case r.URL.Path == "/services/collector/ack":
		s.polled(w, r, id)
	case r.URL.Path == "/services/collector/event":
		s.collect(w, r, id)
	default:
		http.NotFound(w, r)
	}
}

func say(w http.ResponseWriter, status int, text string, code int) {
	answer(w, status, map[string]any{"text": text, "code": code})
}

func (s *Splunk) collect(w http.ResponseWriter, r *http.Request, id string) {
	text, err := body(r)
	if err != nil {
		return // the connection broke
	}
	events, bad := s.parse(text)
	if bad >= 0 {
		answer(w, http.StatusBadRequest, map[string]any{"text": "Invalid data format", "code": 6, "invalid-event-number": bad})
		return
	}
	time.Sleep(s.upTo(2 * time.Second))
	said := map[string]any{"text": "Success", "code": 0}
	if s.Ack {
		said["ackId"] = s.enqueue(id, events)
	} else {
		for _, e := range events {
			s.take(e)
		}
	}
	if !s.failsAfter(w) {
		answer(w, http.StatusOK, said)
	}
}

// parse reads events one behind the other. bad is the number of one that it does not take, else -1.
func (s *Splunk) parse(text []byte) (events []event, bad int) {
	in := json.NewDecoder(strings.NewReader(string(text)))
	for n := 0; ; n++ {
		var e splunkEvent
		err := in.Decode(&e)
		if err == io.EOF {
			return events, -1
		}
		var record event
		if err != nil || json.Unmarshal(e.Event, &record) != nil || record.ID == "" {
			s.complain("event %d: %v in %.200s", n, err, text)
			return nil, n
		}
		if at, err := e.Time.Float64(); err != nil || at < 9e8 || e.Host == "" || !strings.HasPrefix(e.Sourcetype, "doorkeeper:") || e.Source != "doorkeeper" {
			s.complain("event %d has no time, host, source or sourcetype: %.300s", n, text)
		}
		if s.poison(record.Target) {
			return nil, n
		}
		events = append(events, record)
	}
}

// enqueue gives the batch an id. When the indexers have it is a matter of mood: soon, late, or never.
func (s *Splunk) enqueue(id string, events []event) int64 {
	lost, late := s.chance(8), s.upTo(30*time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[id]
	if c == nil {
		c = &channel{acks: map[int64]*ack{}, twice: map[int64]bool{}}
		s.channels[id] = c
	}
	a := &ack{events: events, at: time.Now().Add(late)}
	if lost {
		a.at = time.Time{}
	}
	c.next++
	c.acks[c.next] = a
	return c.next
}

func (s *Splunk) polled(w http.ResponseWriter, r *http.Request, id string) {
	text, err := body(r)
	if err != nil {
		return
	}
	var asked struct {
		Acks []int64 `json:"acks"`
	}
	if err := json.Unmarshal(text, &asked); err != nil || r.URL.Query().Get("channel") != id {
		s.complain("asked for acknowledgements: %v in %s", err, text)
	}
	said := map[string]bool{}
	for _, n := range asked.Acks {
		said[strconv.FormatInt(n, 10)] = s.acknowledged(id, n)
	}
	if s.chance(6) {
		said[fmt.Sprint(1_000_000)] = true // of somebody else
		said["not a number"] = true
	}
	if !s.failsAfter(w) {
		answer(w, http.StatusOK, map[string]any{"acks": said})
	}
}

// acknowledged forgets an id once it said yes, but for those that it says twice.
func (s *Splunk) acknowledged(id string, n int64) bool {
	twice := s.chance(4)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[id]
	if c == nil || c.acks[n] == nil || c.acks[n].at.IsZero() || time.Now().Before(c.acks[n].at) {
		return c != nil && c.twice[n]
	}
	for _, e := range c.acks[n].events {
		s.took[e.ID]++
	}
	delete(c.acks, n)
	c.twice[n] = twice
	return true
}
