// Package equivalence asks the same of two brokers: one that enforces ACLs itself, and one without ACLs behind doorkeeper
// with a policy of the same meaning. Every API and version that doorkeeper passes is asked by users with all kinds of
// rights, and the answers must be the same field by field. What may differ has a row with its reason.
package equivalence

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/test/kafka/brokers"
	"doorkeeper/test/kafka/door"
	"doorkeeper/test/kafka/raw"
)

var (
	record    = flag.Bool("record", false, "ask the broker with ACLs alone, and store the requests and its answers")
	only      = flag.Int("key", -1, "ask this API alone")
	unguarded = flag.Bool("unguarded", false, "run doorkeeper without the policy and ask as who may do all alone")
)

func TestEquivalence(t *testing.T) {
	b := newBench(t)
	versions := b.versions(t)
	for _, key := range slices.Sorted(maps.Keys(versions)) {
		if *only >= 0 && int16(*only) != key {
			continue
		}
		g, ok := generators[key]
		if !ok {
			t.Errorf("%s (key %d) has no requests", kmsg.NameForKey(key), key)
			continue
		}
		t.Run(fmt.Sprintf("%02d %s", key, kmsg.NameForKey(key)), func(t *testing.T) {
			b.run(t, key, versions[key], g)
		})
	}
	if *only < 0 && !*unguarded && !*record {
		rowsAreNeeded(t, b.used)
	}
}

// A bench is the two sides, and what became of the cases.
type bench struct {
	direct, door *side // door is nil while recording
	sides        []*side
	users        []string
	fresh        int
	used         map[string]int // rows of allowed differences, by name
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{used: map[string]int{}, users: users()}
	guarded := startCluster(t, map[string]string{"allow.everyone.if.no.acl.found": "false"})
	b.direct = newSide("ACLs", guarded, fmt.Sprintf("%s:%d", brokers.SASL.Host, guarded.Port(1, brokers.SASL)))
	t.Cleanup(b.direct.close)
	b.sides = []*side{b.direct}
	if !*record {
		b.door = startDoor(t)
		b.sides = append(b.sides, b.door)
	}
	if *unguarded {
		b.users = []string{"all"}
	}
	b.both(t, (*side).setUp)
	if _, err := b.direct.asAdmin(grantACLs()); err != nil {
		t.Fatal(err)
	}
	return b
}

// startDoor starts a broker without ACLs and doorkeeper before it.
func startDoor(t *testing.T) *side {
	t.Helper()
	free := startCluster(t, map[string]string{"authorizer.class.name": ""})
	extra := ""
	if !*unguarded {
		var err error
		if extra, err = writePolicy(t.TempDir()); err != nil {
			t.Fatal(err)
		}
	}
	d, err := door.Start(context.Background(), t.TempDir(), free, door.Options{Extra: extra})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("doorkeeper's log:\n%s", d.Log())
		}
	})
	s := newSide("doorkeeper", free, d.Front("sasl").Node(1))
	t.Cleanup(s.close)
	if err := learnNode(d); err != nil {
		t.Fatal(err)
	}
	return s
}

// learnNode has doorkeeper hear of the broker, which it then listens for.
func learnNode(d *door.Door) error {
	c, err := (&side{clients: d.Front("sasl").Bootstrap()}).login("all")
	if err != nil {
		return err
	}
	defer c.Close()
	q := kmsg.NewPtrMetadataRequest()
	q.SetVersion(9)
	q.Topics = []kmsg.MetadataRequestTopic{}
	_, err = c.Ask(q)
	return err
}

// startCluster starts one node. Its members live as long as the test, and its time is none of the cases'.
func startCluster(t *testing.T, properties map[string]string) *brokers.Cluster {
	t.Helper()
	for _, kind := range []string{"consumer", "share", "streams"} {
		properties["group."+kind+".session.timeout.ms"] = "3600000"
		properties["group."+kind+".max.session.timeout.ms"] = "3600000"
	}
	properties["group.streams.initial.rebalance.delay.ms"] = "0"
	maps.Copy(properties, map[string]string{"log.retention.ms": "-1", "super.users": strings.Join(superUsers, ";")})
	c, err := brokers.Start(context.Background(), t.TempDir(), brokers.Options{Properties: properties, Users: passwords()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the broker's log:\n%s", c.LogTail(4))
		}
		c.Stop()
	})
	return c
}

func newSide(name string, c *brokers.Cluster, clients string) *side {
	s := &side{
		name: name, admin: c.Address(1, brokers.Plain), clients: clients,
		conns: map[string]*raw.Conn{}, ids: map[string][16]byte{}, names: map[[16]byte]string{},
	}
	host, port, _ := strings.Cut(clients, ":")
	s.host = host
	fmt.Sscan(port, &s.port)
	return s
}

// both does the same on both sides at once.
func (b *bench) both(t *testing.T, f func(*side) error) {
	t.Helper()
	result := make(chan error, len(b.sides))
	for _, s := range b.sides {
		go func() { result <- f(s) }()
	}
	var all []error
	for range b.sides {
		all = append(all, <-result)
	}
	if err := errors.Join(all...); err != nil {
		t.Fatal(err)
	}
}

// versions are the APIs that doorkeeper offers, with the lowest and the highest version of each. While recording, when
// there is none, those of the broker for which there are requests.
func (b *bench) versions(t *testing.T) map[int16][2]int16 {
	t.Helper()
	c, err := b.sides[len(b.sides)-1].login("all")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	all, err := c.Versions()
	if err != nil {
		t.Fatal(err)
	}
	if *record {
		maps.DeleteFunc(all, func(key int16, _ [2]int16) bool { _, ok := generators[key]; return !ok })
		for key, versions := range all {
			all[key] = [2]int16{versions[0], min(versions[1], kmsg.RequestForKey(key).MaxVersion())}
		}
	}
	return all
}

// run asks one API in every version, by every user, in every mode.
func (b *bench) run(t *testing.T, key int16, versions [2]int16, g generator) {
	kept := newGolden(key)
	for version := versions[0]; version <= versions[1]; version++ {
		cases := 0
		for _, m := range g.modes {
			for _, user := range b.users {
				for _, s := range g.draw(newGen(key, version, m, &b.fresh)) {
					c := &testCase{key: key, version: version, user: user, mode: m, script: s}
					b.play(t, c, kept)
					cases++
				}
			}
		}
		if cases == 0 {
			t.Errorf("version %d has no case", version)
		}
	}
	if *only < 0 && !*unguarded { // else the brokers come to it in another state
		kept.check(t)
	}
}

// A testCase is a script as one user plays it in one version.
type testCase struct {
	key, version int16
	user         string
	mode         mode
	script       script
	sessionless  bool // doorkeeper opened no fetch session, where the broker did
	failed       bool // the broker failed, where doorkeeper answered
}

func (c *testCase) String() string {
	return fmt.Sprintf("v%d, %s, %s, %s", c.version, c.user, c.mode, c.script.name)
}

// play plays a case on both sides and compares every answer.
func (b *bench) play(t *testing.T, c *testCase, kept *golden) {
	t.Helper()
	if c.script.prepare != nil {
		b.both(t, c.script.prepare)
	}
	answers := map[*side][]exchange{}
	for _, s := range b.sides {
		answers[s] = make([]exchange, len(c.script.steps))
	}
	b.both(t, func(s *side) error { return s.play(c, answers[s]) })
	if c.script.after != nil {
		b.both(t, c.script.after)
	}
	if len(c.script.silent) > 0 && (answers[b.direct][0].response == closed || b.door != nil && answers[b.door][0].response == closed) {
		if err := b.level(c.script.silent); err != nil {
			t.Errorf("%v: what was written without an answer is not the same: %v", c, err)
		}
	}
	for i := range c.script.steps {
		direct := answers[b.direct][i]
		if direct.key == c.key {
			kept.add(c, i, direct)
		}
		if b.door == nil {
			continue
		}
		var found []difference
		diff("", direct.response, answers[b.door][i].response, &found)
		for _, d := range found {
			if row := rowFor(c, direct.key, d); row != nil {
				b.used[row.name]++
				continue
			}
			t.Errorf("%v: answer %d (%s): %v\nrequest: %.1500s", c, i+1, kmsg.NameForKey(direct.key), d, compact(direct.request))
		}
	}
}

// An exchange is a request and its answer in canonical form.
type exchange struct {
	key               int16
	request, response any
}

// play plays a case on one side.
func (s *side) play(c *testCase, result []exchange) error {
	var past []kmsg.Response
	for i, next := range c.script.steps {
		var q kmsg.Request
		var r kmsg.Response
		var instead string
		tries := 0
		err := s.settled(func() (bool, error) {
			q = next(past)
			if q.Key() == c.key {
				q.SetVersion(c.version)
			}
			var err error
			r, instead, err = s.ask(c.user, q, c.script.patience)
			tries++
			return r == nil || tries == 60+240*len(c.script.soon) || !passing(r, c.script.soon), err
		})
		if err != nil {
			return fmt.Errorf("%v: request %d: %w", c, i+1, err)
		}
		past = append(past, r)
		result[i] = exchange{key: q.Key(), request: s.canonical(q), response: instead}
		if r != nil {
			result[i].response = s.canonical(r)
		}
		if c.script.listing {
			result[i].response = withoutFresh(result[i].response)
		}
		if c.script.racing {
			result[i].response = withoutServed(result[i].response)
		}
	}
	return nil
}
