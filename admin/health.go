package admin

import "net/http"

// Readiness is /readyz: whether the proxy can serve, and what each part says of itself. A part without a problem has
// an empty word.
type Readiness struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"` // "cluster erp", "journal", "sink local", … -> "ok" or what is wrong
}

// health answers as long as the process can answer at all.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "alive"})
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	state := s.opt.Ready()
	status := http.StatusOK
	if !state.Ready {
		status = http.StatusServiceUnavailable
	}
	answer(w, status, state)
}
