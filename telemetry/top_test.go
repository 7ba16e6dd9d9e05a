package telemetry

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"doorkeeper/access"
	"doorkeeper/journal"
)

func moved(name string, bytes int64) *access.Record {
	return &access.Record{Kind: journal.KindAccess, Operation: "READ", Bytes: proto.Int64(bytes), Messages: proto.Int64(1), Resource: name}
}

// Whatever names come and go, no sum shrinks but that of a name that lost its place, which the rest takes over: the total
// is always what was added.
func TestTopLosesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	top := newTop(8)
	var total, rest int64
	for i := range 50_000 {
		name := fmt.Sprint("topic-", int(r.ExpFloat64()*20)+i/10_000)
		bytes := r.Int64N(10_000)
		top.add(name, moved(name, bytes))
		total += bytes
		if i%500 == 0 {
			top.settle()
		}
		if top.rest.BytesRead < rest {
			t.Fatal("the rest shrank")
		}
		rest = top.rest.BytesRead
		if len(top.named) > 8 || len(top.others) > 8 {
			t.Fatalf("%d names, %d others", len(top.named), len(top.others))
		}
	}
	var sum int64
	for _, a := range top.all() {
		sum += a.BytesRead
	}
	if sum != total {
		t.Errorf("%d bytes stand there of %d", sum, total)
	}
}

// Who is busy now gets the place of one that was.
func TestTopFollows(t *testing.T) {
	top := newTop(2)
	for range 10 {
		top.add("old", moved("old", 100))
		top.add("older", moved("older", 200))
	}
	for range 4 {
		top.add("new", moved("new", 5000))
		top.settle()
	}
	if _, ok := top.named["new"]; !ok {
		t.Fatalf("the busiest has no place: %v", top.all())
	}
	if _, ok := top.named["old"]; ok {
		t.Errorf("the quietest kept its place: %v", top.all())
	}
}
