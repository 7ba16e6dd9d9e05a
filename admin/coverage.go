package admin

import (
	"errors"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"
)

// Words of CoverageListener.Verdict.
const (
	CoverageOpen     = "open"       // it can be reached without doorkeeper
	CoverageUpstream = "upstream"   // the one that doorkeeper itself uses, seen from the proxy's host: not judged
	CoverageClosed   = "closed"     // nothing answers from where it was looked at
	CoverageOurs     = "doorkeeper" // it leads to doorkeeper
)

// Bounds of what is taken of a coverage check.
const (
	maxCoverage     = 10_000 // listeners
	maxCoverageText = 1024   // bytes of any text in it
)

// A Coverage says which of the brokers' listeners can be reached without doorkeeper, seen from one host at one time. What
// passed there stands in no record.
type Coverage struct {
	Time      time.Time          `json:"time"` // by the proxy's clock when it took it
	From      string             `json:"from"` // the host that looked
	By        string             `json:"by"`   // who handed it in
	Result    string             `json:"result"`
	Listeners []CoverageListener `json:"listeners"`
}

// A CoverageListener is one address that a broker or controller advertises.
type CoverageListener struct {
	Cluster  string `json:"cluster"`
	Node     int32  `json:"node"`
	Name     string `json:"name"`     // as the broker's configuration calls it
	Protocol string `json:"protocol"` // PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL; "" if it does not say
	Address  string `json:"address"`  // host:port
	Verdict  string `json:"verdict"`
	Why      string `json:"why,omitempty"`
}

// Summarize writes the result in one line.
func (c *Coverage) Summarize() {
	count := map[string]int{}
	for i := range c.Listeners {
		count[c.Listeners[i].Verdict]++
	}
	if open := count[CoverageOpen]; open > 0 {
		c.Result = fmt.Sprintf("open: %d of %d listeners can be reached from %s without doorkeeper", open, len(c.Listeners), c.From)
	} else {
		c.Result = fmt.Sprintf("closed: none of %d listeners can be reached from %s without doorkeeper", len(c.Listeners), c.From)
	}
	if n := count[CoverageUpstream]; n > 0 {
		c.Result += fmt.Sprintf("; the %d that doorkeeper uses itself were not judged there", n)
	}
}

// check refuses what no check makes.
func (c *Coverage) check() error {
	if len(c.Listeners) == 0 {
		return errors.New("listeners: none: a check that saw nothing says nothing")
	}
	if len(c.Listeners) > maxCoverage {
		return fmt.Errorf("listeners: %d are more than %d", len(c.Listeners), maxCoverage)
	}
	texts := []string{c.From}
	for i := range c.Listeners {
		l := &c.Listeners[i]
		switch l.Verdict {
		case CoverageOpen, CoverageUpstream, CoverageClosed, CoverageOurs:
		default:
			return fmt.Errorf("listeners[%d].verdict: %q is none of open, upstream, closed, doorkeeper", i, l.Verdict)
		}
		texts = append(texts, l.Cluster, l.Name, l.Protocol, l.Address, l.Why)
	}
	for _, text := range texts {
		if len(text) > maxCoverageText || !utf8.ValidString(text) {
			return fmt.Errorf("a text of %d bytes: at most %d of UTF-8 are taken", len(text), maxCoverageText)
		}
	}
	return nil
}

// coverage answers the last check; {"result": "unknown"} before the first.
func (s *Server) coverage(w http.ResponseWriter, r *http.Request, _ Actor) {
	if err := leftover(r.URL.Query()); err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	if last := s.opt.Coverage.Last(); last != nil {
		answer(w, http.StatusOK, last)
		return
	}
	answer(w, http.StatusOK, map[string]string{"result": "unknown"})
}

// setCoverage takes what a check found. The time is this host's, the result is made of the listeners.
func (s *Server) setCoverage(w http.ResponseWriter, r *http.Request, actor Actor) {
	var c Coverage
	err := decode(r, &c)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	c.Time, c.By = time.Now().UTC(), actor.Name
	c.Summarize()
	if err := s.opt.Coverage.Set(&c, actor); err != nil {
		answerError(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, http.StatusOK, &c)
}

// Coverages is how the API reaches the last check.
type Coverages struct {
	Last func() *Coverage // nil before the first
	Set  func(*Coverage, Actor) error
}
