package app

import (
	"context"
	"errors"
	"time"

	"doorkeeper/proxy"
)

// ErrCut says that connections had to be cut because the drain's time was over.
var ErrCut = errors.New("connections were still busy at the end of timeouts.drain, and were cut")

// adminTimeout is how long answers of the admin API may take to finish at the end.
const adminTimeout = 3 * time.Second

// Serve waits until ctx is done or Drain was called, then drains and ends everything. When abort is closed meanwhile,
// connections are cut instead of waited for. The error is nil or ErrCut.
func (a *App) Serve(ctx context.Context, abort <-chan struct{}) error {
	by := process()
	select {
	case by = <-a.stopping:
	case <-ctx.Done():
	}
	a.log.Info("draining", "by", by.Name, "method", by.Method, "sessions", a.proxy.Stats().Sessions, "timeout", a.Config().Timeouts.Drain.String())
	err := a.drain(abort)
	reason := "drained"
	if err != nil {
		reason = err.Error()
		a.log.Warn(reason)
	}
	a.recordStop(by, reason)
	a.close()
	a.log.Info("stopped")
	return err
}

func (a *App) drain(abort <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), a.Config().Timeouts.Drain)
	defer cancel()
	go func() {
		select {
		case <-abort:
			cancel()
		case <-ctx.Done():
		}
	}()
	if errors.Is(a.proxy.Drain(ctx), proxy.ErrBusy) {
		return ErrCut
	}
	return nil
}

// close ends whatever was started, in the order that nothing loses what another still gives it.
func (a *App) close() {
	if a.watcher != nil {
		a.watcher.close()
	}
	a.courier.close()
	if a.proxy != nil {
		a.proxy.Close()
	}
	if a.ticks != nil {
		a.ticks.close()
	}
	if a.decrees != nil {
		a.decrees.close()
	}
	if a.journal != nil {
		if err := a.journal.Close(); err != nil { // readers come to their end when they have read what is there
			a.log.Error("the last records may not be on disk: they are looked for at the next start", "error", err)
		}
	}
	if a.sinks != nil {
		a.sinks.close()
	}
	a.closeAdmin()
	if a.clusters != nil {
		if err := a.clusters.close(); err != nil {
			a.log.Error("what is known of a cluster could not be written", "error", err)
		}
	}
	if a.accounts != nil {
		if err := a.accounts.Close(); err != nil {
			a.log.Error("what is used of budgets was not written down", "error", err)
		}
	}
	if a.state != nil {
		if err := a.state.close(); err != nil {
			a.log.Error("releasing the state directory", "error", err)
		}
	}
}

func (a *App) closeAdmin() {
	if a.admin != nil {
		ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
		defer cancel()
		a.admin.Close(ctx)
	}
	a.closeTelemetry()
}
