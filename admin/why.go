package admin

import (
	"encoding/json"
	"errors"
	"net/http"

	"doorkeeper/policy"
)

// WhyWords are the parameters of GET /api/v1/why: ref alone, or a question.
var WhyWords = []string{"ref", "principal", "operation", "resource", "source", "client_id"}

// A WhyQuery asks why a record says what it says (Ref: its id, or journal:seq), or whether a principal may do something
// now. Resource is a topic's name, or a type and a name as in "GROUP:billing".
type WhyQuery struct {
	Ref                            string
	Principal, Operation, Resource string
	Source, ClientID               string // what to suppose where the principal is not connected
}

// Why is the answer of GET /api/v1/why.
type Why struct {
	Proxy        string          `json:"proxy"`
	Principal    string          `json:"principal"`
	Operation    string          `json:"operation"`
	ResourceType string          `json:"resource_type"`
	Resource     string          `json:"resource"`
	Record       json.RawMessage `json:"record,omitempty"` // the record that was asked about
	Mode         string          `json:"mode"`             // of the policy: enforce, monitor, none
	Policy       string          `json:"policy,omitempty"` // its revision now; the record has the one of then
	Now          []WhyNow        `json:"now"`
	Topic        *WhyEntry       `json:"topic,omitempty"` // what the catalog says of the topic
	Owner        *WhyEntry       `json:"owner,omitempty"` // and of the principal
	Catalog      string          `json:"catalog,omitempty"`
}

// WhyNow is what the policy in force says of the same action, for clients that see the same.
type WhyNow struct {
	Sessions int          `json:"sessions"` // live ones that get this answer; 0: nobody is connected so
	Source   string       `json:"source,omitempty"`
	ClientID string       `json:"client_id,omitempty"`
	Software string       `json:"software,omitempty"`
	Auth     string       `json:"auth,omitempty"`
	Said     *policy.Said `json:"said"`

	Quarantined bool `json:"quarantined,omitempty"` // a quarantine says so, above the policy and its mode
}

// A WhyEntry is one entry of the catalog.
type WhyEntry struct {
	Name        string   `json:"name"`
	Owner       string   `json:"owner,omitempty"`
	Contact     string   `json:"contact,omitempty"`
	Access      string   `json:"access,omitempty"` // how to ask for access
	Tags        []string `json:"tags,omitempty"`
	Description string   `json:"description,omitempty"`
}

// ErrWhyQuery says that a question cannot be understood, ErrNoRecord that there is nothing to answer about.
var (
	ErrWhyQuery = errors.New("ask with ref, or with principal, operation and resource")
	ErrNoRecord = errors.New("there is no such record")
)

// why answers. What is asked about a record is a reading of it, and so recorded.
func (s *Server) why(w http.ResponseWriter, r *http.Request, actor Actor) {
	q := r.URL.Query()
	if err := leftover(q, WhyWords...); err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	query := WhyQuery{
		Ref: q.Get("ref"), Principal: q.Get("principal"), Operation: q.Get("operation"), Resource: q.Get("resource"),
		Source: q.Get("source"), ClientID: q.Get("client_id"),
	}
	if (query.Ref == "") == (query.Principal == "" || query.Operation == "" || query.Resource == "") {
		answerError(w, http.StatusBadRequest, ErrWhyQuery)
		return
	}
	s.note("QUERY", "why", r.URL.RawQuery, actor)
	why, err := s.opt.Why(r.Context(), query)
	switch {
	case errors.Is(err, ErrNoRecord):
		answerError(w, http.StatusNotFound, err)
	case err != nil:
		answerError(w, http.StatusBadRequest, err)
	default:
		answer(w, http.StatusOK, why)
	}
}
