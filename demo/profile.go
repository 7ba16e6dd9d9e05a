package demo

import (
	"bufio"
	"net"
	"os"
	"slices"
	"strings"

	"doorkeeper/access"
)

// An actor is who did something, as far as the records tell: principal, address and software.
type actor struct{ principal, address, software, clientID string }

// A use is what an actor did with one topic.
type use struct {
	actor
	operation, topic string
	messages, bytes  int64
	records          []*access.Record
}

// readRecords reads a file of access records.
func readRecords(path string) ([]*access.Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []*access.Record
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		r := new(access.Record)
		if err := access.DecodeJSON(lines.Bytes(), r); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, lines.Err()
}

// uses sums up what was read and written, by actor and topic, in the order of the first time.
func uses(records []*access.Record) []*use {
	var all []*use
	for _, r := range records {
		if r.Kind != "access" || r.ResourceType != "TOPIC" || r.GetMessages() == 0 || r.ClientId == loader.clientID {
			continue
		}
		who := actorOf(r)
		i := slices.IndexFunc(all, func(u *use) bool {
			return u.actor == who && u.operation == r.Operation && u.topic == r.Resource
		})
		if i < 0 {
			i = len(all)
			all = append(all, &use{actor: who, operation: r.Operation, topic: r.Resource})
		}
		all[i].messages += r.GetMessages()
		all[i].bytes += r.GetBytes()
		all[i].records = append(all[i].records, r)
	}
	return all
}

func actorOf(r *access.Record) actor {
	host, _, err := net.SplitHostPort(r.Source)
	if err != nil {
		host = r.Source
	}
	return actor{r.Principal, host, r.Software, r.ClientId}
}

// strangers are the uses of principals that were known before in other software or from another address, on topics that
// they had not touched.
func strangers(before, after []*use) (found []*use) {
	known := func(same func(*use) bool) bool { return slices.ContainsFunc(before, same) }
	for _, u := range after {
		principal := known(func(b *use) bool { return b.principal == u.principal })
		place := known(func(b *use) bool { return b.actor == u.actor })
		topic := known(func(b *use) bool { return b.principal == u.principal && b.topic == u.topic })
		if principal && !place && !topic && u.operation == "READ" {
			found = append(found, u)
		}
	}
	return found
}

// usual says what a principal was known for, in words.
func usual(before []*use, principal string) (places, topics string) {
	var p, t []string
	for _, u := range before {
		if u.principal != principal {
			continue
		}
		if s := u.address + " with " + u.software; !slices.Contains(p, s) {
			p = append(p, s)
		}
		if !slices.Contains(t, u.topic) {
			t = append(t, u.topic)
		}
	}
	return strings.Join(p, ", "), strings.Join(t, ", ")
}
