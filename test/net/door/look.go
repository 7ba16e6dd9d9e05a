//go:build linux

package door

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Get asks the admin socket.
func (d *Door) Get(path string) (string, error) {
	r, err := d.http.Get("http://doorkeeper" + path)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = statusError(path, r.Status, string(body))
	}
	return string(body), err
}

// Metrics is one reading of all metrics.
type Metrics map[string]float64

// Metrics reads them.
func (d *Door) Metrics() Metrics {
	d.t.Helper()
	page, err := d.Get("/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	m := Metrics{}
	for line := range strings.Lines(page) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		if !ok {
			name, value, ok = strings.Cut(strings.TrimSpace(line), " ")
		}
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil {
			m[name] = v
		}
	}
	return m
}

// Sum adds up the samples of a metric that have all of the labels, each written label="value".
func (m Metrics) Sum(name string, labels ...string) (sum float64) {
	for sample, v := range m {
		base, rest, _ := strings.Cut(sample, "{")
		all := base == name
		for _, l := range labels {
			all = all && strings.Contains(rest, l)
		}
		if all {
			sum += v
		}
	}
	return sum
}

// Relayed is the bytes of answers that went each way.
func (m Metrics) Relayed() (user, kernel float64) {
	return m.Sum("doorkeeper_relay_bytes_total", `mode="user"`, `direction="response"`),
		m.Sum("doorkeeper_relay_bytes_total", `mode="kernel"`, `direction="response"`)
}

// Collect makes it collect garbage.
func (d *Door) Collect() {
	d.t.Helper()
	if _, err := d.Get("/debug/pprof/heap?gc=1&debug=1"); err != nil {
		d.t.Fatal(err)
	}
}

// Memory is the resident memory of the process in bytes, now and at its peak.
func (d *Door) Memory() (now, peak int64) {
	d.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.PID()))
	if err != nil {
		d.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		switch {
		case len(f) < 2:
		case f[0] == "VmRSS:":
			now, _ = strconv.ParseInt(f[1], 10, 64)
		case f[0] == "VmHWM:":
			peak, _ = strconv.ParseInt(f[1], 10, 64)
		}
	}
	return now << 10, peak << 10
}

// Descriptors counts the open files, and the pipes among them.
func (d *Door) Descriptors() (all, pipes int) {
	d.t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", d.PID())
	files, err := os.ReadDir(dir)
	if err != nil {
		d.t.Fatal(err)
	}
	open := map[string]bool{} // by inode: both ends of a pipe are the same
	for _, f := range files {
		if to, err := os.Readlink(filepath.Join(dir, f.Name())); err == nil && strings.HasPrefix(to, "pipe:") {
			open[to] = true
		}
	}
	return len(files), len(open)
}
