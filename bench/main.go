//go:build linux

// The bench measures doorkeeper beside plain relays and other proxies, interleaved in one run. README.md says what the
// rows mean and how far they can be trusted.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
)

const usageText = `Measure doorkeeper beside plain relays and other proxies, all in one run.

  go run ./bench                                    everything, against a synthetic broker (about an hour)
  go run ./bench -quick -rows fetch-c1              a quick look at some rows
  go run ./bench -list                              what rows there are
  go run ./bench -bootstrap 127.0.0.1:9092          against a real broker on this machine
  go run ./bench -peer 'name=/path/to/proxy --listen {listen} --upstream {upstream}'

The table goes to standard output, progress to standard error. The exit status is 1 if a check was missed or could
not be measured (with -quick: only if it could not be measured), and 2 if the bench itself failed.

A peer's command line may hold
  {listen}    host:port it shall listen on         {port}  the port of that
  {upstream}  host:port of the broker              {dir}   a directory of its own
  {cert} {key} {ca}  PEM files: what to show to clients, and who signed the broker's certificate (-peer-tls)
A peer called kafka-proxy, or kafka-proxy-64k, is one that doorkeeper has limits against.

Flags:
`

// options are the flags.
type options struct {
	match        *regexp.Regexp
	rounds       int
	kind         string
	bootstrap    string
	bootstrapTLS string
	bootstrapCA  string
	logMiB       int
	json         string
	profile      string
	keeper       string
	quick        bool
	list         bool
	peers        []peer
}

func main() {
	if played, err := play(); played {
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	failures, err := o.bench(os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if failures > 0 {
		os.Exit(1)
	}
}

// parse reads the flags.
func parse(args []string, out io.Writer) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(out)
	f.Usage = func() {
		fmt.Fprint(out, usageText)
		f.PrintDefaults()
	}
	match := f.String("rows", "", "only rows whose name matches this `regexp`")
	f.IntVar(&o.rounds, "rounds", 0, fmt.Sprintf("rounds of each row before its verdicts are looked at (default %d, with -quick 3)", minRounds))
	f.StringVar(&o.kind, "backend", "synthetic", "what stands behind: `synthetic` or kfake")
	f.StringVar(&o.bootstrap, "bootstrap", "", "`host:port` of a real broker, instead; topics are made there, and deleted in the end")
	f.StringVar(&o.bootstrapTLS, "bootstrap-tls", "", "`host:port` of its TLS listener, for the TLS rows")
	f.StringVar(&o.bootstrapCA, "bootstrap-ca", "", "PEM `file` of the CA of its certificate, which names localhost")
	f.IntVar(&o.logMiB, "log", 0, "`MiB` of the backlog in each topic (default 64, with -bootstrap 512)")
	f.StringVar(&o.json, "json", "", "write all figures to this `file`")
	f.StringVar(&o.profile, "profile", "", "save profiles of doorkeeper under each row's load in this `directory`, after its rounds")
	f.StringVar(&o.keeper, "doorkeeper", "", "`path` of doorkeeper's binary (default: built from ./cmd/doorkeeper)")
	f.BoolVar(&o.quick, "quick", false, "few rounds of small loads, to see that it works")
	f.BoolVar(&o.list, "list", false, "list the rows and end")
	f.Func("peer", "another proxy, as `name=command`; may be repeated", func(text string) error { return o.addPeer(text, false) })
	f.Func("peer-tls", "the same for the rows with TLS, as `name=command`", func(text string) error { return o.addPeer(text, true) })
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if o.match, err = regexp.Compile(*match); err != nil {
		return o, err
	}
	if o.kind != "synthetic" && o.kind != "kfake" {
		return o, fmt.Errorf("-backend is synthetic or kfake, not %q", o.kind)
	}
	if (o.bootstrapTLS == "") != (o.bootstrapCA == "") || o.bootstrapTLS != "" && o.bootstrap == "" {
		return o, errors.New("-bootstrap-tls needs -bootstrap-ca and -bootstrap")
	}
	if o.rounds == 0 {
		if o.rounds = minRounds; o.quick {
			o.rounds = 3
		}
	}
	if o.rounds < 0 {
		return o, errors.New("-rounds is a number above 0")
	}
	if o.logMiB == 0 {
		if o.logMiB = 64; o.bootstrap != "" && !o.quick {
			o.logMiB = 512
		}
	}
	if o.logMiB < 64 || o.logMiB > 1000 {
		return o, errors.New("-log is between 64 (slow readers need it) and 1000 (one segment of Kafka's log)")
	}
	return o, nil
}

func (o *options) addPeer(text string, secure bool) error {
	name, command, ok := strings.Cut(text, "=")
	if !ok || name == "" || !strings.Contains(command, "{listen}") && !strings.Contains(command, "{port}") && !strings.Contains(command, "{dir}") {
		return errors.New("want name=command with {listen} and {upstream} in it")
	}
	at := -1
	for i := range o.peers {
		if o.peers[i].name == name {
			at = i
		}
	}
	if at < 0 {
		o.peers = append(o.peers, peer{name: name})
		at = len(o.peers) - 1
	}
	if secure {
		o.peers[at].tlsCommand = command
	} else {
		o.peers[at].command = command
	}
	return nil
}

// bench runs the rows and returns how many checks failed.
func (o options) bench(out, progress io.Writer) (failures int, err error) {
	all := rows(o.quick)
	var chosen []*row
	for i := range all {
		if o.match.MatchString(all[i].name) {
			chosen = append(chosen, &all[i])
		}
	}
	if len(chosen) == 0 {
		return 0, errors.New("no row has such a name; -list shows them")
	}
	if o.list {
		for _, r := range chosen {
			fmt.Fprintf(out, "%-20s %s\n", r.name, r.about)
		}
		return 0, nil
	}
	b := &bench{options: o, doorkeeper: o.keeper, progress: progress}
	defer b.close()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-stop
		b.interrupt()
		time.Sleep(time.Second) // timeout(1) signals twice
		select {
		case <-stop:
		default:
		}
		<-stop
		// At once, then. Children end with this process: parts when their input does, others by PR_SET_PDEATHSIG.
		os.Exit(130)
	}()
	if err := b.open(); err != nil {
		return 0, err
	}
	rep := b.newReport()
	rep.heading(out)
	var results []*result
	for i, w := range chosen {
		if w.tls && b.backend.secure == nil {
			b.say("[%d/%d] %s: skipped: the backend has no TLS listener (-bootstrap-tls)", i+1, len(chosen), w.name)
			rep.Rows = append(rep.Rows, rowReport{Name: w.name, About: w.about, Skipped: "no TLS listener"})
			continue
		}
		fmt.Fprintf(progress, "[%d/%d] %s ", i+1, len(chosen), w.name)
		r := b.run(w)
		if b.isInterrupted() {
			return 0, errInterrupted
		}
		results = append(results, r)
		if err := r.show(out); err != nil {
			return 0, err
		}
		rep.Rows = append(rep.Rows, r.report())
		if o.json != "" {
			if err := rep.save(o.json); err != nil { // after each row: an hour's work is not lost to the last one
				return 0, err
			}
		}
	}
	return o.count(results, summary(out, results)), nil
}

// count is what the exit status rests on: a quick look misses for want of rounds.
func (o options) count(results []*result, failures int) int {
	if !o.quick {
		return failures
	}
	failures = 0
	for _, r := range results {
		for _, f := range r.findings {
			if f.verdict == notMeasured {
				failures++
			}
		}
	}
	return failures
}

func (b *bench) backendName() string {
	if b.bootstrap != "" {
		return "broker at " + b.bootstrap
	}
	return b.kind
}
