package config

import (
	"fmt"
	"math"
	"net"
	"net/url"
)

// URL is the endpoint as a URL; "" without one. Plaintext is http, TLS is https.
func (t *Telemetry) URL() string {
	at, err := endpointURL(t.OTLPEndpoint)
	if err != nil {
		return "" // Load has refused it
	}
	return at
}

func endpointURL(endpoint string) (string, error) {
	if endpoint == "" {
		return "", nil
	}
	if host, port, err := net.SplitHostPort(endpoint); err == nil && host != "" && port != "" {
		return "http://" + endpoint, nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Port() == "" || u.Path != "" && u.Path != "/" {
		return "", fmt.Errorf("%q is no OTLP endpoint: use host:port, or https://host:port for TLS (gRPC, usually port 4317)", endpoint)
	}
	return u.String(), nil
}

func (c *Config) checkTelemetry() {
	t := &c.Telemetry
	if _, err := endpointURL(t.OTLPEndpoint); err != nil {
		c.source.fail("telemetry.otlp_endpoint", "%s", err)
	}
	if t.TracesPerSecond < 0 || math.IsNaN(t.TracesPerSecond) || math.IsInf(t.TracesPerSecond, 0) {
		c.source.fail("telemetry.traces_per_second", "must be 0 or more: 0 traces denials, errors and findings alone")
	}
	const most = 10_000
	if t.Top < 0 || t.Top > most {
		c.source.fail("telemetry.top", "must be 0 to %d: each name makes ten series of the metrics", most)
	}
}
