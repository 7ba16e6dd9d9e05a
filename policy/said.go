package policy

import (
	"strings"
	"time"

	"doorkeeper/access"
)

// Said is an explanation in the form that commands and the API show.
type Said struct {
	Decision string            `json:"decision"` // allow, deny, refuse
	Enforced bool              `json:"enforced"` // false: the rule is only tried out
	Rule     string            `json:"rule,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	Location string            `json:"location,omitempty"` // file:line of the rule that decided
	Implied  string            `json:"implied,omitempty"`  // the operation whose being allowed implies what was asked
	Because  []Because         `json:"because,omitempty"`  // the rules that held on the way there, in the order of evaluation
	Limits   *SaidLimits       `json:"limits,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Record   string            `json:"record,omitempty"` // "each" or "hashed"; absent: coalesced
	NotAfter *time.Time        `json:"not_after,omitempty"`
	Policy   string            `json:"policy,omitempty"` // revision
}

// Because is one rule that held.
type Because struct {
	Rule     string `json:"rule"`
	Location string `json:"location"`
}

// SaidLimits are a decision's limits by the names of the contract.
type SaidLimits struct {
	FetchBytesPerSecond   int64        `json:"fetch_bytes_per_second,omitempty"`
	ProduceBytesPerSecond int64        `json:"produce_bytes_per_second,omitempty"`
	BurstBytes            int64        `json:"burst_bytes,omitempty"`
	Budgets               []SaidBudget `json:"budgets,omitempty"`
	ReadFrom              *SaidFrom    `json:"read_from,omitempty"`
}

// SaidBudget is one budget.
type SaidBudget struct {
	Bytes    int64  `json:"bytes,omitempty"`
	Messages int64  `json:"messages,omitempty"`
	Window   string `json:"window"`
	Key      string `json:"key"`
}

// SaidFrom is how far back a read may reach.
type SaidFrom struct {
	MaxBehind int64  `json:"max_behind,omitempty"`
	MaxAge    string `json:"max_age,omitempty"`
}

// Said puts an explanation into words.
func (x *Explanation) Said() *Said {
	d := x.Decision
	s := &Said{
		Decision: d.Verdict.String(), Enforced: d.Enforced, Rule: d.Rule, Reason: d.Reason, Location: x.Location,
		Limits: saidLimits(d.Limits), Labels: d.Labels, Policy: d.Policy,
	}
	if x.Implied != access.OpNone {
		s.Implied = x.Implied.String()
	}
	for _, f := range x.Rules {
		s.Because = append(s.Because, Because{f.Name, f.Location})
	}
	switch d.Record {
	case access.Each:
		s.Record = "each"
	case access.Hashed:
		s.Record = "hashed"
	}
	if !d.NotAfter.IsZero() {
		end := d.NotAfter.UTC()
		s.NotAfter = &end
	}
	return s
}

func saidLimits(l *access.Limits) *SaidLimits {
	if l == nil {
		return nil
	}
	s := &SaidLimits{FetchBytesPerSecond: l.FetchBytesPerSecond, ProduceBytesPerSecond: l.ProduceBytesPerSecond, BurstBytes: l.BurstBytes}
	for _, b := range l.Budgets {
		s.Budgets = append(s.Budgets, SaidBudget{b.Bytes, b.Messages, durationText(b.Window), b.Key})
	}
	if f := l.ReadFrom; f != nil {
		s.ReadFrom = &SaidFrom{MaxBehind: f.MaxBehind}
		if f.MaxAge > 0 {
			s.ReadFrom.MaxAge = durationText(f.MaxAge)
		}
	}
	return s
}

// durationText writes a duration as a person does: "1h", not "1h0m0s".
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
