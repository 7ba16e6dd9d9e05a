package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"

	"doorkeeper/admin"
)

// sessions asks the running proxy who is connected, over its socket.
func (s *stage) sessions(ctx context.Context) ([]admin.Session, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", s.socket())
		},
	}}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://doorkeeper/api/v1/sessions", nil)
	if err != nil {
		return nil, err
	}
	r, err := client.Do(q)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("sessions: %s", r.Status)
	}
	var answer struct{ Sessions []admin.Session }
	return answer.Sessions, json.NewDecoder(r.Body).Decode(&answer)
}
