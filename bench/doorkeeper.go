//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A doorkeeper is a running one, seen from its admin API.
type doorkeeper struct {
	metrics string // URL
	socket  *http.Client
	dir     string // its state_dir
	policy  string // the directory of its policy, if it has one
}

// build builds a program of this module as make build does.
func (b *bench) build(path string) (string, error) {
	binary := filepath.Join(b.scratch, filepath.Base(path))
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, path)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s (run the bench inside its repository): %w\n%s", path, err, said)
	}
	return binary, nil
}

// startDoorkeeper starts doorkeeper with what an operator would write and defaults for all else. The admin API is on,
// for the counters.
func (b *bench) startDoorkeeper(s *subject, upstream string, as account) error {
	dir, err := b.scratchFor(s.name, as)
	if err != nil {
		return err
	}
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	listen, node, admin := ports[0], ports[1], ports[2]
	brokerTLS, listenerTLS := "", ""
	if s.row.tls {
		brokerTLS = fmt.Sprintf("    tls: {ca_file: %s, server_name: localhost}\n", b.upstreamCA())
		listenerTLS = fmt.Sprintf("        tls: {cert_file: %s, key_file: %s}\n", b.certs.cert, b.certs.key)
	}
	dirOfPolicy, policy := "", ""
	if e, ok := estates[s.name]; ok {
		dirOfPolicy = filepath.Join(dir, "policy")
		if err := b.writeEstate(dirOfPolicy, e); err != nil {
			return err
		}
		policy = "policy: {paths: [policy/]}\nwatch: false\n"
	}
	text := fmt.Sprintf(`proxy_id: bench
state_dir: %s
clusters:
  - name: bench
    bootstrap: ["%s"]
%s    listeners:
      - name: bench
        address: 127.0.0.1:%d
        routing: ports
        first_port: %d
%s%sadmin: {address: "127.0.0.1:%d", pprof: true}
`, dir, upstream, brokerTLS, listen, node-int(b.node(s.row.tls)), listenerTLS, policy, admin)
	file := filepath.Join(dir, "doorkeeper.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	s.door.address = "127.0.0.1:" + strconv.Itoa(listen)
	socket := filepath.Join(dir, "admin.sock")
	s.keeper = &doorkeeper{
		metrics: fmt.Sprintf("http://127.0.0.1:%d/metrics", admin),
		dir:     dir,
		policy:  dirOfPolicy,
		socket: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", socket)
			},
		}},
	}
	s.proc, err = b.startCommand(exec.Command(b.doorkeeper, "run", "-c", file), dir, as)
	return err
}

// saveProfile saves profiles of doorkeeper under a row's load, which nobody times: DIR/ROW.cpu and DIR/ROW.allocs, for go
// tool pprof.
func (b *bench) saveProfile(s *subject) error {
	if s.proc == nil {
		if err := b.start(s); err != nil {
			return err
		}
	}
	keeper, cpu := s.keeper, make(chan error, 1)
	go func() { cpu <- keeper.save("profile?seconds=4", filepath.Join(b.profile, s.row.name+".cpu")) }()
	for {
		if _, err := s.row.load.run(b, s); err != nil {
			return err
		}
		select {
		case err := <-cpu:
			return errors.Join(err, keeper.save("allocs", filepath.Join(b.profile, s.row.name+".allocs")))
		default:
		}
	}
}

func (k *doorkeeper) save(page, file string) error {
	text, err := get(k.socket, "http://doorkeeper/debug/pprof/"+page)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
}

// moves are what doorkeeper's movers have done since it started, in both directions, and what was decided on the way.
type moves struct {
	calls         int64 // system calls; a peek is two
	bytes, kernel int64 // stream bytes of responses, and those that were spliced
	decisions     int64
	swaps         int64 // of the policy
}

func get(c *http.Client, url string) (string, error) {
	r, err := c.Get(url)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return "", err
	}
	if r.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", url, r.Status)
	}
	return string(text), nil
}

func (k *doorkeeper) moves() (moves, error) {
	text, err := get(&http.Client{Timeout: 30 * time.Second}, k.metrics)
	if err != nil {
		return moves{}, err
	}
	return parseMoves(text)
}

var sampleLine = regexp.MustCompile(`^(doorkeeper_(?:relay|policy)_\w+)(?:\{([^}]*)\})? (\S+)$`)

// parseMoves reads a page of metrics in Prometheus' text format.
func parseMoves(page string) (m moves, err error) {
	found := false
	for line := range strings.Lines(page) {
		f := sampleLine.FindStringSubmatch(strings.TrimSpace(line))
		if f == nil {
			continue
		}
		v, err := strconv.ParseFloat(f[3], 64)
		if err != nil {
			return m, err
		}
		n := int64(v)
		switch f[1] {
		case "doorkeeper_relay_calls_total":
			found = true
			if strings.Contains(f[2], `call="peek"`) {
				n *= 2
			}
			m.calls += n
		case "doorkeeper_relay_bytes_total":
			if strings.Contains(f[2], `direction="response"`) {
				m.bytes += n
				if strings.Contains(f[2], `mode="kernel"`) {
					m.kernel += n
				}
			}
		case "doorkeeper_policy_evaluations_total", "doorkeeper_policy_cache_hits_total":
			m.decisions += n
		case "doorkeeper_policy_reloads_total":
			if strings.Contains(f[2], `result="done"`) {
				m.swaps += n
			}
		}
	}
	if !found {
		return m, errors.New("doorkeeper's metrics have no relay counters")
	}
	return m, nil
}

var mallocsLine = regexp.MustCompile(`(?m)^# Mallocs = (\d+)$`)

// mallocs returns how many objects the process has allocated since it started (runtime.MemStats, at the end of the
// heap profile's text form).
func (k *doorkeeper) mallocs() (int64, error) {
	text, err := get(k.socket, "http://doorkeeper/debug/pprof/allocs?debug=1")
	if err != nil {
		return 0, err
	}
	f := mallocsLine.FindStringSubmatch(text)
	if f == nil {
		return 0, errors.New("the profile does not say how much was allocated")
	}
	return strconv.ParseInt(f[1], 10, 64)
}
