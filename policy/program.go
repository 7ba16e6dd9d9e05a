package policy

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"doorkeeper/access"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	valuecache "github.com/open-policy-agent/opa/v1/topdown/cache"
)

// A program is code over the data as it is at a time. It never changes, any number of evaluations may run on it, and what
// it answered is kept in a cache of its own, which ends with it.
type program struct {
	*code
	*role
	deadline time.Duration
	broken   error               // nothing can be evaluated: everything is refused
	txn      storage.Transaction // a read transaction, held as long as the program lives
	query    rego.PreparedEvalQuery
	values   valuecache.InterQueryValueCache // compiled regular expressions and the like
	cache    *cache
	grants   span // in which the grants that it sees are the running ones

	candidate bool         // it is only tried
	rest      atomic.Int64 // it is not asked before; see try

	// Answers that are always the same.
	allowed                                       *answer
	badTopic, badResource, badPrincipal, badGroup *answer
}

// load compiles rules into a program, over no grants.
func load(r *Rules, in *role, deadline time.Duration) (*program, error) {
	c, err := compile(r)
	if err != nil {
		return nil, err
	}
	p := c.program(in, deadline, ast.InternedEmptyObjectValue, span{})
	return p, p.broken
}

// over is the program over other grants. One that does not read them stays as it is, with its cache.
func (p *program) over(grants ast.Value, holds span) *program {
	if p == nil || !p.reads.grants {
		return p
	}
	next := p.code.program(p.role, p.deadline, grants, holds)
	next.candidate = p.candidate
	return next
}

func (c *code) program(in *role, deadline time.Duration, grants ast.Value, holds span) *program {
	p := &program{code: c, role: in, deadline: deadline, grants: holds, values: newValueCache(), cache: newCache()}
	p.allowed = p.always(access.Allow, "")
	p.badTopic = p.always(access.Deny, "it is no legal topic name")
	p.badResource = p.always(access.Deny, "the resource's name is not UTF-8 or longer than 1024 bytes")
	p.badPrincipal = p.always(access.Deny, "the principal's name is not UTF-8 or longer than 1024 bytes")
	p.badGroup = p.always(access.Deny, "the group or the transactional id is not UTF-8 or longer than 1024 bytes")
	if err := p.prepare(grants); err != nil {
		p.broken = fmt.Errorf("policy: %s: %w", c.origin, err)
	}
	return p
}

// prepare makes the query over the data and the grants.
func (p *program) prepare(grants ast.Value) (err error) {
	ctx := context.Background()
	root := ast.NewObject(ast.Item(ast.StringTerm(grantsKey), ast.NewTerm(grants)))
	p.data.Foreach(func(key, value *ast.Term) { root.Insert(key, value) })
	store := inmem.NewFromASTObject(root)
	if p.txn, err = store.NewTransaction(ctx); err != nil {
		return err
	}
	p.query, err = rego.New(
		rego.ParsedQuery(ast.NewBody(ast.NewExpr(ast.NewTerm(p.entry)))),
		rego.Compiler(p.compiler), rego.Store(store), rego.Transaction(p.txn),
		rego.Capabilities(p.compiler.Capabilities()), rego.StrictBuiltinErrors(true),
		rego.GenerateJSON(func(t *ast.Term, _ *rego.EvalContext) (any, error) { return t.Value, nil }),
	).PrepareForEval(ctx)
	return err
}

// always is an answer that needs no evaluation. It is not kept: who sends names that are none must not fill caches.
func (c *code) always(v access.Verdict, reason string) *answer {
	return newAnswer(&access.Decision{Verdict: v, Enforced: true, Reason: reason, Policy: c.revision}, false, span{})
}

// newValueCache bounds what builtins keep between evaluations: a pattern made of the input would else fill memory.
func newValueCache() valuecache.InterQueryValueCache {
	entries := 1 << 12
	return valuecache.NewInterQueryValueCache(context.Background(), &valuecache.Config{
		InterQueryBuiltinValueCache: valuecache.InterQueryBuiltinValueCacheConfig{MaxNumEntries: &entries},
	})
}
