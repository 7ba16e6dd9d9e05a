package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/pprof"
	"time"

	"doorkeeper/access"
	"doorkeeper/journal"
)

// routes is the whole API. What is not behind caller is open.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", s.opt.Metrics)

	mux.Handle("GET /api/v1/sessions", s.caller(toRead, s.sessions))
	mux.Handle("GET /api/v1/records", s.caller(toRead, s.records))
	mux.Handle("GET /api/v1/config", s.caller(toRead, s.config))
	mux.Handle("GET /api/v1/quarantine", s.caller(toRead, s.listQuarantines))
	mux.Handle("POST /api/v1/quarantine", s.caller(toRespond, s.addQuarantine))
	mux.Handle("DELETE /api/v1/quarantine", s.caller(toRespond, s.liftQuarantine))
	mux.Handle("GET /api/v1/grants", s.caller(toRead, s.listGrants))
	mux.Handle("POST /api/v1/grants", s.caller(toOperate, s.addGrant))
	mux.Handle("DELETE /api/v1/grants", s.caller(toOperate, s.revokeGrant))
	mux.Handle("GET /api/v1/coverage", s.caller(toRead, s.coverage))
	mux.Handle("POST /api/v1/coverage", s.caller(toOperate, s.setCoverage))
	mux.Handle("GET /api/v1/policy", s.caller(toRead, s.policy))
	mux.Handle("GET /api/v1/why", s.caller(toRead, s.why))
	mux.Handle("POST /api/v1/reload", s.caller(toOperate, s.reload))
	mux.Handle("POST /api/v1/drain", s.caller(toOperate, s.drain))
	if s.opt.Pprof {
		for path, page := range map[string]http.HandlerFunc{
			"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
		} {
			mux.Handle("GET /debug/pprof/"+path, s.caller(toOperate, profile(page)))
		}
	}
	return headers(mux)
}

// caller lets a request through when its caller is known and has the role.
func (s *Server) caller(want right, then func(http.ResponseWriter, *http.Request, Actor)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		actor, err := s.auth.identify(r)
		if err != nil {
			s.opt.Log.Warn("admin API: a caller was turned away", "from", r.RemoteAddr, "path", r.URL.Path, "reason", err.Error())
			w.Header().Set("WWW-Authenticate", `Bearer realm="doorkeeper"`)
			answerError(w, http.StatusUnauthorized, err)
			return
		}
		if !actor.may(want) {
			s.opt.Log.Warn("admin API: a caller lacks the role", "actor", actor.Name, "role", string(actor.Role), "path", r.URL.Path)
			answerError(w, http.StatusForbidden, errors.New("this needs the role "+string(want)+"; "+actor.Name+" is "+string(actor.Role)))
			return
		}
		then(w, r, actor)
	})
}

// headers forbids what a browser might do with an answer.
func headers(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		h.ServeHTTP(w, r)
	})
}

// profile runs as long as it was asked to, not as long as an answer may take.
func profile(page http.HandlerFunc) func(http.ResponseWriter, *http.Request, Actor) {
	return func(w http.ResponseWriter, r *http.Request, _ Actor) {
		ctl := http.NewResponseController(w)
		if err := errors.Join(ctl.SetReadDeadline(time.Time{}), ctl.SetWriteDeadline(time.Time{})); err != nil {
			answerError(w, http.StatusInternalServerError, err)
			return
		}
		page(w, r)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		answerError(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // who has gone cannot be told
}

// answerError's body is {"error": what failed and what to do}.
func answerError(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

// note writes the control record of something that an actor did.
func (s *Server) note(operation, target, reason string, actor Actor) {
	s.opt.Journal.Append(&access.Record{
		Kind: journal.KindControl, Operation: operation, Target: target, Reason: reason, Actor: actor.Record(),
	})
}

// Record is the actor as a control record has it.
func (a Actor) Record() *access.Record_Actor {
	return &access.Record_Actor{Name: a.Name, Role: string(a.Role), Source: a.Source, Method: a.Method}
}
