package kafka

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"doorkeeper/test/kafka/brokers"
	"doorkeeper/test/kafka/door"
	"doorkeeper/test/kafka/tap"
	"doorkeeper/test/kafka/truth"
)

// A path is a way to the brokers.
type path struct {
	name     string
	recorder *tap.Recorder
	door     *door.Door // nil: direct
}

// The kinds of entrance that both paths have, by the name of doorkeeper's listener, with the broker's listener that
// is its direct equal.
var entrances = map[string]brokers.Listener{
	"open":         brokers.TappedOpen,
	"sasl":         brokers.TappedSASL,
	"reauth":       brokers.Reauth,
	"open-tls":     brokers.TLS,
	"tls-tls":      brokers.TLS,
	"sasl-tls":     brokers.SASLTLS,
	"sasl-tls-tls": brokers.SASLTLS,
}

func paths() []*path {
	return []*path{
		{name: "direct", recorder: shared.direct},
		{name: "through", recorder: shared.door.Recorder, door: shared.door},
	}
}

// bootstrap returns the addresses of an entrance, joined by commas.
func (p *path) bootstrap(entrance string) string {
	if p.door == nil {
		return strings.Join(shared.cluster.Bootstrap(entrances[entrance]), ",")
	}
	return p.door.Front(entrance).Bootstrap()
}

// node returns the address of one broker at an entrance.
func (p *path) node(entrance string, id int32) string {
	if p.door == nil {
		l := entrances[entrance]
		return fmt.Sprintf("%s:%d", l.Host, shared.cluster.Port(id, l))
	}
	return p.door.Front(entrance).Node(id)
}

// A row is one thing that a client does. What it returns must be the same direct and through doorkeeper, so it holds
// nothing that changes from run to run.
type row struct {
	name      string
	entrance  string // default: open
	principal string // that the records must name; default: User:ANONYMOUS
	run       func(t *testing.T, c *client) string
}

// A client is what a row runs with.
type client struct {
	ctx      context.Context
	path     *path
	entrance string
	// prefix begins the names of everything that this run makes. It has the same length on both paths.
	prefix string
}

func (c *client) bootstrap() string { return c.path.bootstrap(c.entrance) }

func (c *client) name(s string) string { return c.prefix + s }

// hide puts the same word in place of the run's prefix and of the addresses.
func (c *client) hide(s string) string {
	s = strings.ReplaceAll(s, c.prefix, "PREFIX-")
	return strings.ReplaceAll(s, c.bootstrap(), "BOOTSTRAP")
}

const rowLimit = 3 * time.Minute

// runRows runs every row on every path, requires the same result, and of what passed through doorkeeper requires that
// the records say it exactly.
func runRows(t *testing.T, rows []row) {
	for i, r := range rows {
		if r.entrance == "" {
			r.entrance = "open"
		}
		if r.principal == "" {
			r.principal = truth.Anonymous
		}
		t.Run(r.name, func(t *testing.T) {
			results := map[string]string{}
			for _, p := range paths() {
				t.Run(p.name, func(t *testing.T) {
					results[p.name] = runRow(t, r, p, i)
				})
			}
			if results["through"] != results["direct"] && !t.Failed() {
				t.Errorf("direct:\n%s\nthrough doorkeeper:\n%s", results["direct"], results["through"])
			}
		})
	}
}

func runRow(t *testing.T, r row, p *path, number int) string {
	ctx, cancel := context.WithTimeout(context.Background(), rowLimit)
	defer cancel()
	parts := strings.Split(t.Name(), "/")
	c := &client{
		ctx: ctx, path: p, entrance: r.entrance,
		prefix: fmt.Sprintf("%s%02d-%s-", strings.ToLower(strings.TrimPrefix(parts[0], "Test")), number, p.name[:1]),
	}
	mark := len(p.recorder.Conns())
	start := time.Now()
	result := c.hide(r.run(t, c))
	t.Logf("%.1f s: %.300s", time.Since(start).Seconds(), result)
	checkWire(t, p, mark, r.principal)
	return result
}

// checkWire decodes what the tap kept since mark and, behind doorkeeper, holds its records against it.
func checkWire(t *testing.T, p *path, mark int, principal string) []*truth.Session {
	t.Helper()
	if !p.recorder.Wait(20 * time.Second) {
		t.Error("the client left connections open")
	}
	sessions := truth.Decode(p.recorder.Conns()[mark:])
	coverage.note(t.Name(), sessions)
	for _, s := range sessions {
		if s.Err != nil {
			t.Errorf("%v: %v", s, s.Err)
		}
	}
	if p.door == nil {
		t.Logf("on the wire: %s", truth.Summary(sessions))
		return sessions
	}
	records, err := p.door.RecordsOf(sessions, 15*time.Second)
	if err != nil {
		t.Error(err)
	}
	names := truth.Names{}
	names.Learn(sessions)
	if err := shared.topicNames(names); err != nil {
		t.Error(err)
	}
	for _, wrong := range truth.Compare(sessions, records, names) {
		t.Error(wrong)
	}
	for _, wrong := range truth.ComparePrincipal(records, principal) {
		t.Error(wrong)
	}
	t.Logf("on the wire, and in %d records: %s", len(records), truth.Summary(sessions))
	return sessions
}
