package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"doorkeeper/access"
	"doorkeeper/admin"
	"doorkeeper/journal"
)

func (c *cli) tailCommand() *cobra.Command {
	var output, after string
	var last int
	var follow, local bool
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show access records as they are made",
		Long: `Show the last access records of a running proxy, and then those to come. When the connection is cut, tail
goes on where it was; a record of kind gap stands for what is lost.`,
		Example: "  doorkeeper tail --principal User:erp --operation READ\n  doorkeeper tail --since 2h --follow=false -o json",
		Args:    cobra.NoArgs,
	}
	filter := filterFlags(cmd, admin.FilterWords)
	cmd.Flags().StringVarP(&output, "output", "o", "", "`FORM`: table or json (default: table on a terminal, else json)")
	complete(cmd, "output", "table", "json")
	cmd.Flags().IntVarP(&last, "last", "n", 10, "begin with the last `N` of the records that there are (with --since: with all)")
	cmd.Flags().StringVar(&after, "after", "", "begin after this `POSITION`, as in <journal>:<seq>")
	cmd.Flags().BoolVarP(&follow, "follow", "f", true, "go on with what comes (not with --until)")
	cmd.Flags().BoolVar(&local, "local", false, "times in the local zone, not in UTC")
	c.adminFlags(cmd)
	cmd.RunE = ran(func(cmd *cobra.Command, _ []string) error {
		form, err := format(output, c.out, "json", "table", "json")
		if err != nil {
			return err
		}
		remotes, err := c.remotes()
		if err != nil {
			return err
		}
		q := filter()
		switch {
		case after != "" && len(remotes) > 1:
			return usageError(errors.New("--after is a position in one proxy's journal: give one --admin"))
		case after != "":
			q.Set("after", after)
		case !q.Has("since") || cmd.Flags().Changed("last"):
			q.Set("last", strconv.Itoa(last))
		}
		if follow && !q.Has("until") {
			q.Set("follow", "1")
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		return tailAll(ctx, remotes, q, newRecordPrinter(c.out, form, local), c.err)
	})
	return cmd
}

// tailAll reads all proxies at once. The first that fails for good ends it.
func tailAll(ctx context.Context, remotes []*remote, q url.Values, print *recordPrinter, note io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(remotes))
	for i, r := range remotes {
		wg.Go(func() {
			t := &tailer{remote: r, query: clone(q), print: print, note: note, pause: firstPause}
			if errs[i] = t.run(ctx); errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Pauses between attempts to connect again.
const (
	firstPause = 500 * time.Millisecond
	maxPause   = 10 * time.Second
)

// A tailer reads one proxy, over as many connections as it takes.
type tailer struct {
	remote *remote
	query  url.Values
	print  *recordPrinter
	note   io.Writer
	pause  time.Duration
	begun  bool // once it has, a proxy that is away is waited for
}

func (t *tailer) run(ctx context.Context) error {
	for {
		err := t.read(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // whoever asked for an end gets one
		}
		var refused *refusal
		if err != nil && (!t.begun || errors.As(err, &refused) && refused.status < 500) {
			return err
		}
		var broken *outputError
		if errors.As(err, &broken) {
			return broken.err
		}
		if err == nil && !t.query.Has("follow") {
			return nil
		}
		fmt.Fprintf(t.note, "tail: %s: %s; trying again\n", t.remote.name, safe(reason(err)))
		select {
		case <-time.After(t.pause):
		case <-ctx.Done():
			return nil
		}
		t.pause = min(2*t.pause, maxPause)
	}
}

func reason(err error) string {
	if err == nil {
		return "the proxy ended the stream"
	}
	return err.Error()
}

// maxLine bounds a record: a hundred names of 32 KiB, each byte of them escaped, fit.
const maxLine = 64 << 20

// read prints one connection's records, and moves the query on behind each.
func (t *tailer) read(ctx context.Context) error {
	resp, err := t.remote.get(ctx, "/api/v1/records", t.query)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if position := resp.Header.Get(admin.PositionHeader); !t.begun && position != "" && t.query.Get("last") == "0" {
		t.moveTo(position)
	}
	t.begun = true
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		var r access.Record
		if err := access.DecodeJSON(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("%s: what came is no record: %w", t.remote.name, err)
		}
		if err := t.print.print(lines.Bytes(), &r); err != nil {
			return &outputError{err}
		}
		t.pause = firstPause
		t.moveTo(journal.PositionOf(&r).String())
	}
	return lines.Err()
}

func (t *tailer) moveTo(position string) {
	t.query.Del("last")
	t.query.Set("after", position)
}

// An outputError says that nobody reads what we print.
type outputError struct{ err error }

func (e *outputError) Error() string { return e.err.Error() }

func clone(q url.Values) url.Values {
	c := url.Values{}
	for k, v := range q {
		c[k] = append([]string(nil), v...)
	}
	return c
}
