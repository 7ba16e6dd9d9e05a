package policy

import (
	"maps"
	"slices"

	"doorkeeper/access"

	"github.com/open-policy-agent/opa/v1/ast"
)

// checkAnswers looks at what the entry point's rules write, as far as it stands there: a misspelt field of an answer is
// an error when the policy loads, not on the day on which that rule holds for the first time.
func checkAnswers(modules map[string]*ast.Module, entry ast.Ref) error {
	var c answerChecker
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		ast.WalkRules(modules[name], func(rule *ast.Rule) bool {
			c.rule(rule, entry)
			return false
		})
	}
	if len(c.errs) > 0 {
		return located(c.errs)
	}
	return nil
}

type answerChecker struct{ errs ast.Errors }

func (c *answerChecker) fail(at *ast.Location, err error) {
	c.errs = append(c.errs, ast.NewError(ast.TypeErr, at, "%s", err.Error()))
}

// pathOf is the document that a rule makes.
func pathOf(rule *ast.Rule) ast.Ref { return rule.Ref().GroundPrefix() }

func (c *answerChecker) rule(rule *ast.Rule, entry ast.Ref) {
	path := pathOf(rule)
	if rule.Head.Value == nil { // a set's member
		return
	}
	switch {
	case path.Equal(entry):
		c.answer(rule.Head.Value)
	case path.HasPrefix(entry) && path.IsGround():
		if name, ok := path[len(entry)].Value.(ast.String); ok && len(path) == len(entry)+1 {
			var o fields
			c.field(&o, o.decision(&ruling{}), "", name, rule.Location, rule.Head.Value)
		}
	}
}

func (c *answerChecker) answer(t *ast.Term) {
	object, ok := t.Value.(ast.Object)
	switch {
	case !ok && ast.IsConstant(t.Value):
		_, err := readDecision(t.Value)
		c.fail(t.Location, err)
	case ok:
		var o fields
		if c.object(&o, o.decision(&ruling{}), "", object) && !has(object, "allow") {
			o.fail("allow", "is missing")
			c.fail(t.Location, o.err)
		}
	}
}

// object checks the fields of an object. plain says whether it has no others than those whose names stand there.
func (c *answerChecker) object(o *fields, known readers, at string, object ast.Object) (plain bool) {
	plain = true
	object.Foreach(func(key, value *ast.Term) {
		name, ok := key.Value.(ast.String)
		if !ok {
			plain = false
			return
		}
		c.field(o, known, at, name, key.Location, value)
	})
	return plain
}

func (c *answerChecker) field(o *fields, known readers, at string, name ast.String, where *ast.Location, value *ast.Term) {
	place := at + string(name)
	limits, isObject := value.Value.(ast.Object)
	switch read := known[string(name)]; {
	case read == nil:
		o.fail(place, "is not known")
	case ast.IsConstant(value.Value):
		read(place, value.Value)
	case place == "limits" && isObject:
		c.object(o, o.limitFields(&access.Limits{}), "limits.", limits)
	}
	if o.err != nil {
		c.fail(where, o.err)
		o.err = nil
	}
}
