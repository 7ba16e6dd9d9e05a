package demo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"doorkeeper/access"
	"doorkeeper/admin"
)

// rules is the policy that the story ends with, and catalog what it goes by.
const rules = `package doorkeeper

# Nobody reads what the catalog calls confidential. All else is as it was.
decision := {"allow": true} if not guarded

decision := {"allow": false, "reason": "confidential: ask its owner"} if guarded

guarded if {
	input.action.operation == "READ"
	topic := data.catalog.topics[input.action.resource.name]
	"confidential" in topic.tags
}
`

const catalog = `topics:
  payroll: {owner: people, contact: "#people", tags: [confidential]}
  purchasing: {owner: procurement, contact: "#procurement", tags: [confidential]}
`

// law lets everybody go on, the thief too, and puts a policy into force in the middle. Then it tells what each of them
// noticed. seen is how many records there are so far.
func (s *stage) law(ctx context.Context, before []*use, seen int, loot *kgo.Client) error {
	s.tellRules()
	at := func(f func(context.Context, string) error) func(context.Context) error {
		return func(ctx context.Context) error { return f(ctx, s.addr) }
	}
	var v verdict
	enact := func(ctx context.Context) (err error) {
		v, err = s.enact(ctx, loot)
		return err
	}
	if err := together(ctx, at(sell), at(bill), at(book), at(report), enact); err != nil {
		return fmt.Errorf("the day with a policy: %w", err)
	}
	if err := settle(ctx); err != nil {
		return err
	}
	records, err := readRecords(s.records())
	if err != nil {
		return err
	}
	if err := s.tellLaw(before, records[seen:], v); err != nil {
		return err
	}
	return s.tellWhy(ctx)
}

// A verdict is what the thief met.
type verdict struct {
	after time.Duration // from the reload until it was told
	got   int           // messages from then on
}

// enact puts the policy into force, lets new messages come, and waits for what the thief is told.
func (s *stage) enact(ctx context.Context, loot *kgo.Client) (v verdict, err error) {
	if err := sleep(ctx, 500*time.Millisecond); err != nil {
		return v, err
	}
	if err := s.legislate(); err != nil {
		return v, err
	}
	began := time.Now()
	if _, err := s.app.Reload(ctx, admin.Actor{Name: "demo", Role: admin.Operator, Method: "process"}); err != nil {
		return v, err
	}
	told := func(ctx context.Context) (err error) {
		v.got, err = stealOn(ctx, loot)
		v.after = time.Since(began)
		return err
	}
	return v, together(ctx, told, func(ctx context.Context) error { return more(ctx, s.addr) })
}

// legislate writes the policy, the catalog, and the configuration that names them.
func (s *stage) legislate() error {
	dir := filepath.Join(s.dir, "policy")
	file := filepath.Join(s.dir, "doorkeeper.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return errors.Join(
		os.MkdirAll(dir, 0o700),
		os.WriteFile(filepath.Join(dir, "rules.rego"), []byte(rules), 0o600),
		os.WriteFile(filepath.Join(s.dir, "catalog.yaml"), []byte(catalog), 0o600),
		os.WriteFile(file, append(text, "catalog_file: catalog.yaml\npolicy: {paths: [policy/]}\n"...), 0o600),
	)
}

func (s *stage) tellRules() {
	p := s.out
	p.heading(4, "A policy, while everybody works")
	p.text("The thief is still connected, for whatever comes next. The applications work through another day. In the middle of it, this comes into force:")
	p.line("")
	_, body, _ := strings.Cut(rules, "\n\n")
	for line := range strings.Lines(body) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			line = "     " + p.dim(strings.ReplaceAll(line, "\t", "  "))
		}
		p.line("%s", line)
	}
}

// tellLaw shows who read and wrote what on that day, and who was denied.
func (s *stage) tellLaw(before []*use, records []*access.Record, v verdict) error {
	thiefs, denied := denials(records)
	if denied == 0 {
		return errors.New("the records do not show that the thief was denied")
	}
	var rows [][]string
	for _, u := range uses(records) {
		rows = append(rows, []string{u.principal, u.address, u.software, strings.ToLower(u.operation) + "s", u.topic, count(u.messages), "–"})
	}
	slices.SortFunc(rows, slices.Compare)
	honest := len(rows)
	for _, d := range thiefs {
		rows = append(rows, []string{d.principal, d.address, d.software, strings.ToLower(d.operation) + "s", d.topic, count(d.messages), "denied"})
	}
	s.out.line("")
	s.out.table([]string{"PRINCIPAL", "FROM", "SOFTWARE", "", "TOPIC", "MESSAGES", ""}, rows, func(row int) bool { return row >= honest })
	s.out.line("")
	moved := total(uses(records))
	as := ""
	if moved == total(before) {
		as = ", as on the day before"
	}
	s.out.text(fmt.Sprintf("The applications noticed nothing: %s messages%s. The thief's connections, open since the theft, were told %s within %s; of the %d orders that came into purchasing meanwhile it got %d. To it this is a broker's denial like any other.",
		count(moved), as, kerr.TopicAuthorizationFailed.Message, v.after.Round(time.Millisecond), moreRecords, v.got))
	return nil
}

// denials sums up what was denied, by actor and topic.
func denials(records []*access.Record) (all []*use, n int64) {
	for _, r := range records {
		if r.Kind != "access" || r.Decision != "deny" || !r.GetEnforced() && r.Enforced != nil {
			continue
		}
		n += max(r.Count, 1)
		who := actorOf(r)
		if !slices.ContainsFunc(all, func(u *use) bool { return u.actor == who && u.topic == r.Resource && u.operation == r.Operation }) {
			all = append(all, &use{actor: who, operation: r.Operation, topic: r.Resource})
		}
	}
	slices.SortFunc(all, func(a, b *use) int { return strings.Compare(a.topic, b.topic) })
	return all, n
}

func total(all []*use) (n int64) {
	for _, u := range all {
		n += u.messages
	}
	return n
}

// tellWhy asks the running proxy why, as whoever is called by the thief's victim would.
func (s *stage) tellWhy(ctx context.Context) error {
	var why admin.Why
	err := s.ask(ctx, "/api/v1/why?"+url.Values{"principal": {"User:erp"}, "operation": {"READ"}, "resource": {"payroll"}}.Encode(), &why)
	if err != nil {
		return err
	}
	if len(why.Now) == 0 || why.Topic == nil {
		return fmt.Errorf("the proxy does not say why: %+v", why)
	}
	said, p := why.Now[0].Said, s.out
	p.line("")
	p.line("   %s", p.dim("doorkeeper why User:erp READ payroll"))
	p.line("   %s", p.red(fmt.Sprintf("%s may not %s TOPIC %s", why.Principal, why.Operation, why.Resource)))
	p.line("     rule     %s", filepath.Base(said.Location))
	p.line("     reason   %s", said.Reason)
	p.line("     owner    %s (%s)", why.Topic.Owner, why.Topic.Contact)
	return nil
}
