package admin

import (
	"net/http"
	"time"
)

// A PolicyStatus is GET /api/v1/policy: what decides, since when, and what became of the last attempt to change it.
type PolicyStatus struct {
	Mode      string     `json:"mode"` // enforce, monitor; none: there is no policy, everything is allowed
	Revision  string     `json:"revision,omitempty"`
	Origin    string     `json:"origin,omitempty"`
	Decision  string     `json:"decision,omitempty"`
	Input     string     `json:"input,omitempty"`
	Deadline  string     `json:"deadline,omitempty"`
	Loaded    time.Time  `json:"loaded"`
	Epoch     uint64     `json:"epoch"`
	Candidate string     `json:"candidate,omitempty"` // revision of the policy that is tried out beside it
	Refused   string     `json:"refused,omitempty"`   // why the last change was refused; the policy above decides on
	Bundle    *Bundle    `json:"bundle,omitempty"`
	Catalog   *Catalog   `json:"catalog,omitempty"`
	Counts    Evaluation `json:"counts"`
	Failure   *Failure   `json:"failure,omitempty"`           // the last evaluation of the policy that gave no decision
	Trial     *Failure   `json:"candidate_failure,omitempty"` // and of the candidate
}

// Failure is why a request was refused that the policy did not decide.
type Failure struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Bundle is how a policy fares that comes over HTTP.
type Bundle struct {
	URL      string    `json:"url"`
	Name     string    `json:"name"`              // of the one in force
	Checked  time.Time `json:"checked"`           // when the server last answered as it should
	Problem  string    `json:"problem,omitempty"` // why it did not since; the one in force decides on
	Outdated bool      `json:"outdated,omitempty"`
}

// Catalog is what is known of the catalog file.
type Catalog struct {
	File       string `json:"file"`
	Topics     int    `json:"topics"`
	Principals int    `json:"principals"`
	Stale      string `json:"stale,omitempty"` // why the file cannot be read; the catalog before is in use
}

// Evaluation counts what was decided since the start.
type Evaluation struct {
	Evaluations     uint64 `json:"evaluations"`
	CacheHits       uint64 `json:"cache_hits"`
	Errors          uint64 `json:"errors"`
	Deadlines       uint64 `json:"deadlines"`
	CandidateErrors uint64 `json:"candidate_errors"`
}

// policy answers what decides.
func (s *Server) policy(w http.ResponseWriter, _ *http.Request, _ Actor) {
	answer(w, http.StatusOK, s.opt.Policy())
}
