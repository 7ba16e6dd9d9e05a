package app

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"doorkeeper/config"
)

// Run is a proxy's life: it reads the file, serves, reloads on SIGHUP, and on SIGTERM or SIGINT drains and returns
// nil. A second of those cuts the drain short. started is called once everything listens; it may be nil.
func Run(file string, opt Options, started func(*App)) error {
	c, err := config.Load(file)
	if err != nil {
		return err
	}
	// From here on a signal is ours: one that comes while the parts start shall not kill half of them.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)

	a, err := Open(c, opt)
	if err != nil {
		return err
	}
	if started != nil {
		started(a)
	}
	abort, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		a.handle(signals, abort)
	}()
	// That connections were cut stands in the log and in the STOP record: the end was asked for all the same.
	if err := a.Serve(context.Background(), abort); err != nil && !errors.Is(err, ErrCut) {
		return err
	}
	signal.Stop(signals)
	close(signals)
	<-done
	return nil
}

// handle acts on signals until there are no more.
func (a *App) handle(signals <-chan os.Signal, abort chan<- struct{}) {
	var ends int
	for s := range signals {
		if s == syscall.SIGHUP {
			// Why it is refused, if it is, stands in the log.
			if _, err := a.Reload(context.Background(), Signal("SIGHUP")); err != nil {
				a.log.Debug("SIGHUP", "error", err)
			}
			continue
		}
		name := "SIGTERM"
		if s == syscall.SIGINT {
			name = "SIGINT"
		}
		if ends++; ends == 2 {
			a.log.Warn("a second signal: connections are cut now")
			close(abort)
		}
		a.Drain(Signal(name))
	}
}
