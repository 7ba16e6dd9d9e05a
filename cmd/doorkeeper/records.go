package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"doorkeeper/access"
	"doorkeeper/journal"
)

// A recordPrinter prints records of several proxies, a line each.
type recordPrinter struct {
	out   io.Writer
	table bool
	local bool
	paint paint

	mu     sync.Mutex
	headed bool
}

func newRecordPrinter(out io.Writer, form string, local bool) *recordPrinter {
	return &recordPrinter{out: out, table: form == "table", local: local, paint: painter(out)}
}

// print writes a record: line is its JSON.
func (p *recordPrinter) print(line []byte, r *access.Record) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.table {
		_, err := fmt.Fprintln(p.out, safe(string(line)))
		return err
	}
	if !p.headed {
		p.headed = true
		if _, err := fmt.Fprintln(p.out, p.paint.in(dim, recordLine("TIME", "WHAT", "PRINCIPAL", "SOURCE", "RESOURCE", "DETAILS"))); err != nil {
			return err
		}
	}
	text := recordLine(
		clock(r.Time.AsTime(), p.local).Format("2006-01-02T15:04:05.000Z07:00"), r.Kind+" "+r.Operation, r.Principal, r.Source,
		resource(r), details(r),
	)
	_, err := fmt.Fprintln(p.out, p.paint.in(recordColor(r), text))
	return err
}

// recordLine has columns of a fixed width, since nobody knows what comes next; what is longer pushes the rest.
func recordLine(when, what, principal, source, resource, details string) string {
	return strings.TrimRight(fmt.Sprintf("%-24s %-16s %-20s %-21s %-24s %s",
		cell(when), cell(what), dash(principal), dash(source), dash(resource), cell(details)), " ")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return cell(s)
}

func recordColor(r *access.Record) int {
	switch {
	case r.Decision == access.Deny.String(), r.Kind == journal.KindAuthn && r.Operation == journal.OpFailure, r.Kind == journal.KindFinding:
		return red
	case r.Decision == access.Refuse.String(), r.Kind == journal.KindGap:
		return yellow
	}
	return 0
}

func resource(r *access.Record) string {
	switch {
	case r.Partition != nil:
		return fmt.Sprintf("%s-%d", r.Resource, *r.Partition)
	case r.ResourceCount > 1:
		return fmt.Sprintf("%d resources", r.ResourceCount)
	}
	return r.Resource
}

// details says what a person looks for in a record of its kind.
func details(r *access.Record) string {
	var d []string
	add := func(format string, args ...any) { d = append(d, fmt.Sprintf(format, args...)) }
	switch r.Kind {
	case journal.KindAccess:
		d = append(d, r.Api)
		if r.FirstOffset != nil && r.LastOffset != nil {
			add("offsets %d..%d", *r.FirstOffset, *r.LastOffset)
		}
		if r.Messages != nil {
			add("%d messages", *r.Messages)
		}
		if r.Bytes != nil {
			d = append(d, size(*r.Bytes))
		}
		if r.CutBytes > 0 {
			add("+%s cut", size(r.CutBytes))
		}
	case journal.KindSession:
		if r.Operation == journal.OpClose {
			add("%s after %s, %s in, %s out", r.Cause, time.Duration(r.GetDurationMs())*time.Millisecond, size(r.GetClientIn()), size(r.GetClientOut()))
		}
	case journal.KindAuthn:
		d = append(d, r.Mechanism)
	case journal.KindControl:
		if a := r.Actor; a != nil {
			add("by %s (%s)", a.Name, a.Method)
		}
		d = append(d, r.Target)
	case journal.KindGap:
		if r.Count > 0 {
			add("%d records are missing: %s", r.Count, r.Cause)
		} else { // a journal that ended: nobody knows whether more came
			d = append(d, r.Cause)
		}
	}
	if r.Decision != "" && r.Decision != access.Allow.String() {
		d = append(d, r.Decision, r.Rule)
	}
	d = append(d, r.Reason, r.Error)
	if r.Outcome != "" && r.Outcome != journal.OutcomeReleased {
		d = append(d, r.Outcome)
	}
	return strings.Join(nonEmpty(d), "  ")
}

func nonEmpty(list []string) []string {
	var out []string
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
