package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorkeeper/config"
)

// A remote is the admin API of one running proxy.
type remote struct {
	name  string // socket or URL, as messages show it
	base  string
	token string
	http  *http.Client
}

// remotes are the proxies that the flags mean.
func (c *cli) remotes() ([]*remote, error) {
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	names := c.admins
	if len(names) == 0 {
		socket, err := config.AdminSocket(c.file())
		if err != nil {
			return nil, fmt.Errorf("finding the proxy: %w; or name its admin socket or URL with --admin", err)
		}
		names = []string{socket}
	}
	var all []*remote
	for _, name := range names {
		r, err := newRemote(name, token)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

func (c *cli) token() (string, error) {
	if c.tokenFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(c.tokenFile)
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("reading the token: %s is empty", c.tokenFile)
	}
	return token, nil
}

func newRemote(name, token string) (*remote, error) {
	transport := &http.Transport{ResponseHeaderTimeout: 10 * time.Second, TLSHandshakeTimeout: 10 * time.Second}
	r := &remote{name: name, token: token, http: &http.Client{Transport: transport, CheckRedirect: noRedirect}}
	if scheme, _, isURL := strings.Cut(name, "://"); isURL {
		u, err := url.Parse(name)
		if err != nil || scheme != "http" && scheme != "https" || u.Host == "" {
			return nil, usageError(fmt.Errorf("--admin %s: must be a socket's path, or a URL as in https://proxy:9180", name))
		}
		if scheme == "http" && token != "" && !loopback(u.Hostname()) {
			return nil, usageError(fmt.Errorf("--admin %s: the token would cross the network in the clear: use https", name))
		}
		r.base = strings.TrimSuffix(name, "/")
		return r, nil
	}
	r.base = "http://doorkeeper"
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", name)
	}
	return r, nil
}

// noRedirect: the API never sends elsewhere, and a token shall not go there.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// A refusal is an answer of the proxy's that is no.
type refusal struct {
	status int
	proxy  string
	word   string // the proxy's own
}

func (r *refusal) Error() string { return r.proxy + ": " + r.word }

// send asks one thing. An answer other than 200 is a refusal with the proxy's own word.
func (r *remote) send(ctx context.Context, method, path string, q url.Values, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.base+path+"?"+q.Encode(), body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no doorkeeper answers on %s: %w (is it running, and is this its admin socket or URL?)", r.name, rootCause(err))
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var said struct{ Error string }
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil || json.Unmarshal(text, &said) != nil || said.Error == "" {
		said.Error = resp.Status
	}
	refused := &refusal{resp.StatusCode, r.name, said.Error}
	if resp.StatusCode == http.StatusBadRequest { // a filter's value that the proxy cannot read
		return nil, usageError(refused)
	}
	return nil, refused
}

// rootCause leaves out the URL, which for a socket is made up.
func rootCause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// filterValues are what a shell offers for words that have few values. For the others it offers nothing, not files.
var filterValues = map[string][]string{
	"kind":     {"session", "authn", "access", "control", "finding", "gap"},
	"decision": {"allow", "deny", "refuse"},
	"operation": {
		"OPEN", "CLOSE", "SUCCESS", "FAILURE", "READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "ALTER_CONFIGS",
		"DESCRIBE_CONFIGS", "CLUSTER_ACTION", "IDEMPOTENT_WRITE", "NONE", "START", "STOP", "RELOAD", "POLICY", "QUERY", "QUARANTINE",
		"GRANT",
	},
}

// complete lets the shell offer these values for a flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag does not exist, or is registered twice
	}
}

// filterFlags adds a flag for each word that selects.
func filterFlags(cmd *cobra.Command, words []string) func() url.Values {
	values := map[string]*[]string{}
	for _, word := range words {
		help := "only this `" + strings.ToUpper(word) + "`"
		switch word {
		case "since", "until":
			help = word + " this `TIME`: 2026-11-23T03:00:00Z, or 2h for two hours ago"
		case "source":
			help += ": address, address:port or prefix (10.0.0.0/8)"
		case "principal":
			help += ", as in User:erp; * stands for anything"
		}
		flag := strings.ReplaceAll(word, "_", "-")
		values[word] = cmd.Flags().StringArray(flag, nil, help)
		complete(cmd, flag, filterValues[word]...)
	}
	return func() url.Values {
		q := url.Values{}
		for word, list := range values {
			if len(*list) > 0 {
				q[word] = *list
			}
		}
		return q
	}
}
