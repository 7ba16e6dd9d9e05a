package api

import (
	"reflect"

	"doorkeeper/access"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Where an answer has room for a message, a denial of ours says under which record it is found, so that nobody looks for it
// in the broker's ACLs:
//
//	Topic authorization failed. (doorkeeper why 01JD8Z2P6Q4V7M8X9T0R1S2W3Y)

// Refer names the record of a denial that is about to be accounted. It is called from both pumps.
type Refer func(*access.Call) *access.Reference

// cite puts references into the messages of an answer, beside the errors that are ours. It comes when the errors are noted
// on the actions, so that what becomes one record is one reference.
func (x *Exchange) cite(r kmsg.Response) {
	if x.Env.Refer == nil {
		return
	}
	c := citations{whole: x.enforced.local == r}
	v := reflect.ValueOf(r).Elem()
	planOf(v.Type()).walk(v, named{}, func(at fault) {
		if !at.says.IsValid() || !x.stops(at.code) {
			return
		}
		if c.of == nil {
			c.collect(x)
		}
		says := at.says.Interface().(*string)
		if ref := c.find(at.beside.resource(), says); ref != nil {
			says = cited(says, ref.ID)
			at.says.Set(reflect.ValueOf(says))
		}
	})
}

// stops says whether an error is one that a denial or a refusal is answered with.
func (x *Exchange) stops(code int16) bool {
	return code == x.API.retry || code == errTokenAuthorization || deniedType(code) != access.ResNone
}

// cited is a message with a reference.
func cited(says *string, id string) *string {
	why := "doorkeeper why " + id
	if says != nil && *says != "" {
		why = *says + " (" + why + ")"
	}
	return &why
}

// citations are the references to what a request may not do.
type citations struct {
	whole bool // the answer is ours
	first *access.Reference
	of    map[resource]*access.Reference // by type, and by name or id; by name alone, with the type left empty
	group *access.Reference              // to what hides a group
}

func (c *citations) collect(x *Exchange) {
	c.of = make(map[resource]*access.Reference)
	single, many := make(map[access.Action]*access.Reference), make(map[kind]*access.Reference)
	x.calls(0, false, func(call *access.Call) {
		switch {
		case !call.Decision.Stops() || call.Hidden:
		case call.Names == nil:
			single[call.Action] = x.Env.Refer(call)
		default:
			many[kindOf(&Ask{Action: call.Action, Decision: call.Decision, Error: call.Error})] = x.Env.Refer(call)
		}
	})
	for i := range x.Actions {
		if a := &x.Actions[i]; a.Decision.Stops() {
			if a.ref = single[a.Action]; a.ref == nil {
				a.ref = many[kindOf(a)]
			}
			c.add(a)
		}
	}
	for i := range x.hidden {
		if h := &x.hidden[i]; h.first.Decision.Stops() {
			h.first.ref = x.Env.Refer(h.call(access.Call{Request: &x.Request, Hidden: true}))
			c.group = h.first.ref
		}
	}
}

func (c *citations) add(a *Ask) {
	if c.first == nil {
		c.first = a.ref
	}
	for _, r := range [3]resource{{typ: a.Type, name: a.Name}, {typ: a.Type, id: a.TopicID}, {name: a.Name}} {
		if c.of[r] == nil && (r.name != "" || r.id != [16]byte{}) {
			c.of[r] = a.ref
		}
	}
}

// find returns the reference for an error beside a resource, nil where the error is the broker's own: an entry of ours in
// its answer is about what it was not asked for, or says that a group is hidden.
func (c *citations) find(beside resource, says *string) *access.Reference {
	if says != nil && (says == hiddenGroup || says == hiddenStreams) {
		return c.group
	}
	for _, r := range [3]resource{{typ: beside.typ, id: beside.id}, {typ: beside.typ, name: beside.name}, {name: beside.name}} {
		if ref := c.of[r]; ref != nil && (r.typ != access.ResNone || beside.typ == access.ResNone) {
			return ref
		}
	}
	if c.whole {
		return c.first
	}
	return nil
}
