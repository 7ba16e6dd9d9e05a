package api

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"doorkeeper/access"
	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// coins is a policy by the look of a name or id: it stops every second topic, and refuses some of those.
type coins struct{}

func (coins) Decide(_ *access.Request, a *access.Action) *access.Decision {
	d := &access.Decision{Enforced: true}
	sum := 0
	for i := range len(a.Name) {
		sum += int(a.Name[i])
	}
	for _, b := range a.TopicID {
		sum += int(b)
	}
	if a.Type != access.ResTopic {
		return d
	}
	switch sum % 4 {
	case 1:
		d.Verdict = access.Deny
	case 3:
		d.Verdict = access.Refuse
	}
	return d
}

func (coins) Epoch(*access.Identity) uint64 { return 7 }

// stops is what coins say of a topic entry of a message: the code of its answer, or 0.
func (coins) stops(x *Exchange, name string, id [16]byte) int16 {
	t := access.Topic{Name: name, ID: id}
	if x.byID() {
		t.Name = ""
	} else {
		t.ID = [16]byte{}
	}
	d := coins{}.Decide(nil, &access.Action{Type: access.ResTopic, Name: t.Name, TopicID: t.ID})
	if !d.Stops() {
		return 0
	}
	return x.topicCode(&t, d)
}

// editSeeds gives the fuzzer requests of every version.
func editSeeds(f *testing.F, key kmsg.Key) {
	random := rand.New(rand.NewPCG(3, 5))
	for v := int16(0); v <= Lookup(int16(key)).Max; v++ {
		for range 4 {
			q := kmsg.RequestForKey(int16(key))
			fill(reflect.ValueOf(q).Elem(), random)
			if q, ok := q.(*kmsg.FetchRequest); ok {
				q.ReplicaID, q.ReplicaState = -1, kmsg.FetchRequestReplicaState{ID: -1, Epoch: -1}
				q.SessionEpoch = int32(random.IntN(3)) - 1
			}
			q.SetVersion(v)
			f.Add(v, q.AppendTo(nil))
		}
	}
}

// FuzzFetchEdit: of any Fetch, what goes to the broker and what is answered here make up the request, and kmsg reads both.
func FuzzFetchEdit(f *testing.F) {
	editSeeds(f, kmsg.Fetch)
	f.Fuzz(func(t *testing.T, v int16, body []byte) {
		if v < 0 || v > fetchRow.Max {
			return
		}
		x := highExchange(t, int16(kmsg.Fetch), v)
		defer x.Free()
		x.Env.Decider = coins{}
		before := bytes.Clone(body)
		if x.Decode(body) != nil || x.Derive() != nil {
			return
		}
		q := kmsg.NewPtrFetchRequest()
		q.Version = v
		if err := q.ReadFrom(body); err != nil { // as it is after a long wait was lowered
			t.Fatal(err)
		}
		if err := x.Enforce(); err != nil {
			t.Fatal(err)
		}
		switch r, _ := x.Local().(*kmsg.FetchResponse); {
		case r != nil && r.ErrorCode == 0:
			checkLocalFetch(t, x, q, r)
		case r != nil:
			if r.ErrorCode != errInvalidFetchSession || q.SessionEpoch == 0 || q.SessionEpoch == -1 {
				t.Fatalf("error %d in session %d, epoch %d", r.ErrorCode, q.SessionID, q.SessionEpoch)
			}
		case x.Edited():
			checkEditedFetch(t, x, q, body)
		default:
			if x.fetch.q.MaxWait == q.MaxWaitMillis && q.MaxWaitMillis < maxWait && !bytes.Equal(before, body) {
				t.Fatal("it passes, and is another")
			}
			for _, qt := range q.Topics {
				if (coins{}).stops(x, qt.Topic, qt.TopicID) != 0 {
					t.Fatalf("%q passes", qt.Topic)
				}
			}
		}
	})
}

// codesOf are the answers for each partition of a topic.
type codesOf map[string]int16

func at(x *Exchange, name string, id [16]byte, partition int32) string {
	if x.byID() {
		return fmt.Sprintf("%x-%d", id, partition)
	}
	return fmt.Sprintf("%s-%d", name, partition)
}

func checkLocalFetch(t *testing.T, x *Exchange, q *kmsg.FetchRequest, r *kmsg.FetchResponse) {
	t.Helper()
	r.SetVersion(q.Version)
	got := codesOf{}
	for _, rt := range r.Topics {
		for _, p := range rt.Partitions {
			k := at(x, rt.Topic, rt.TopicID, p.Partition)
			if _, twice := got[k]; twice || p.HighWatermark != -1 || len(p.RecordBatches) > 0 {
				t.Fatalf("%s: %+v", k, p)
			}
			got[k] = p.ErrorCode
		}
	}
	want, denied := codesOf{}, false
	for _, qt := range q.Topics {
		code := coins{}.stops(x, qt.Topic, qt.TopicID)
		denied = denied || code != errOffsetNotAvailable
		for _, p := range qt.Partitions {
			if code == 0 {
				t.Fatalf("%q is not stopped, and was answered here", qt.Topic)
			}
			want[at(x, qt.Topic, qt.TopicID, p.Partition)] = code
		}
	}
	if !denied { // refused as a whole
		want = codesOf{}
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}

func checkEditedFetch(t *testing.T, x *Exchange, q *kmsg.FetchRequest, body []byte) {
	t.Helper()
	got := kmsg.NewPtrFetchRequest()
	got.Version = q.Version
	edited := x.AppendEdited([]byte("header"), body)
	if err := got.ReadFrom(edited[len("header"):]); err != nil {
		t.Fatal(err)
	}
	var again protocol.FetchRequest
	if err := again.Parse(q.Version, edited[len("header"):]); err != nil {
		t.Fatal(err)
	}
	kept := q.Topics[:0:0]
	refused := false
	for _, qt := range q.Topics {
		code := coins{}.stops(x, qt.Topic, qt.TopicID)
		refused = refused || code == errOffsetNotAvailable
		if code == 0 {
			kept = append(kept, qt)
		}
	}
	q.Topics = kept
	full := q.Version >= 7 && (q.SessionEpoch == 0 || q.SessionEpoch == -1)
	if full && (refused || len(kept) == 0) {
		q.SessionEpoch = -1
	}
	if !bytes.Equal(got.AppendTo(nil), q.AppendTo(nil)) {
		t.Fatalf("to the broker goes\n%x, want\n%x", got.AppendTo(nil), q.AppendTo(nil))
	}
}

// FuzzProduceEdit: of any Produce, what goes to the broker and what is answered here make up the request.
func FuzzProduceEdit(f *testing.F) {
	editSeeds(f, kmsg.Produce)
	f.Fuzz(func(t *testing.T, v int16, body []byte) {
		if v < 0 || v > produceRow.Max || len(body) == 0 {
			return
		}
		x := highExchange(t, int16(kmsg.Produce), v)
		defer x.Free()
		x.Env.Decider = coins{}
		x.BeginProduce(int64(len(body)))
		scan := x.ProduceScanner()
		for at := 0; scan.Left() > 0; {
			n, err := scan.Scan(body[at:])
			if err != nil || n == 0 {
				return
			}
			at += n
		}
		q := kmsg.NewPtrProduceRequest()
		q.Version = v
		if err := q.ReadFrom(body); err != nil {
			t.Fatal(err)
		}
		if err := x.Enforce(); err != nil {
			t.Fatal(err)
		}
		kept := q.Topics[:0:0]
		want := codesOf{}
		for _, qt := range q.Topics {
			code := coins{}.stops(x, qt.Topic, qt.TopicID)
			if code == 0 {
				kept = append(kept, qt)
				continue
			}
			for _, p := range qt.Partitions {
				want[at(x, qt.Topic, qt.TopicID, p.Partition)] = code
			}
		}
		r := kmsg.NewPtrProduceResponse()
		switch local := x.Local(); {
		case local != nil:
			r = local.(*kmsg.ProduceResponse)
			if len(kept) > 0 {
				t.Fatal("answered here, and something of it may pass")
			}
		case x.Edited():
			head, ranges, err := x.ProduceKept(nil, body)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range ranges {
				head = append(head, body[k.Start:k.End]...)
			}
			got := kmsg.NewPtrProduceRequest()
			got.Version = v
			if err := got.ReadFrom(head); err != nil {
				t.Fatal(err)
			}
			q.Topics = kept
			if !bytes.Equal(got.AppendTo(nil), q.AppendTo(nil)) {
				t.Fatalf("to the broker goes\n%x, want\n%x", got.AppendTo(nil), q.AppendTo(nil))
			}
			x.produce.supersede()
			x.addWithheld(r)
		}
		got := codesOf{}
		for _, rt := range r.Topics {
			for _, p := range rt.Partitions {
				k := at(x, rt.Topic, rt.TopicID, p.Partition)
				if _, twice := got[k]; twice || p.BaseOffset != -1 {
					t.Fatalf("%s: %+v", k, p)
				}
				got[k] = p.ErrorCode
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("answers %v, want %v", got, want)
		}
	})
}
