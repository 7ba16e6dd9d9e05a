package main

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Rounds of a row. They come in steps, and the verdict is looked at only after a step: to look after every round and
// to stop at the first good one would find what it hopes for.
const (
	minRounds  = 9
	roundsStep = 9
	maxRounds  = 27
)

// resamples of a bootstrap. The seed is fixed, so that the same measurements always give the same interval.
const (
	resamples     = 10000
	bootstrapSeed = 20261123
)

// An estimate is a median with the 95 % interval of its bootstrap.
type estimate struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Rounds int     `json:"rounds"`
}

// median of values, which may not be empty and is left alone.
func median(values []float64) float64 {
	return sortedMedian(slices.Sorted(slices.Values(values)))
}

func sortedMedian(s []float64) float64 {
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// quantile of sorted values, the nearest rank.
func quantile(sorted []float64, q float64) float64 {
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// bootstrap estimates the median of values with a percentile bootstrap: the median of as many values drawn with
// replacement, many times; the interval holds the middle 95 % of those.
func bootstrap(values []float64) estimate {
	e := estimate{Median: median(values), Rounds: len(values)}
	random := rand.New(rand.NewPCG(bootstrapSeed, uint64(len(values))))
	medians := make([]float64, resamples)
	draw := make([]float64, len(values))
	for i := range medians {
		for j := range draw {
			draw[j] = values[random.IntN(len(values))]
		}
		slices.Sort(draw)
		medians[i] = sortedMedian(draw)
	}
	slices.Sort(medians)
	e.Low, e.High = quantile(medians, 0.025), quantile(medians, 0.975)
	return e
}

// compare pairs the rounds of a subject with those of its baseline. Values of one round were measured within seconds
// of each other, so that a slow minute of the machine falls on both.
func compare(subject, baseline []float64, how comparison) []float64 {
	pairs := make([]float64, 0, len(subject))
	for i, a := range subject {
		b := math.NaN()
		if i < len(baseline) {
			b = baseline[i]
		}
		switch {
		case math.IsNaN(a), math.IsNaN(b) && how != absolute: // a round in which one of them failed
		case how == ratio && b != 0:
			pairs = append(pairs, a/b)
		case how == difference:
			pairs = append(pairs, a-b)
		case how == absolute:
			pairs = append(pairs, a)
		}
	}
	return pairs
}

// A comparison says what is made of a subject's value and its baseline's.
type comparison string

const (
	ratio      comparison = "ratio"
	difference comparison = "difference"
	absolute   comparison = "value" // there is no baseline
)

// A verdict about a limit.
type verdict string

const (
	held        verdict = "held"         // the whole interval is within the limit
	heldByCalls verdict = "held (calls)" // not resolved by time, but by system calls and allocations
	missed      verdict = "missed"       // the whole interval is beyond it
	notResolved verdict = "not resolved" // the limit lies in the interval
	notMeasured verdict = "not measured"
)

// A limit is on one side: At most, or at least if Floor is set.
type limit struct {
	At    float64 `json:"at"`
	Floor bool    `json:"floor,omitempty"`
}

// judge compares an interval with a limit.
func (l limit) judge(e estimate) verdict {
	low, high, at := e.Low, e.High, l.At
	if l.Floor {
		low, high, at = -high, -low, -at
	}
	switch {
	case high <= at:
		return held
	case low > at:
		return missed
	}
	return notResolved
}

// Limits of the rule that settles a row that time does not: as many system calls as the baseline, to a tenth, and no
// allocation per frame. Less than one in a hundred frames is the timers' and the journal's, not the frames'.
const (
	callsLimit  = 1.1
	allocsLimit = 0.01
)

// settle applies that rule to a verdict after the last round. calls are ratios to the baseline's in the same mode;
// what is unknown is NaN and settles nothing.
func settle(v verdict, rounds int, callsPerGB, callsPerFrame, allocsPerFrame float64) verdict {
	if v == notResolved && rounds >= maxRounds && callsPerGB <= callsLimit && callsPerFrame <= callsLimit && allocsPerFrame < allocsLimit {
		return heldByCalls
	}
	return v
}

// rotation is the order of n subjects in a round: each is first, and next to each neighbour on either side, equally
// often. Odd rounds run backwards, so that nobody always follows the same one.
func rotation(n, round int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = (i + round/2) % n
	}
	if round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

// more says whether a row whose checks have these verdicts goes on after so many rounds.
func more(rounds, least, most int, verdicts []verdict) bool {
	if rounds < least {
		return true
	}
	return rounds < most && (rounds-least)%roundsStep == 0 && slices.Contains(verdicts, notResolved) ||
		rounds < most && (rounds-least)%roundsStep != 0
}
