package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"

	"doorkeeper/admin"
)

// sessions asks the running proxy who is connected.
func (s *stage) sessions(ctx context.Context) ([]admin.Session, error) {
	var answer struct{ Sessions []admin.Session }
	err := s.ask(ctx, "/api/v1/sessions", &answer)
	return answer.Sessions, err
}

// ask asks the running proxy over its socket.
func (s *stage) ask(ctx context.Context, path string, answer any) error {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", s.socket())
		},
	}}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://doorkeeper"+path, nil)
	if err != nil {
		return err
	}
	r, err := client.Do(q)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, r.Status)
	}
	return json.NewDecoder(r.Body).Decode(answer)
}
