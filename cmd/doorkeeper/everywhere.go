package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
)

// An outcome is what became of a change at one proxy.
type outcome struct {
	Proxy  string `json:"proxy"` // socket or URL
	Result string `json:"result"`
	Error  string `json:"error,omitempty"`

	answer json.RawMessage
	status int // of a failed one
}

// Results of a change.
const (
	applied     = "applied"
	failed      = "failed"      // the proxy said no
	unreachable = "unreachable" // nobody knows what it did: it may not have heard of it
)

// What went wrong where is printed by then.
var (
	errNotEverywhere = errors.New("not every proxy applied it")
	errNowhere       = errors.New("it was not applied")
)

// everywhere sends the same change to every proxy at once, and returns when all have answered or failed to.
func everywhere(ctx context.Context, remotes []*remote, method, path string, q url.Values, body any) []outcome {
	all := make([]outcome, len(remotes))
	var wg sync.WaitGroup
	for i, r := range remotes {
		wg.Go(func() { all[i] = r.change(ctx, method, path, q, body) })
	}
	wg.Wait()
	return all
}

func (r *remote) change(ctx context.Context, method, path string, q url.Values, body any) outcome {
	o := outcome{Proxy: r.name, Result: applied}
	err := r.ask(ctx, method, path, q, body, &o.answer)
	var refused *refusal
	switch {
	case err == nil:
	case errors.As(err, &refused):
		o.Result, o.Error, o.status = failed, refused.word, refused.status
	default:
		o.Result, o.Error = unreachable, err.Error()
	}
	return o
}

// ask sends a request with a JSON body, none if it is nil, and reads the JSON that comes back.
func (r *remote) ask(ctx context.Context, method, path string, q url.Values, body, into any) error {
	var text []byte
	var err error
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	resp, err := r.send(ctx, method, path, q, bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("%s: reading the answer: %w", r.name, err)
	}
	return nil
}

// report prints what did not come about, and returns the error that says so; nil if all did. Where every proxy says that it
// cannot be meant like that, it is about usage.
func (c *cli) report(all []outcome) error {
	done, misused := 0, 0
	for _, o := range all {
		switch {
		case o.Result == applied:
			done++
			continue
		case o.status == http.StatusBadRequest:
			misused++
		}
		fmt.Fprintf(c.err, "%s: %s: %s\n", safe(o.Proxy), o.Result, safe(o.Error))
	}
	switch {
	case done == len(all):
		return nil
	case misused == len(all):
		return usageError(errNowhere)
	case done == 0:
		return errNowhere
	}
	return errNotEverywhere
}

// get asks for a path.
func (r *remote) get(ctx context.Context, path string, q url.Values) (*http.Response, error) {
	return r.send(ctx, http.MethodGet, path, q, nil)
}
