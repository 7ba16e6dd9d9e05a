//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// show writes a row's result as text.
func (r *result) show(w io.Writer) error {
	fmt.Fprintf(w, "%s: %s (%d rounds, %.0f s)\n", r.row.name, r.row.about, r.rounds, r.took.Seconds())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	var columns []metric
	for _, m := range r.row.load.columns() {
		for _, s := range r.subjects {
			if !math.IsNaN(r.typical(s.name, m)) {
				columns = append(columns, m)
				break
			}
		}
	}
	fmt.Fprint(t, "  \t")
	for _, m := range columns {
		fmt.Fprintf(t, "%s\t", metrics[m].title)
	}
	fmt.Fprintln(t)
	for _, s := range r.subjects {
		fmt.Fprintf(t, "  %s\t", s.name)
		for _, m := range columns {
			fmt.Fprintf(t, "%s\t", number(m, r.typical(s.name, m)))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, f := range r.findings {
		fmt.Fprintf(w, "  %s\n", f)
	}
	for _, s := range r.subjects {
		if s.failed != nil {
			reason := strings.Join(strings.Fields(s.failed.Error()), " ")
			const most = 300
			fmt.Fprintf(w, "  failed: %s: %.*s\n", s.name, most, reason)
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

func number(m metric, v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf(metrics[m].format, v)
}

// String is the finding as one line.
func (f finding) String() string {
	if f.Rounds == 0 {
		return fmt.Sprintf("%-13s %s of %s %s", f.verdict, metrics[f.metric].title, f.subject, f.bound())
	}
	form := "%.2f"
	if f.how != ratio {
		form = metrics[f.metric].format
	}
	figure := fmt.Sprintf(form+" ["+form+", "+form+"]", f.Median, f.Low, f.High)
	if f.itself {
		word := "shown"
		if strings.HasSuffix(f.subject, " again") {
			word = "noise"
		}
		return fmt.Sprintf("%-13s %s of %s %s: %s", word, metrics[f.metric].title, f.subject, f.against(), figure)
	}
	text := fmt.Sprintf("%-13s %s of %s %s: %s", f.verdict, metrics[f.metric].title, f.subject, f.bound(), figure)
	if f.note != "" {
		text += "; " + f.note
	}
	return text
}

// against says what the figure is relative to.
func (f finding) against() string {
	switch f.how {
	case ratio:
		return "/ " + f.baseline
	case difference:
		return "− " + f.baseline
	}
	return ""
}

// bound is the limit in words.
func (f finding) bound() string {
	sign := "≤"
	if f.limit.Floor {
		sign = "≥"
	}
	switch f.how {
	case ratio:
		return fmt.Sprintf("%s %.4g × %s", sign, f.limit.At, f.baseline)
	case difference:
		return fmt.Sprintf("%s %s + %.4g", sign, f.baseline, f.limit.At)
	}
	return fmt.Sprintf("%s %.4g", sign, f.limit.At)
}

// A report is the whole run as JSON. A figure that is not known is null.
type report struct {
	Started   time.Time   `json:"started"`
	Seconds   float64     `json:"seconds"`
	Machine   string      `json:"machine"`
	CPUs      int         `json:"cpus"`
	Go        string      `json:"go"`
	Root      bool        `json:"root"`
	Load      float64     `json:"load_average_before"`
	Backend   string      `json:"backend"`
	Quick     bool        `json:"quick"`
	Arguments []string    `json:"arguments"`
	Rows      []rowReport `json:"rows"`
}

type rowReport struct {
	Name     string          `json:"name"`
	About    string          `json:"about"`
	Rounds   int             `json:"rounds"`
	Seconds  float64         `json:"seconds"`
	Subjects []subjectReport `json:"subjects"`
	Checks   []findingReport `json:"checks"`
	Shown    []findingReport `json:"shown"` // without a limit; the baseline against itself is the noise
	Skipped  string          `json:"skipped,omitempty"`
}

type subjectReport struct {
	Name    string                `json:"name"`
	Failed  string                `json:"failed,omitempty"`
	Medians map[metric]*float64   `json:"medians"`
	Values  map[metric][]*float64 `json:"values"` // by round
}

type findingReport struct {
	Metric   metric     `json:"metric"`
	Subject  string     `json:"subject"`
	Baseline string     `json:"baseline,omitempty"`
	Compared comparison `json:"compared"`
	Limit    *limit     `json:"limit,omitempty"`
	Verdict  verdict    `json:"verdict,omitempty"`
	Note     string     `json:"note,omitempty"`
	estimate
}

func known(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func (r *result) report() rowReport {
	out := rowReport{
		Name: r.row.name, About: r.row.about, Rounds: r.rounds, Seconds: r.took.Seconds(),
		Subjects: []subjectReport{}, Checks: []findingReport{}, Shown: []findingReport{},
	}
	for _, s := range r.subjects {
		sr := subjectReport{Name: s.name, Medians: map[metric]*float64{}, Values: map[metric][]*float64{}}
		if s.failed != nil {
			sr.Failed = s.failed.Error()
		}
		for _, m := range r.row.load.columns() {
			sr.Medians[m] = known(r.typical(s.name, m))
			for _, v := range r.series(s.name, m) {
				sr.Values[m] = append(sr.Values[m], known(v))
			}
		}
		out.Subjects = append(out.Subjects, sr)
	}
	for _, f := range r.findings {
		fr := findingReport{Metric: f.metric, Subject: f.subject, Baseline: f.baseline, Compared: f.how, Note: f.note, estimate: f.estimate}
		if f.itself {
			out.Shown = append(out.Shown, fr)
			continue
		}
		fr.Limit, fr.Verdict = &f.limit, f.verdict
		out.Checks = append(out.Checks, fr)
	}
	return out
}

// newReport begins the report of a run.
func (b *bench) newReport() *report {
	return &report{
		Started: time.Now().UTC().Truncate(time.Second), Machine: machine(), CPUs: runtime.NumCPU(), Go: runtime.Version(),
		Root: os.Getuid() == 0, Load: load1(), Backend: b.backendName(), Quick: b.quick, Arguments: os.Args[1:], Rows: []rowReport{},
	}
}

// heading says under the table's title what the figures were made on.
func (r *report) heading(w io.Writer) {
	fmt.Fprintf(w, "doorkeeper's benchmark, %s\n%s, %d CPUs, %s, backend %s\n", r.Started.Format("2006-01-02 15:04 MST"), r.Machine, r.CPUs, r.Go, r.Backend)
	if r.Quick {
		fmt.Fprintln(w, "A quick look: few rounds of small loads. Its verdicts mean little.")
	}
	if r.Load > float64(r.CPUs)/2 {
		fmt.Fprintf(w, "The machine was busy before (load %.1f): do not trust these figures.\n", r.Load)
	}
	fmt.Fprintln(w)
}

// summary is the checks of all rows, one line each.
func summary(w io.Writer, results []*result) (failures int) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "verdict\trow\twhat\tmedian [95 %]\trounds")
	for _, r := range results {
		for _, f := range r.findings {
			if f.itself {
				continue
			}
			form := "%.2f"
			if f.how != ratio {
				form = metrics[f.metric].format
			}
			figure := "–"
			if f.Rounds > 0 {
				figure = fmt.Sprintf(form+" ["+form+", "+form+"]", f.Median, f.Low, f.High)
			}
			fmt.Fprintf(t, "%s\t%s\t%s %s\t%s\t%d\n", f.verdict, r.row.name, metrics[f.metric].title, f.bound(), figure, r.rounds)
			if f.verdict == missed || f.verdict == notMeasured {
				failures++
			}
		}
	}
	if err := t.Flush(); err != nil {
		failures++
	}
	return failures
}

// save writes the report.
func (r *report) save(file string) error {
	r.Seconds = time.Since(r.Started).Seconds()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
