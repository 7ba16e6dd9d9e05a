package tool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"doorkeeper/policy"
)

// TestOptions say which tests run and what is said of them.
type TestOptions struct {
	Run       string // a regular expression over package and name; "": all
	Verbose   bool
	Coverage  bool
	Threshold float64       // per cent of coverage below which the tests fail; it asks for coverage
	Timeout   time.Duration // of each test; 0: 5 s
	JSON      bool
}

// ErrNoTests says that there was nothing to run, which must not look like success.
var ErrNoTests = errors.New("no tests: a test is a rule whose name begins with test_, best kept in a file that ends in _test.rego")

// Test runs a policy's tests as `opa test` does: with its own data, in the language that the engine takes, and strict in
// what builtins are given. It says whether all passed.
func Test(ctx context.Context, r *policy.Rules, o TestOptions, out io.Writer) (passed bool, err error) {
	modules, err := r.Modules()
	if err != nil {
		return false, err
	}
	data, err := r.Document()
	if err != nil {
		return false, err
	}
	compiler := r.Compiler().WithEnablePrintStatements(true)
	runner := tester.NewRunner().SetCompiler(compiler).SetModules(modules).SetStore(inmem.NewFromObject(data)).
		RaiseBuiltinErrors(true).CapturePrintOutput(true).Filter(o.Run)
	if o.Timeout > 0 {
		runner.SetTimeout(o.Timeout)
	}
	var coverage *cover.Cover
	if o.Coverage || o.Threshold > 0 {
		coverage = cover.New()
		runner.SetCoverageQueryTracer(coverage)
	} else {
		runner.EnableTracing(o.Verbose) // a failed test then shows where
	}
	results, err := runTests(ctx, runner, compiler)
	if err != nil {
		return false, err
	}
	if len(results) == 0 {
		return false, ErrNoTests
	}
	passed = !slices.ContainsFunc(results, func(r *tester.Result) bool { return r.Fail || r.Error != nil })
	if coverage != nil && passed {
		return reportCoverage(out, o, modules, coverage, results)
	}
	return passed, report(out, o, results)
}

func runTests(ctx context.Context, runner *tester.Runner, compiler *ast.Compiler) ([]*tester.Result, error) {
	results, err := runner.RunTests(ctx, nil)
	if compiler.Failed() {
		return nil, policy.Located(compiler.Errors)
	}
	if err != nil {
		return nil, fmt.Errorf("running the tests: %w", err)
	}
	var all []*tester.Result
	for r := range results {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *tester.Result) int { // they come as they end
		return cmp.Or(strings.Compare(a.Location.File, b.Location.File), cmp.Compare(a.Location.Row, b.Location.Row))
	})
	return all, nil
}

// report shows results in OPA's own form.
func report(out io.Writer, o TestOptions, results []*tester.Result) error {
	stream := make(chan *tester.Result, len(results))
	for _, r := range results {
		stream <- r
	}
	close(stream)
	if o.JSON {
		return tester.JSONReporter{Output: out}.Report(stream)
	}
	return tester.PrettyReporter{Output: out, Verbose: o.Verbose, FailureLine: true}.Report(stream)
}

// reportCoverage shows which lines no test has come to. Tests are not counted: they cover themselves.
func reportCoverage(out io.Writer, o TestOptions, modules map[string]*ast.Module, c *cover.Cover, results []*tester.Result) (bool, error) {
	rules := maps.Clone(modules)
	maps.DeleteFunc(rules, func(file string, _ *ast.Module) bool { return policy.IsTest(file) })
	covered := c.Report(rules)
	enough := covered.Coverage >= o.Threshold
	if o.JSON {
		return enough, writeJSON(out, covered)
	}
	if err := report(out, o, results); err != nil {
		return false, err
	}
	fmt.Fprintf(out, "COVERAGE: %s %%\n", strings.TrimSuffix(fmt.Sprintf("%.1f", covered.Coverage), ".0"))
	for _, file := range slices.Sorted(maps.Keys(covered.Files)) {
		for _, lines := range runs(covered.Files[file].NotCovered) {
			fmt.Fprintf(out, "%s:%d: no test comes to lines %d to %d\n", file, lines[0], lines[0], lines[1])
		}
	}
	if !enough {
		fmt.Fprintf(out, "that is less than %g %%\n", o.Threshold)
	}
	return enough, nil
}

// runs joins ranges of lines that touch.
func runs(ranges []cover.Range) (all [][2]int) {
	for _, r := range ranges {
		if n := len(all); n > 0 && r.Start.Row <= all[n-1][1]+1 {
			all[n-1][1] = max(all[n-1][1], r.End.Row)
			continue
		}
		all = append(all, [2]int{r.Start.Row, r.End.Row})
	}
	return all
}
