package app

import (
	"context"

	"doorkeeper/config"
	"doorkeeper/telemetry"
)

// openExports prepares what sends spans and metrics, before there is a proxy to tell of.
func (a *App) openExports(c *config.Config) (err error) {
	export := telemetry.Export{
		Endpoint: c.Telemetry.URL(), TracesPerSecond: c.Telemetry.TracesPerSecond,
		Version: a.opt.Version, ProxyID: c.ProxyID, Log: a.log,
	}
	a.exports, err = export.Open(context.Background())
	if a.exports != nil {
		a.log.Info("sending metrics and traces", "endpoint", c.Telemetry.URL())
	}
	return err
}

// openTelemetry takes over the exports.
func (a *App) openTelemetry(c *config.Config) (err error) {
	a.telemetry, err = telemetry.New(telemetry.Options{
		Sources: telemetry.Sources{
			Version: a.opt.Version, Proxy: a.proxy.Stats, Journal: a.journal.Stats, Sinks: a.sinks.stats,
			Policy: a.policyStats, Reloads: a.reloads.stats, Certificates: a.certificates,
		},
		Exports: a.exports, Journal: a.journal, Top: c.Telemetry.Top,
	})
	return err
}

func (a *App) closeTelemetry() {
	var err error
	if a.telemetry != nil {
		err = a.telemetry.Close()
	} else {
		err = a.exports.Close()
	}
	if err != nil {
		a.log.Warn("the last metrics and traces could not be sent", "error", err)
	}
}
