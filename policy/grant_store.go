package policy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"doorkeeper/access"
	"doorkeeper/internal/register"

	"github.com/oklog/ulid/v2"
)

// Grants are the grants in force, kept in a file. Its methods may be called from any goroutine.
type Grants = register.Register[*Grant]

// OpenGrants reads the grants at path; "" stands for memory alone. An error means that nobody knows who has which right.
// changed gets all of them, now and at every change; Engine.SetGrants is made for it.
func OpenGrants(path string, changed func([]Grant)) (*Grants, error) {
	return register.Open(path, func(all []*Grant) {
		values := make([]Grant, len(all))
		for i, g := range all {
			values[i] = *g
		}
		changed(values)
	})
}

// Key is the id.
func (g *Grant) Key() string { return g.ID }

// End is when it ends by itself.
func (g *Grant) End() time.Time { return g.Until }

// maxGrantText bounds a grant's words, in bytes.
const maxGrantText = 1024

var (
	grantedTopic = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)
	errNoReason  = errors.New("reason: say why; people will ask")
)

// Check says what is wrong with a grant. How long one may be is for the caller to say.
func (g *Grant) Check() error {
	if g == nil {
		return errors.New("it is empty")
	}
	if _, err := ulid.ParseStrict(g.ID); err != nil {
		return fmt.Errorf("id %q: it must be a ULID", g.ID)
	}
	for what, text := range map[string]string{"principal": g.Principal, "resource": g.Name, "reason": g.Reason, "actor": g.Actor} {
		if len(text) > maxGrantText || !utf8.ValidString(text) {
			return fmt.Errorf("%s: more than %d bytes, or not UTF-8", what, maxGrantText)
		}
	}
	switch typ, name, ok := strings.Cut(g.Principal, ":"); {
	case !ok || typ == "" || name == "":
		return fmt.Errorf("principal %q: write it with its type, as in User:erp", g.Principal)
	case g.Principal == access.Anonymous:
		return errors.New("principal User:ANONYMOUS: that is everybody who does not log in")
	case strings.TrimSpace(g.Reason) == "":
		return errNoReason
	case g.From.IsZero() || !g.From.Before(g.Until):
		return errors.New("it must have an end, after its beginning")
	}
	return g.checkRight()
}

func (g *Grant) checkRight() error {
	if _, err := access.ParseOperation(g.Operation.String()); err != nil {
		return err
	}
	if _, err := access.ParseResourceType(g.Type.String()); err != nil {
		return err
	}
	switch {
	case g.Name == "" || g.Name == access.AllResources:
		return fmt.Errorf("resource %q: name one; there are no wildcards here", g.Name)
	case g.Type == access.ResTopic && !grantedTopic.MatchString(g.Name):
		return fmt.Errorf("topic %q: it must be a whole name; there are no wildcards here", g.Name)
	case g.Type == access.ResCluster && g.Name != access.ClusterResource:
		return fmt.Errorf("cluster %q: its name is %s", g.Name, access.ClusterResource)
	}
	return nil
}

// String says what is granted, as people read it.
func (g *Grant) String() string {
	return fmt.Sprintf("principal %s; %s on %s %q", g.Principal, g.Operation, strings.ToLower(g.Type.String()), g.Name)
}

// Rule names the grant in records.
func (g *Grant) Rule() string { return "grant " + g.ID }
