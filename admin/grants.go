package admin

import (
	"net/http"
	"strings"
	"time"

	"doorkeeper/access"
	"doorkeeper/policy"

	"github.com/oklog/ulid/v2"
)

// Grants is how the API reaches the break-glass grants.
type Grants struct {
	All    func() []*policy.Grant
	Add    func(g *policy.Grant, by Actor) (Granted, error)
	Revoke func(id, reason string, by Actor) (Granted, error)
}

// A GrantRequest is the body of POST /api/v1/grants.
type GrantRequest struct {
	ID           string    `json:"id,omitempty"` // ULID; absent: the proxy makes one
	Principal    string    `json:"principal"`
	Operation    string    `json:"operation"`
	ResourceType string    `json:"resource_type,omitempty"` // default: TOPIC
	Resource     string    `json:"resource"`
	Reason       string    `json:"reason"`
	For          string    `json:"for,omitempty"`  // how long, as in 2h, by the proxy's clock
	Until        time.Time `json:"until,omitzero"` // or until when; one of the two
}

// Granted is a grant that was given or taken back.
type Granted struct {
	Grant   *policy.Grant `json:"grant"`
	Warning string        `json:"warning,omitempty"` // it is so, but
}

func (r *GrantRequest) grant(by Actor, now time.Time) (*policy.Grant, error) {
	g := &policy.Grant{
		ID: strings.ToUpper(r.ID), Principal: r.Principal, Type: access.ResTopic, Name: r.Resource, Reason: r.Reason, Actor: by.Name,
		From: now.UTC(),
	}
	if g.ID == "" {
		g.ID = ulid.Make().String()
	}
	var err error
	if g.Until, err = end(r.For, r.Until, now); err != nil {
		return nil, err
	}
	if g.Operation, err = access.ParseOperation(r.Operation); err != nil {
		return nil, err
	}
	if r.ResourceType != "" {
		if g.Type, err = access.ParseResourceType(r.ResourceType); err != nil {
			return nil, err
		}
	}
	return g, g.Check()
}

// listGrants answers {"grants": […]}, the oldest first.
func (s *Server) listGrants(w http.ResponseWriter, r *http.Request, _ Actor) {
	if err := leftover(r.URL.Query()); err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	answer(w, http.StatusOK, map[string]any{"grants": append([]*policy.Grant{}, s.opt.Grants.All()...)})
}

func (s *Server) addGrant(w http.ResponseWriter, r *http.Request, actor Actor) {
	var body GrantRequest
	err := decode(r, &body)
	var g *policy.Grant
	if err == nil {
		g, err = body.grant(actor, time.Now())
	}
	if err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	granted, err := s.opt.Grants.Add(g, actor)
	if err != nil {
		answerError(w, statusOf(err), err)
		return
	}
	answer(w, http.StatusOK, granted)
}

func (s *Server) revokeGrant(w http.ResponseWriter, r *http.Request, actor Actor) {
	id, reason, err := takenBack(r)
	if err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	granted, err := s.opt.Grants.Revoke(id, reason, actor)
	if err != nil {
		answerError(w, statusOf(err), err)
		return
	}
	answer(w, http.StatusOK, granted)
}
