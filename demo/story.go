package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"doorkeeper/access"
)

func (s *stage) introduce() {
	p := s.out
	p.line("%s", p.bold("doorkeeper demo"))
	p.line("")
	p.text(`A Kafka cluster, four applications and a thief, all on this machine. No client and no broker was changed: the
clients were given doorkeeper's address in place of the brokers'.`)
	p.line("")
	p.line("   %s     %s", p.dim("brokers"), strings.Join(s.cluster.Addrs, " "))
	p.line("   %s  %s   passes every byte, records every access", p.dim("doorkeeper"), s.addr)
}

// play is the story: an ordinary day, the theft, and a day with a policy.
func (s *stage) play(ctx context.Context) error {
	if err := load(ctx, s.addr); err != nil {
		return fmt.Errorf("filling the topics: %w", err)
	}
	at := func(f func(context.Context, string) error) func(context.Context) error {
		return func(ctx context.Context) error { return f(ctx, s.addr) }
	}
	if err := together(ctx, at(sell), at(bill), at(book), at(report), s.look); err != nil {
		return fmt.Errorf("the applications: %w", err)
	}
	if err := settle(ctx); err != nil {
		return err
	}
	records, err := readRecords(s.records())
	if err != nil {
		return err
	}
	before := uses(records)
	s.tellUses(before)

	loot, err := steal(ctx, s.addr)
	if err != nil {
		return fmt.Errorf("the theft: %w", err)
	}
	defer loot.Close()
	if err := settle(ctx); err != nil {
		return err
	}
	later, err := readRecords(s.records())
	if err != nil {
		return err
	}
	if err := s.tellTheft(before, uses(later[len(records):])); err != nil {
		return err
	}
	return s.law(ctx, before, len(later), loot)
}

// look shows who is connected, in the middle of the day.
func (s *stage) look(ctx context.Context) error {
	if err := sleep(ctx, 900*time.Millisecond); err != nil {
		return err
	}
	sessions, err := s.sessions(ctx)
	if err != nil {
		return err
	}
	s.out.heading(1, "Who is connected")
	var rows [][]string
	for _, x := range sessions {
		host, _, _ := strings.Cut(x.Source, ":")
		row := []string{x.Principal, host, x.Software, x.Auth}
		if i := slices.IndexFunc(rows, func(r []string) bool { return slices.Equal(r[:4], row) }); i >= 0 {
			rows[i][4] += "+"
			continue
		}
		if x.Principal != access.Anonymous { // not logged in yet
			rows = append(rows, append(row, "+"))
		}
	}
	for i := range rows {
		rows[i][4] = fmt.Sprint(len(rows[i][4]))
	}
	slices.SortFunc(rows, slices.Compare)
	s.out.table([]string{"PRINCIPAL", "FROM", "SOFTWARE", "LOGIN", "CONNECTIONS"}, rows, nil)
	return nil
}

// tellUses shows what each one reads and writes, from the records.
func (s *stage) tellUses(all []*use) {
	s.out.heading(2, "What each one reads and writes")
	var rows [][]string
	for _, u := range all {
		rows = append(rows, []string{u.principal, u.software, strings.ToLower(u.operation) + "s", u.topic, count(u.messages), size(u.bytes)})
	}
	slices.SortFunc(rows, slices.Compare)
	s.out.table([]string{"PRINCIPAL", "SOFTWARE", "", "TOPIC", "MESSAGES", "BYTES"}, rows, nil)
}

// tellTheft shows the theft as the records show it.
func (s *stage) tellTheft(before, after []*use) error {
	found := strangers(before, after)
	if len(found) == 0 {
		return fmt.Errorf("the records do not show the theft: %d uses", len(after))
	}
	p, who := s.out, found[0].actor
	places, known := usual(before, who.principal)
	p.heading(3, "The theft")
	p.text(fmt.Sprintf("%s is known from %s. It reads %s. That is its whole life in the records.", who.principal, places, known))
	p.line("")
	p.alarm(fmt.Sprintf("Now the same credential comes from %s with %s and reads", who.address, who.software))
	p.line("")
	s.tellRanges(found)
	return nil
}

// tellRanges lists what was taken, partition by partition.
func (s *stage) tellRanges(found []*use) {
	type taken struct {
		topic                        string
		partition                    int32
		first, last, messages, bytes int64
		from, to                     time.Time
	}
	var all []*taken
	var messages, bytes int64
	var from, to time.Time
	for _, u := range found {
		messages += u.messages
		bytes += u.bytes
		for _, r := range u.records {
			i := slices.IndexFunc(all, func(t *taken) bool { return t.topic == r.Resource && t.partition == r.GetPartition() })
			if i < 0 {
				i = len(all)
				all = append(all, &taken{topic: r.Resource, partition: r.GetPartition(), first: r.GetFirstOffset(), from: r.Time.AsTime()})
			}
			t := all[i]
			t.last, t.to = max(t.last, r.GetLastOffset()), r.EndTime.AsTime()
			t.messages += r.GetMessages()
			t.bytes += r.GetBytes()
			if from.IsZero() || t.from.Before(from) {
				from = t.from
			}
			if t.to.After(to) {
				to = t.to
			}
		}
	}
	slices.SortFunc(all, func(a, b *taken) int {
		if c := strings.Compare(a.topic, b.topic); c != 0 {
			return c
		}
		return int(a.partition - b.partition)
	})
	var rows [][]string
	for _, t := range all {
		rows = append(rows, []string{t.topic, fmt.Sprint(t.partition), fmt.Sprintf("%d – %d", t.first, t.last), count(t.messages), size(t.bytes), t.from.Format("15:04:05.000")})
	}
	s.out.table([]string{"TOPIC", "PARTITION", "OFFSETS", "MESSAGES", "BYTES", "AT (UTC)"}, rows, func(int) bool { return true })
	s.out.line("")
	s.out.text(fmt.Sprintf("%s messages, %s, in %s: every offset that left the cluster, and nothing else. With a broker's own log you would know that somebody logged in.",
		count(messages), size(bytes), to.Sub(from).Round(time.Millisecond)))
}

// further says how to look further.
func (s *stage) further() {
	p, run := s.out, s.opt.Command
	p.heading(5, "How to look further")
	look := func(what string, command ...string) {
		p.line("   %s", p.dim(what))
		for _, line := range command {
			p.line("   %s", line)
		}
	}
	if !s.opt.Keep {
		look("stay, and point a client of your own at it", run+" demo --keep")
		look("policies, from nothing, in ten minutes: docs/policy.md", run+" policy init policy")
		look(`before a cluster of yours: README.md, "In front of your cluster"`, run+" run -c doorkeeper.yaml")
		return
	}
	look("the records, one JSON line each", "less "+s.records())
	look("the records as they come, here of the stolen principal", run+" tail --admin "+s.socket()+` \`, "    --principal User:erp")
	look("who is connected", run+" sessions --admin "+s.socket())
	look("why the thief is denied; change "+filepath.Join(s.dir, "policy", "rules.rego")+", and see", run+" why --admin "+s.socket()+" User:erp READ payroll")
	look("be a client yourself",
		fmt.Sprintf(`kcat -b %s -X security.protocol=SASL_PLAINTEXT \`, s.addr),
		`    -X sasl.mechanism=PLAIN -X sasl.username=reporting \`,
		fmt.Sprintf("    -X sasl.password=%s -C -t invoices -e", users["reporting"]))
	p.line("")
	p.line("   Ctrl-C ends it.")
}
