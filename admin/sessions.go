package admin

import (
	"net/http"
	"sort"
	"time"
)

// A Session is one open client connection, as GET /api/v1/sessions shows it.
type Session struct {
	Proxy           string    `json:"proxy"`
	ID              string    `json:"session"`
	Opened          time.Time `json:"opened"`
	Cluster         string    `json:"cluster"`
	Listener        string    `json:"listener"`
	Broker          *int32    `json:"broker,omitempty"` // absent behind a bootstrap address
	Source          string    `json:"source"`
	Principal       string    `json:"principal,omitempty"`
	PrincipalSource string    `json:"principal_source,omitempty"`
	Auth            string    `json:"auth,omitempty"`
	ClientID        string    `json:"client_id,omitempty"`
	Software        string    `json:"software,omitempty"`
	BytesIn         int64     `json:"bytes_in"`  // from the client
	BytesOut        int64     `json:"bytes_out"` // to the client
	LastAPI         string    `json:"last_api,omitempty"`
	InFlight        int       `json:"in_flight"` // requests without an answer yet
}

// sessions answers {"sessions": […]}, the oldest first.
func (s *Server) sessions(w http.ResponseWriter, r *http.Request, _ Actor) {
	q := r.URL.Query()
	filter, err := parseFilter(q, SessionWords, time.Now())
	if err == nil {
		err = leftover(q, SessionWords...)
	}
	if err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	selected := []Session{}
	for _, session := range s.opt.Sessions() {
		if filter.Session(&session) {
			selected = append(selected, session)
		}
	}
	sort.Slice(selected, func(i, j int) bool { return selected[i].ID < selected[j].ID })
	answer(w, http.StatusOK, map[string]any{"sessions": selected})
}
