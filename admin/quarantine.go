package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"doorkeeper/access"
	"doorkeeper/quarantine"

	"github.com/oklog/ulid/v2"
)

// Quarantines is how the API reaches the kill switch.
type Quarantines struct {
	All func() []*quarantine.Quarantine
	// Add puts one in force and returns once every session that it is about is cut.
	Add  func(q *quarantine.Quarantine, dryRun, force bool, by Actor) (Effect, error)
	Lift func(id, reason string, by Actor) (Lifted, error)
}

// Errors of what changes quarantines and grants, which become an answer's status.
var (
	ErrRefused = errors.New("refused") // not done as things stand; the error says what would help
	ErrUnknown = errors.New("not found")
)

// A QuarantineRequest is the body of POST /api/v1/quarantine. At least one of principal, sources, client_id, certificate,
// ja4 and session is given; all that are given must hold, and of several sources one.
type QuarantineRequest struct {
	ID            string    `json:"id,omitempty"` // ULID; absent: the proxy makes one
	Principal     string    `json:"principal,omitempty"`
	Sources       []string  `json:"sources,omitempty"` // address or prefix
	ExceptSources []string  `json:"except_sources,omitempty"`
	ClientID      string    `json:"client_id,omitempty"`
	Certificate   string    `json:"certificate,omitempty"` // SHA-256, hex with or without colons
	JA4           string    `json:"ja4,omitempty"`
	Session       string    `json:"session,omitempty"`
	Operations    []string  `json:"operations,omitempty"` // only these are denied; sessions go on
	Topics        []string  `json:"topics,omitempty"`     // only on these
	Reason        string    `json:"reason"`
	For           string    `json:"for,omitempty"`  // how long, as in 2h, by the proxy's clock
	Until         time.Time `json:"until,omitzero"` // or until when; neither: until it is lifted
	DryRun        bool      `json:"dry_run,omitempty"`
	Force         bool      `json:"force,omitempty"` // of protected principals, too
}

// An Effect is what a quarantine cuts or, without effect on sessions, whose actions it denies.
type Effect struct {
	Quarantine   *quarantine.Quarantine `json:"quarantine"`
	DryRun       bool                   `json:"dry_run,omitempty"`
	Cuts         bool                   `json:"cuts"` // false: sessions go on, and what it names is denied to them
	Sessions     []Session              `json:"sessions"`
	Applications []Application          `json:"applications"`
	Transactions []Transaction          `json:"transactions,omitempty"`
	Protected    []string               `json:"protected,omitempty"` // principals that are cut only with force
	Warning      string                 `json:"warning,omitempty"`   // it holds, but
}

// An Application is what the sessions of one program have in common.
type Application struct {
	Principal string   `json:"principal,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Software  string   `json:"software,omitempty"`
	Sources   []string `json:"sources"` // addresses, the first few
	Sessions  int      `json:"sessions"`
}

// A Transaction is one that a session that is cut had open: until it ends, readers of committed data wait.
type Transaction struct {
	ID        string    `json:"transactional_id"`
	Cluster   string    `json:"cluster"`
	Principal string    `json:"principal"`
	Since     time.Time `json:"since"`
	Until     time.Time `json:"until"` // when the coordinator aborts it at the latest
}

// Lifted is a quarantine that was taken away.
type Lifted struct {
	Quarantine *quarantine.Quarantine `json:"quarantine"`
	Warning    string                 `json:"warning,omitempty"`
}

// maxApplicationSources is how many addresses of an application are named.
const maxApplicationSources = 5

// Applications groups sessions, those with the most of them first.
func Applications(sessions []Session) []Application {
	type key struct{ principal, clientID, software string }
	index := map[key]int{}
	all := []Application{}
	for i := range sessions {
		s := &sessions[i]
		k := key{s.Principal, s.ClientID, s.Software}
		at, ok := index[k]
		if !ok {
			at = len(all)
			index[k] = at
			all = append(all, Application{Principal: s.Principal, ClientID: s.ClientID, Software: s.Software})
		}
		a := &all[at]
		a.Sessions++
		host := strings.Trim(s.Source[:max(0, strings.LastIndexByte(s.Source, ':'))], "[]")
		if len(a.Sources) < maxApplicationSources && !slices.Contains(a.Sources, host) {
			a.Sources = append(a.Sources, host)
		}
	}
	slices.SortStableFunc(all, func(a, b Application) int { return b.Sessions - a.Sessions })
	return all
}

// quarantine makes what the request asks for.
func (r *QuarantineRequest) quarantine(by Actor, now time.Time) (*quarantine.Quarantine, error) {
	q := &quarantine.Quarantine{
		ID: strings.ToUpper(r.ID), Principal: r.Principal, ClientID: r.ClientID, Certificate: quarantine.ParseCertificate(r.Certificate),
		JA4: strings.ToLower(r.JA4), Session: strings.ToUpper(r.Session), Topics: r.Topics, Reason: r.Reason, Actor: by.Name,
		From: now.UTC(),
	}
	if q.ID == "" {
		q.ID = ulid.Make().String()
	}
	var err error
	if q.Until, err = end(r.For, r.Until, now); err != nil {
		return nil, err
	}
	for _, text := range r.Sources {
		p, err := quarantine.ParseSource(text)
		if err != nil {
			return nil, err
		}
		q.Sources = append(q.Sources, p)
	}
	for _, text := range r.ExceptSources {
		p, err := quarantine.ParseSource(text)
		if err != nil {
			return nil, fmt.Errorf("except %w", err)
		}
		q.ExceptSources = append(q.ExceptSources, p)
	}
	for _, text := range r.Operations {
		o, err := access.ParseOperation(text)
		if err != nil {
			return nil, err
		}
		q.Operations = append(q.Operations, o)
	}
	return q, q.Check()
}

// end is when something ends that holds for so long, or until then; zero if neither is said.
func end(howLong string, until, now time.Time) (time.Time, error) {
	switch {
	case howLong == "" && until.IsZero():
		return time.Time{}, nil
	case howLong == "":
		return until.UTC(), nil
	case !until.IsZero():
		return time.Time{}, errors.New("for and until exclude each other")
	}
	d, err := time.ParseDuration(howLong)
	if err != nil || d <= 0 {
		return time.Time{}, fmt.Errorf("for: %q is no time span: write 30m, or 2h", howLong)
	}
	return now.Add(d).UTC(), nil
}

// listQuarantines answers {"quarantines": […]}, the oldest first.
func (s *Server) listQuarantines(w http.ResponseWriter, r *http.Request, _ Actor) {
	if err := leftover(r.URL.Query()); err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	answer(w, http.StatusOK, map[string]any{"quarantines": append([]*quarantine.Quarantine{}, s.opt.Quarantines.All()...)})
}

// addQuarantine answers once the sessions are cut.
func (s *Server) addQuarantine(w http.ResponseWriter, r *http.Request, actor Actor) {
	var body QuarantineRequest
	err := decode(r, &body)
	var q *quarantine.Quarantine
	if err == nil {
		q, err = body.quarantine(actor, time.Now())
	}
	if err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	effect, err := s.opt.Quarantines.Add(q, body.DryRun, body.Force, actor)
	if err != nil {
		answerError(w, statusOf(err), err)
		return
	}
	answer(w, http.StatusOK, effect)
}

func (s *Server) liftQuarantine(w http.ResponseWriter, r *http.Request, actor Actor) {
	id, reason, err := takenBack(r)
	if err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	lifted, err := s.opt.Quarantines.Lift(id, reason, actor)
	if err != nil {
		answerError(w, statusOf(err), err)
		return
	}
	answer(w, http.StatusOK, lifted)
}

// takenBack reads DELETE's parameters: id and, if somebody says why, reason.
func takenBack(r *http.Request) (id, reason string, err error) {
	q := r.URL.Query()
	if id = strings.ToUpper(q.Get("id")); id == "" {
		return "", "", errors.New("id: say which one, as GET shows it")
	}
	return id, q.Get("reason"), leftover(q, "id", "reason")
}

// decode reads a body strictly: a misspelt condition must not be none.
func decode(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("reading the request: something follows its end")
	}
	return nil
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, ErrRefused):
		return http.StatusConflict
	}
	return http.StatusInternalServerError
}
