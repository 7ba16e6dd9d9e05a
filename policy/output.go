package policy

import (
	"fmt"
	"math"
	"strings"
	"time"

	"doorkeeper/access"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A ruling is what a policy said, read strictly: a field that is not known, or of another type than the contract's, is
// an error, and an error refuses. A limit that was misspelt must not be no limit.
type ruling struct {
	allow    bool
	enforce  bool
	rule     string
	reason   string
	labels   map[string]string
	record   access.RecordMode
	notAfter time.Time
	limits   *access.Limits
}

// Bounds of what a policy may say.
const (
	maxReason  = 512
	maxLabels  = 32
	maxBudgets = 16
)

// readBool reads the result of an opa-kafka policy.
func readBool(v ast.Value) (*ruling, error) {
	b, ok := v.(ast.Boolean)
	if !ok {
		return nil, fmt.Errorf("it is %s; want true or false", typeName(v))
	}
	return &ruling{allow: bool(b), enforce: true}, nil
}

// readDecision reads the result of a Doorkeeper policy.
func readDecision(v ast.Value) (*ruling, error) {
	r := &ruling{enforce: true}
	o := fields{}
	o.readAt("", v, o.decision(r))
	if o.err == nil && !has(v, "allow") {
		o.fail("allow", "is missing")
	}
	if o.err != nil {
		return nil, o.err
	}
	r.reason, r.rule = cut(r.reason), cut(r.rule)
	return r, nil
}

// readers read the fields of an object, by name. at is the path for errors.
type readers map[string]func(at string, v ast.Value)

func (o *fields) decision(r *ruling) readers {
	return readers{
		"allow":     o.boolean(&r.allow),
		"enforce":   o.boolean(&r.enforce),
		"rule":      o.string(&r.rule),
		"reason":    o.string(&r.reason),
		"limits":    func(at string, v ast.Value) { r.limits = o.limits(at, v) },
		"labels":    func(at string, v ast.Value) { r.labels = o.labels(at, v) },
		"record":    func(at string, v ast.Value) { r.record = o.record(at, v) },
		"not_after": func(at string, v ast.Value) { r.notAfter = o.time(at, v) },
	}
}

func has(v ast.Value, key string) bool {
	o, ok := v.(ast.Object)
	return ok && o.Get(word(key)) != nil
}

func cut(s string) string {
	if len(s) > maxReason {
		return strings.ToValidUTF8(s[:maxReason], "") + ellipsis
	}
	return s
}

// fields reads objects and keeps the first error.
type fields struct{ err error }

func (o *fields) fail(at, format string, args ...any) {
	if o.err == nil {
		o.err = fmt.Errorf("field %s "+format, append([]any{at}, args...)...)
	}
}

func (o *fields) readAt(at string, v ast.Value, known readers) {
	object, ok := v.(ast.Object)
	if !ok {
		if at == "" && o.err == nil {
			o.err = fmt.Errorf("it is %s; want an object with the field allow", typeName(v))
		}
		o.fail(at, "is %s; want an object", typeName(v))
		return
	}
	object.Foreach(func(key, value *ast.Term) {
		name, ok := key.Value.(ast.String)
		place := strings.TrimPrefix(at+"."+string(name), ".")
		read := known[string(name)]
		if !ok || read == nil {
			o.fail(place, "is not known")
			return
		}
		read(place, value.Value)
	})
}

func (o *fields) boolean(into *bool) func(string, ast.Value) {
	return func(at string, v ast.Value) {
		b, ok := v.(ast.Boolean)
		if !ok {
			o.fail(at, "is %s; want true or false", typeName(v))
		}
		*into = bool(b)
	}
}

func (o *fields) string(into *string) func(string, ast.Value) {
	return func(at string, v ast.Value) {
		s, ok := v.(ast.String)
		if !ok {
			o.fail(at, "is %s; want a string", typeName(v))
		}
		*into = string(s)
	}
}

// amount reads a whole number above 0: a limit of nothing is a denial, which has a field of its own.
func (o *fields) amount(into *int64) func(string, ast.Value) {
	return func(at string, v ast.Value) {
		n, ok := v.(ast.Number)
		if !ok {
			o.fail(at, "is %s; want a number", typeName(v))
			return
		}
		i, ok := n.Int64()
		if !ok {
			f, isFloat := n.Float64()
			if !isFloat || f != math.Trunc(f) || math.Abs(f) >= 1<<62 {
				o.fail(at, "is %s; want a whole number below 2^62", n)
				return
			}
			i = int64(f)
		}
		if i <= 0 || i >= 1<<62 {
			o.fail(at, "is %d; want a number from 1 to 2^62 (to allow nothing, set allow to false)", i)
			return
		}
		*into = i
	}
}

func (o *fields) duration(into *time.Duration) func(string, ast.Value) {
	return func(at string, v ast.Value) {
		s, ok := v.(ast.String)
		if !ok {
			o.fail(at, `is %s; want a duration such as "1h"`, typeName(v))
			return
		}
		d, err := parseDuration(string(s))
		if err != nil || d <= 0 {
			o.fail(at, `is %q; want a duration such as "30s", "1h" or "7d"`, cut(string(s)))
			return
		}
		*into = d
	}
}

// parseDuration is time.ParseDuration with days.
func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		if err != nil || d.Abs() > math.MaxInt64/24 {
			return 0, fmt.Errorf("%q is no duration", s)
		}
		return 24 * d, nil
	}
	return time.ParseDuration(s)
}

func (o *fields) time(at string, v ast.Value) time.Time {
	s, ok := v.(ast.String)
	if !ok {
		o.fail(at, "is %s; want a time as RFC 3339", typeName(v))
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, string(s))
	switch {
	case err != nil:
		o.fail(at, "is %q; want a time as RFC 3339", cut(string(s)))
	case t.Before(earliest):
		return earliest // what is before has passed as well; the zero time would be no end
	case t.After(latest):
		return time.Time{} // nobody waits for it
	}
	return t
}

// What nanoseconds since 1970 can say.
var earliest, latest = time.Unix(0, 1), time.Unix(0, math.MaxInt64-1)

func (o *fields) record(at string, v ast.Value) access.RecordMode {
	var word string
	o.string(&word)(at, v)
	switch word {
	case "coalesced":
		return access.Coalesced
	case "each":
		return access.Each
	case "hashed":
		return access.Hashed
	}
	o.fail(at, `is %q; want "coalesced", "each" or "hashed"`, cut(word))
	return 0
}

func (o *fields) labels(at string, v ast.Value) map[string]string {
	object, ok := v.(ast.Object)
	if !ok {
		o.fail(at, "is %s; want an object of strings", typeName(v))
		return nil
	}
	if object.Len() > maxLabels {
		o.fail(at, "has %d labels; want at most %d", object.Len(), maxLabels)
		return nil
	}
	labels := make(map[string]string, object.Len())
	object.Foreach(func(key, value *ast.Term) {
		name, ok := key.Value.(ast.String)
		text, isText := value.Value.(ast.String)
		if !ok || !isText {
			o.fail(at, "has %s: %s; want strings", key, typeName(value.Value))
			return
		}
		labels[cut(string(name))] = cut(string(text))
	})
	return labels
}

func (o *fields) limits(at string, v ast.Value) *access.Limits {
	l := &access.Limits{}
	o.readAt(at, v, o.limitFields(l))
	return l
}

func (o *fields) limitFields(l *access.Limits) readers {
	return readers{
		"fetch_bytes_per_second":   o.amount(&l.FetchBytesPerSecond),
		"produce_bytes_per_second": o.amount(&l.ProduceBytesPerSecond),
		"burst_bytes":              o.amount(&l.BurstBytes),
		"budgets":                  func(at string, v ast.Value) { l.Budgets = o.budgets(at, v) },
		"read_from":                func(at string, v ast.Value) { l.ReadFrom = o.readFrom(at, v) },
	}
}

func (o *fields) budgets(at string, v ast.Value) (list []access.Budget) {
	each := func(t *ast.Term) { list = append(list, o.budget(fmt.Sprintf("%s[%d]", at, len(list)), t.Value)) }
	n := 0
	switch v := v.(type) {
	case *ast.Array:
		n = v.Len()
		if n <= maxBudgets {
			v.Foreach(each)
		}
	case ast.Set: // a partial rule makes one
		n = v.Len()
		if n <= maxBudgets {
			v.Foreach(each)
		}
	default:
		o.fail(at, "is %s; want a list", typeName(v))
	}
	if n > maxBudgets {
		o.fail(at, "has %d budgets; want at most %d", n, maxBudgets)
	}
	return list
}

func (o *fields) budget(at string, v ast.Value) access.Budget {
	b := access.Budget{Key: "principal"}
	o.readAt(at, v, readers{
		"bytes":    o.amount(&b.Bytes),
		"messages": o.amount(&b.Messages),
		"window":   o.duration(&b.Window),
		"key":      o.string(&b.Key),
	})
	switch {
	case (b.Bytes == 0) == (b.Messages == 0):
		o.fail(at, "wants one of bytes and messages")
	case b.Window < time.Second:
		o.fail(at, `wants a window of a second or more, such as "1h"`)
	case b.Key == "" || len(b.Key) > maxReason:
		o.fail(at+".key", "wants principal, source, certificate, topic, or a label's name")
	}
	return b
}

func (o *fields) readFrom(at string, v ast.Value) *access.ReadFrom {
	f := &access.ReadFrom{}
	o.readAt(at, v, readers{
		"max_behind": o.amount(&f.MaxBehind),
		"max_age":    o.duration(&f.MaxAge),
	})
	if f.MaxBehind == 0 && f.MaxAge == 0 {
		o.fail(at, "wants max_behind, max_age or both")
	}
	return f
}

func typeName(v ast.Value) string {
	switch v.(type) {
	case ast.Null:
		return "null"
	case ast.Boolean:
		return "a boolean"
	case ast.Number:
		return "a number"
	case ast.String:
		return "a string"
	case *ast.Array:
		return "an array"
	case ast.Object:
		return "an object"
	case ast.Set:
		return "a set"
	}
	return "of an unknown type"
}
