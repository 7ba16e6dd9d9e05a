//go:build linux

package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// nobody is the ordinary user that subjects of some rows run as when the bench runs as root.
var nobody = account{65534, 65534}

// A bench is one run of the program.
type bench struct {
	options
	self       string // this program, where every user may run it
	scratch    string
	certs      certs
	doorkeeper string // its binary
	decide     string // what says how long a decision takes; built when it is first asked
	keeperErr  error  // why there is none
	backend    *backend
	targets    int // topics produced to
	scratches  int
	progress   io.Writer

	mu          sync.Mutex
	running     []*process // and some that have ended
	interrupted bool
}

// say reports progress.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }

// open makes ready what all rows need.
func (b *bench) open() (err error) {
	if b.scratch, err = os.MkdirTemp("", "doorkeeper-bench-"); err != nil {
		return err
	}
	if err := os.Chmod(b.scratch, 0o755); err != nil { // for the ordinary user
		return err
	}
	// go run keeps the program where only its user may go.
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	b.self = filepath.Join(b.scratch, "bench")
	if err := os.WriteFile(b.self, self, 0o755); err != nil {
		return err
	}
	if b.certs, err = newCerts(b.scratch); err != nil {
		return err
	}
	if b.doorkeeper == "" {
		b.say("building doorkeeper")
		b.doorkeeper, b.keeperErr = b.build("doorkeeper/cmd/doorkeeper")
	} else if b.doorkeeper, err = filepath.Abs(b.doorkeeper); err != nil {
		return err
	}
	if b.keeperErr != nil {
		b.say("doorkeeper is not measured: %v", b.keeperErr)
	}
	return b.openBackend()
}

// close ends what the bench started and removes what it made.
func (b *bench) close() {
	if b.backend != nil {
		b.closeBackend()
	}
	if b.scratch != "" {
		if err := os.RemoveAll(b.scratch); err != nil {
			b.say("%v", err)
		}
	}
}

// scratchFor makes a directory that belongs to a subject.
func (b *bench) scratchFor(name string, as account) (string, error) {
	b.scratches++
	clean := strings.Map(func(r rune) rune {
		if r == '/' || r == ' ' {
			return '-'
		}
		return r
	}, name)
	dir := filepath.Join(b.scratch, fmt.Sprintf("%s-%d", clean, b.scratches))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	if as == (account{}) {
		return dir, nil
	}
	return dir, os.Chown(dir, int(as.uid), int(as.gid))
}

// A result is what came of a row.
type result struct {
	row      *row
	rounds   int
	subjects []*subject
	values   map[string][]values // of each subject, by round; nil: it failed in that round
	findings []finding
	took     time.Duration
}

// A finding is what came of a check, or of the comparison of a baseline with itself.
type finding struct {
	check
	estimate
	verdict verdict
	itself  bool // no limit: the baseline against itself
	note    string
}

// series returns one metric of one subject by round, NaN where there is none.
func (r *result) series(subject string, m metric) []float64 {
	rounds := r.values[subject]
	s := make([]float64, len(rounds))
	for i, v := range rounds {
		s[i] = v.get(m)
	}
	return s
}

// typical is the median of what is known of a metric, NaN if nothing is.
func (r *result) typical(subject string, m metric) float64 {
	known := slices.DeleteFunc(r.series(subject, m), math.IsNaN)
	if len(known) == 0 {
		return math.NaN()
	}
	return median(known)
}

// run measures a row: rounds of all its subjects, in an order that rotates, until every check is resolved.
func (b *bench) run(w *row) *result {
	began := time.Now()
	r := &result{row: w, values: map[string][]values{}}
	for _, name := range b.subjects(w) {
		s := &subject{name: name, row: w}
		if keeps(name) && b.keeperErr != nil {
			s.failed = b.keeperErr
		}
		r.subjects = append(r.subjects, s)
	}
	defer func() {
		for _, s := range r.subjects {
			s.stop()
		}
		r.took = time.Since(began)
	}()
	least, most := b.rounds, max(b.rounds, maxRounds)
	switch {
	case b.quick:
		most = least
	case w.rounds > 0:
		least, most = w.rounds, w.rounds
	}
	var verdicts []verdict
	for more(r.rounds, least, most, verdicts) && !b.isInterrupted() {
		for _, i := range rotation(len(r.subjects), r.rounds) {
			s := r.subjects[i]
			if s.failed != nil {
				r.values[s.name] = append(r.values[s.name], nil)
				continue
			}
			v, err := b.once(s)
			if b.isInterrupted() {
				return r
			}
			if err != nil {
				// One failure may be the machine's; the second in this row is the subject's.
				b.say("  %s, round %d: %v", s.name, r.rounds+1, err)
				s.stop()
				if slices.ContainsFunc(r.values[s.name], func(v values) bool { return v == nil }) || r.rounds == 0 {
					s.failed = err
				}
			}
			r.values[s.name] = append(r.values[s.name], v)
		}
		r.rounds++
		fmt.Fprint(b.progress, ".")
		if r.rounds >= least {
			r.findings, verdicts = b.judge(r), nil
			for _, f := range r.findings {
				verdicts = append(verdicts, f.verdict)
			}
		}
	}
	fmt.Fprintln(b.progress)
	for _, s := range r.subjects {
		if b.profile == "" || s.name != keeperName || s.failed != nil {
			continue
		}
		if err := b.saveProfile(s); err != nil {
			b.say("  no profile: %v", err)
		}
	}
	return r
}

// once measures a subject once, in a process that it keeps for the row or in a new one.
func (b *bench) once(s *subject) (values, error) {
	if s.proc == nil {
		if err := b.start(s); err != nil {
			return nil, err
		}
	}
	v, err := s.row.load.run(b, s)
	if err != nil && s.proc != nil && s.proc.exited() {
		err = fmt.Errorf("%w; its process has ended%s", err, s.proc.said())
	}
	if s.row.fresh {
		s.stop()
	}
	time.Sleep(pause)
	return v, err
}

// pause between measurements lets the last one's connections go.
const pause = 150 * time.Millisecond

// subjects of a row: its own and the peers that can take part.
func (b *bench) subjects(w *row) []string {
	names := slices.Clone(w.subjects)
	if w.alone {
		return names
	}
	for _, p := range b.peers {
		if p.command != "" && !w.tls || p.tlsCommand != "" && w.tls {
			names = append(names, p.name)
		}
	}
	return names
}

// judge compares what was measured with the row's limits, and the baseline with itself.
func (b *bench) judge(r *result) (findings []finding) {
	for _, c := range r.row.checks {
		if c.only == nil || c.only(b) {
			findings = append(findings, r.judge(c))
		}
	}
	// Noise: what the same comparison says of two processes of the same kind.
	again := r.row.baseline + " again"
	if !slices.Contains(r.row.subjects, again) {
		return findings
	}
	how := ratio
	if _, latency := r.row.load.(pingLoad); latency {
		how = difference
	}
	for _, m := range []metric{cpuPerGB, gbps, cpuPerPing, p50, p99, idleKiB, peakMiB, startMillis} {
		for _, name := range []string{again, keeperName, keeperPolicy, keeperBig} {
			pairs := compare(r.series(name, m), r.series(r.row.baseline, m), how)
			if len(pairs) == 0 || name == r.row.baseline || slices.ContainsFunc(findings, func(f finding) bool { return f.subject == name && f.metric == m && f.baseline == r.row.baseline }) {
				continue
			}
			findings = append(findings, finding{
				check:    check{metric: m, subject: name, baseline: r.row.baseline, how: how},
				estimate: bootstrap(pairs), itself: true,
			})
		}
	}
	return findings
}

func (r *result) judge(c check) finding {
	f := finding{check: c, verdict: notMeasured}
	pairs := compare(r.series(c.subject, c.metric), r.series(c.baseline, c.metric), c.how)
	if len(pairs) == 0 {
		return f
	}
	f.estimate = bootstrap(pairs)
	f.verdict = c.limit.judge(f.estimate)
	if !c.byCalls || f.verdict != notResolved {
		return f
	}
	baseline := userBaseline
	if r.typical(c.subject, kernelShare) > 0.5 {
		baseline = kernelBaseline
	}
	perGB := r.typical(c.subject, callsPerGB) / r.typical(baseline, callsPerGB)
	perFrame := r.typical(c.subject, callsPerFrame) / r.typical(baseline, callsPerFrame)
	f.verdict = settle(f.verdict, r.rounds, perGB, perFrame, r.typical(c.subject, allocs))
	f.note = fmt.Sprintf("calls per GB %.2f × %s", perGB, baseline)
	return f
}
