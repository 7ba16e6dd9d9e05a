package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{3, 1}, 2},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		before := slices.Clone(c.values)
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
		if !slices.Equal(before, c.values) {
			t.Errorf("median changed %v into %v", before, c.values)
		}
	}
}

func TestQuantile(t *testing.T) {
	s := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for q, want := range map[float64]float64{0: 1, 0.5: 5, 0.9: 9, 0.99: 10, 1: 10} {
		if got := quantile(s, q); got != want {
			t.Errorf("quantile(%v) = %v, want %v", q, got, want)
		}
	}
}

func TestBootstrapIsRepeatable(t *testing.T) {
	values := []float64{1.02, 0.97, 1.05, 1.1, 0.93, 1, 1.01, 0.99, 1.2}
	a, b := bootstrap(values), bootstrap(values)
	if a != b {
		t.Errorf("the same values gave %v and %v", a, b)
	}
	if a.Median != 1.01 || a.Low > a.Median || a.High < a.Median || a.Rounds != 9 {
		t.Errorf("bootstrap = %+v", a)
	}
}

// TestBootstrapCovers: of intervals at 95 % about 95 in a hundred hold the truth. Small samples of a skewed
// distribution come near that, no nearer.
func TestBootstrapCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const trials, truth = 100, 1.0
	var holds int
	for range trials {
		values := make([]float64, minRounds)
		for i := range values {
			values[i] = truth * math.Exp(0.1*random.NormFloat64())
		}
		if e := bootstrap(values); e.Low <= truth && truth <= e.High {
			holds++
		}
	}
	if holds < 88 {
		t.Errorf("%d of %d intervals hold the truth", holds, trials)
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name      string
		limit     limit
		low, high float64
		want      verdict
	}{
		{"well within", limit{At: 1.1}, 0.9, 1.0, held},
		{"touches from within", limit{At: 1.1}, 0.9, 1.1, held},
		{"around", limit{At: 1.1}, 1.0, 1.2, notResolved},
		{"touches from beyond", limit{At: 1.1}, 1.1, 1.2, notResolved},
		{"beyond", limit{At: 1.1}, 1.11, 1.2, missed},
		{"floor held", limit{At: 0.95, Floor: true}, 0.95, 1.2, held},
		{"floor around", limit{At: 0.95, Floor: true}, 0.9, 1.2, notResolved},
		{"floor missed", limit{At: 0.95, Floor: true}, 0.5, 0.94, missed},
		{"none dropped", limit{At: 0}, 0, 0, held},
		{"some dropped", limit{At: 0}, 1, 3, missed},
	} {
		if got := c.limit.judge(estimate{Low: c.low, High: c.high}); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestSettle(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name                  string
		v                     verdict
		rounds                int
		perGB, perFrame, allo float64
		want                  verdict
	}{
		{"settled", notResolved, 27, 1.05, 0.9, 0.002, heldByCalls},
		{"too early", notResolved, 18, 1.05, 0.9, 0, notResolved},
		{"too many calls", notResolved, 27, 1.2, 0.9, 0, notResolved},
		{"too many a frame", notResolved, 27, 1, 1.2, 0, notResolved},
		{"allocates", notResolved, 27, 1, 1, 1, notResolved},
		{"calls unknown", notResolved, 27, nan, nan, 0, notResolved},
		{"allocations unknown", notResolved, 27, 1, 1, nan, notResolved},
		{"missed stays", missed, 27, 1, 1, 0, missed},
		{"held stays", held, 27, 2, 2, 2, held},
	} {
		if got := settle(c.v, c.rounds, c.perGB, c.perFrame, c.allo); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestCompare(t *testing.T) {
	nan := math.NaN()
	a, b := []float64{2, 3, nan, 8}, []float64{1, 2, 3}
	for how, want := range map[comparison][]float64{
		ratio:      {2, 1.5},
		difference: {1, 1},
		absolute:   {2, 3, 8},
	} {
		if diff := cmp.Diff(want, compare(a, b, how)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", how, diff)
		}
	}
	if got := compare([]float64{1, 2}, []float64{0, 4}, ratio); !slices.Equal(got, []float64{0.5}) {
		t.Errorf("a baseline of zero gave %v", got)
	}
}

// TestRotation: over 2n rounds everybody is at each place twice, and every pair is met in both orders.
func TestRotation(t *testing.T) {
	for n := 1; n <= 7; n++ {
		places := make([][]int, n)
		for i := range places {
			places[i] = make([]int, n)
		}
		follows := map[[2]int]int{}
		for round := range 2 * n {
			order := rotation(n, round)
			if sorted := slices.Sorted(slices.Values(order)); sorted[0] != 0 || sorted[n-1] != n-1 || len(slices.Compact(sorted)) != n {
				t.Fatalf("%d subjects, round %d: %v is no permutation", n, round, order)
			}
			for place, subject := range order {
				places[subject][place]++
				if place > 0 {
					follows[[2]int{order[place-1], subject}]++
				}
			}
		}
		for subject, p := range places {
			for place, times := range p {
				if times != 2 {
					t.Errorf("%d subjects: %d was at place %d %d times", n, subject, place, times)
				}
			}
		}
		for pair, times := range follows {
			if back := follows[[2]int{pair[1], pair[0]}]; back != times {
				t.Errorf("%d subjects: %v %d times, the other way round %d", n, pair, times, back)
			}
		}
	}
}

func TestMore(t *testing.T) {
	undecided, decided := []verdict{held, notResolved}, []verdict{held, missed}
	for _, c := range []struct {
		rounds   int
		verdicts []verdict
		want     bool
	}{
		{0, nil, true},
		{8, decided, true},
		{9, decided, false},
		{9, undecided, true},
		{10, decided, true}, // a step is gone through to its end
		{18, undecided, true},
		{18, decided, false},
		{27, undecided, false},
	} {
		if got := more(c.rounds, minRounds, maxRounds, c.verdicts); got != c.want {
			t.Errorf("after %d rounds with %v: %v", c.rounds, c.verdicts, got)
		}
	}
}
