package admin

import (
	"net/http"
)

// config answers the configuration in force.
func (s *Server) config(w http.ResponseWriter, _ *http.Request, _ Actor) {
	answer(w, http.StatusOK, s.opt.Config())
}

// reload answers with the digests, or with what is wrong with the new configuration; the old one is then in force.
func (s *Server) reload(w http.ResponseWriter, r *http.Request, actor Actor) {
	change, err := s.opt.Reload(r.Context(), actor)
	if err != nil {
		answerError(w, http.StatusUnprocessableEntity, err)
		return
	}
	answer(w, http.StatusOK, change)
}

// drain answers at once: the listeners close before the process has ended.
func (s *Server) drain(w http.ResponseWriter, _ *http.Request, actor Actor) {
	s.opt.Drain(actor)
	answer(w, http.StatusAccepted, map[string]bool{"draining": true})
}
