package api

import (
	"reflect"
	"sync"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// observe notes what the broker answered: its throttle time, and its errors on the actions that they concern.
//
//   - An error beside a resource (a topic, group, transactional id, user or set of settings) belongs to the actions on that
//     resource, by id or name. So does one of the resource's partitions; the first that is not 0 counts.
//   - An error beside nothing (of the whole answer, a group's member, an ACL), or beside a kind of resource that the
//     request asked nothing about, belongs to every action.
//   - A denial that a broker writes beside something else (30 beside each partition of an OffsetCommit) belongs to the
//     actions that were denied as well.
//   - A request for all topics or groups succeeds as a whole: errors of single ones are not its own.
//
// An error that is noted already, of an answer of our own, stays.
func (x *Exchange) observe(r kmsg.Response) {
	if t, ok := r.(kmsg.ThrottleResponse); ok {
		x.Throttle, _ = t.Throttle()
	}
	v := reflect.ValueOf(r).Elem()
	var f failures
	planOf(v.Type()).walk(v, named{}, func(at fault) { f.add(at.beside.resource(), at.code) })
	if f.some {
		x.note(&f)
	}
}

// A resource is what an error stands beside. The zero resource is the answer itself.
type resource struct {
	typ  access.ResourceType
	name string
	id   [16]byte
}

// failures are the errors of one answer.
type failures struct {
	some   bool
	whole  int16                // beside nothing
	of     map[resource]int16   // by name or by id, the other left empty
	first  [resourceTypes]int16 // the first beside any resource of a type
	denied [resourceTypes]int16 // denials of a type, beside another
}

const resourceTypes = int(access.ResUser) + 1

// deniedType is the type of resource that an error says access was denied to.
func deniedType(code int16) access.ResourceType {
	switch code {
	case errTopicAuthorization:
		return access.ResTopic
	case errGroupAuthorization:
		return access.ResGroup
	case errClusterAuthorization:
		return access.ResCluster
	case errTxnAuthorization:
		return access.ResTransactionalID
	}
	return access.ResNone
}

func (f *failures) add(r resource, code int16) {
	f.some = true
	if r == (resource{}) {
		if f.whole == 0 {
			f.whole = code
		}
		return
	}
	if f.of == nil {
		f.of = make(map[resource]int16)
	}
	for _, k := range [2]resource{{typ: r.typ, name: r.name}, {typ: r.typ, id: r.id}} {
		if _, known := f.of[k]; !known && (k.name != "" || k.id != [16]byte{}) {
			f.of[k] = code
		}
	}
	if f.first[r.typ] == 0 {
		f.first[r.typ] = code
	}
	if t := deniedType(code); r.typ != access.ResNone && t != r.typ && f.denied[t] == 0 {
		f.denied[t] = code
	}
}

// on returns the error that belongs to an action, 0 if none does.
func (f *failures) on(a *access.Action) int16 {
	if a.TopicID != [16]byte{} {
		if code := f.of[resource{typ: a.Type, id: a.TopicID}]; code != 0 {
			return code
		}
	}
	if code := f.of[resource{typ: a.Type, name: a.Name}]; code != 0 {
		return code
	}
	if code := f.of[resource{name: a.Name}]; code != 0 && a.Name != "" { // a key of whatever type was asked for
		return code
	}
	if a.Type != access.ResNone && f.denied[a.Type] != 0 {
		return f.denied[a.Type]
	}
	return f.whole
}

// note puts the errors on the actions.
func (x *Exchange) note(f *failures) {
	var asked [resourceTypes]bool
	for i := range x.Actions {
		asked[x.Actions[i].Type] = true
	}
	for t, code := range f.first {
		if t != int(access.ResNone) && code != 0 && !asked[t] && f.whole == 0 {
			f.whole = code
		}
	}
	for i := range x.Actions {
		if a := &x.Actions[i]; a.Error == 0 {
			a.Error = f.on(&a.Action)
		}
	}
}

// A plan says where in a type errors stand and what names the resource they stand beside. It has no kids without
// errors: most of an answer is never looked at.
type plan struct {
	code  int // index of ErrorCode, -1: none
	says  int // index of ErrorMessage, -1: none
	typ   access.ResourceType
	named bool // the type names a resource
	name  int  // index of the field that names it, -1: none
	id    int  // index of TopicID, -1: none
	kind  int  // index of ResourceType of a set of settings, -1: none
	kids  []kid
}

type kid struct {
	field int
	plan  *plan
}

var plans sync.Map // reflect.Type -> *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := makePlan(t)
	plans.Store(t, p)
	return p
}

// naming says which type of resource a field of some name names.
var naming = map[string]access.ResourceType{
	"Topic": access.ResTopic, "Group": access.ResGroup, "GroupID": access.ResGroup,
	"TransactionalID": access.ResTransactionalID,
	"User":            access.ResUser,
	"Key":             access.ResNone, // FindCoordinator: the request says of which type
}

var settings = reflect.TypeFor[kmsg.ConfigResourceType]()

func makePlan(t reflect.Type) *plan {
	p := &plan{code: -1, says: -1, name: -1, id: -1, kind: -1}
	for i := range t.NumField() {
		f := t.Field(i)
		if typ, ok := naming[f.Name]; ok && isString(f.Type) {
			p.typ, p.name, p.named = typ, i, true
			continue
		}
		switch {
		case f.Name == "ErrorCode" && f.Type.Kind() == reflect.Int16:
			p.code = i
		case f.Name == "ErrorMessage" && f.Type == reflect.TypeFor[*string]():
			p.says = i
		case f.Name == "TopicID":
			p.typ, p.id, p.named = access.ResTopic, i, true
		case f.Type == settings:
			p.kind, p.named = i, true
		case f.Name == "ResourceName" && p.kind >= 0:
			p.name = i
		default:
			if e := structOf(f.Type); e != nil {
				if k := makePlan(e); k.code >= 0 || len(k.kids) > 0 {
					p.kids = append(p.kids, kid{i, k})
				}
			}
		}
	}
	return p
}

func isString(t reflect.Type) bool {
	return t.Kind() == reflect.String || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.String
}

// structOf returns the message's struct behind a slice, pointer or field, nil if there is none.
func structOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[kmsg.Tags]() {
		return nil
	}
	return t
}

// A fault is a place in an answer where an error stands.
type fault struct {
	code   int16
	says   reflect.Value // the message beside it; the zero Value: there is no room for one
	beside named
}

// walk finds the errors of v. beside names the resource around it, until v names its own: it is read only where there is
// an error, for most answers have none.
func (p *plan) walk(v reflect.Value, beside named, f func(at fault)) {
	if p.named {
		beside = named{p, v}
	}
	if p.code >= 0 {
		if code := int16(v.Field(p.code).Int()); code != 0 {
			at := fault{code: code, beside: beside}
			if p.says >= 0 {
				at.says = v.Field(p.says)
			}
			f(at)
		}
	}
	for _, k := range p.kids {
		w := v.Field(k.field)
		switch w.Kind() {
		case reflect.Slice:
			for i := range w.Len() {
				k.plan.walk(w.Index(i), beside, f)
			}
		case reflect.Pointer:
			if !w.IsNil() {
				k.plan.walk(w.Elem(), beside, f)
			}
		default:
			k.plan.walk(w, beside, f)
		}
	}
}

// named is a message that names a resource. The zero named is the answer itself.
type named struct {
	plan *plan
	v    reflect.Value
}

func (n named) resource() resource {
	p, v := n.plan, n.v
	if p == nil {
		return resource{}
	}
	r := resource{typ: p.typ}
	if p.name >= 0 {
		w := v.Field(p.name)
		if w.Kind() == reflect.Pointer {
			w = w.Elem()
		}
		if w.IsValid() {
			r.name = w.String()
		}
		if p.typ == access.ResUser {
			r.name = userPrefix + r.name
		}
	}
	if p.id >= 0 {
		r.id = v.Field(p.id).Interface().([16]byte)
	}
	if p.kind >= 0 {
		if r.typ = configResource(kmsg.ConfigResourceType(v.Field(p.kind).Int())); r.typ == access.ResCluster {
			r.name = access.ClusterResource
		}
	}
	return r
}
