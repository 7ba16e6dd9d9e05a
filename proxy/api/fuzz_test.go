package api

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// FuzzDecodeEveryAPI feeds bytes to every API of the table, as a request and as an answer. Neither may panic, and a
// request may ask no more than its size allows.
func FuzzDecodeEveryAPI(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, a := range Table {
		if a == nil {
			continue
		}
		for v := int16(0); v <= a.Max; v++ {
			q := kmsg.RequestForKey(a.Key)
			q.SetVersion(v)
			f.Add(a.Key, v, q.AppendTo(nil))
			fill(reflect.ValueOf(q).Elem(), random)
			q.SetVersion(v)
			f.Add(a.Key, v, q.AppendTo(nil))
			r := q.ResponseKind()
			f.Add(a.Key, v, r.AppendTo(nil))
			fill(reflect.ValueOf(r).Elem(), random)
			r.SetVersion(v)
			f.Add(a.Key, v, r.AppendTo(nil))
		}
		f.Add(a.Key, a.Max, []byte{})
		f.Add(a.Key, a.Max, []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
	}
	f.Fuzz(func(t *testing.T, key, version int16, data []byte) {
		a := Lookup(key)
		if a == nil || version < 0 || version > a.Max {
			return
		}
		x := highExchange(t, key, version)
		defer x.Free()
		if a.decode != nil {
			fuzzRequest(t, x, data)
		}
		if scanned[key] == nil {
			fuzzAnswer(t, x, data)
		}
	})
}

// asksPerByte: the least that names something costs is a byte; an internal topic of a streams topology is both described
// and created, and an ACL names a resource and a principal.
const asksPerByte = 2

func fuzzRequest(t *testing.T, x *Exchange, data []byte) {
	if x.Decode(data) != nil || x.Derive() != nil {
		return
	}
	if n := len(x.Actions); n > asksPerByte*len(data)+2 {
		t.Errorf("%s v%d: %d actions of %d bytes", x.API.Name(), x.Version, n, len(data))
	}
	n := len(x.Actions)
	if err := x.Derive(); err != nil || len(x.Actions) != n {
		t.Errorf("%s v%d: derived again: %d actions, %v; had %d", x.API.Name(), x.Version, len(x.Actions), err, n)
	}
}

func fuzzAnswer(t *testing.T, x *Exchange, data []byte) {
	if x.Body == nil {
		x.Body = kmsg.RequestForKey(x.API.Key)
	}
	x.Body.SetVersion(x.Version)
	frame := append([]byte{0, 0, 0, 9}, data...)
	if out, err := x.Respond(nil, frame); err == nil && len(out) < 4 {
		t.Errorf("%s v%d: an answer of %d bytes", x.API.Name(), x.Version, len(out))
	}
}
