package access

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
)

// sameProto: what AppendProto writes is read by protobuf as the record that it was, and is no longer than it must be.
func sameProto(t *testing.T, what string, r *Record) {
	t.Helper()
	b := AppendProto([]byte("before"), r)
	back := new(Record)
	if err := proto.Unmarshal([]byte(strings.TrimPrefix(string(b), "before")), back); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if diff := cmp.Diff(r, back, protocmp.Transform()); diff != "" {
		t.Errorf("%s: -in +out:\n%s", what, diff)
	}
	if got, want := len(b)-len("before"), proto.Size(r); got > want {
		t.Errorf("%s: %d bytes, proto.Marshal makes %d", what, got, want)
	}
}

// TestAppendProtoEachField: every field alone, then set to zero where that is a statement, then all together.
func TestAppendProtoEachField(t *testing.T) {
	fields := (*Record)(nil).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		r := new(Record)
		set(r.ProtoReflect(), f, i, plainText())
		sameProto(t, string(f.Name()), r)
		if f.HasPresence() && f.Kind() != protoreflect.MessageKind {
			r = new(Record)
			r.ProtoReflect().Set(f, f.Default())
			sameProto(t, string(f.Name())+" = 0", r)
		}
	}
	sameProto(t, "nothing", new(Record))
	all := new(Record)
	fillAll(all.ProtoReflect(), 0, plainText())
	sameProto(t, "everything", all)
}

// FuzzAppendProto fills a random part of a record with the fuzzer's text, of any length.
func FuzzAppendProto(f *testing.F) {
	f.Add(uint64(1), "erp-app", uint16(1))
	f.Add(uint64(2), "a\nb\x00\u2028\xff", uint16(5000))
	f.Fuzz(func(t *testing.T, seed uint64, text string, times uint16) {
		random := rand.New(rand.NewPCG(seed, 0))
		text = strings.Repeat(text, 1+int(times)%(1+(1<<16)/(1+len(text))))
		r := new(Record)
		fields := r.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			if random.IntN(3) == 0 {
				set(r.ProtoReflect(), fields.Get(i), random.IntN(1000)-500, func() string { return text[:random.IntN(len(text)+1)] })
			}
		}
		Sanitize(r)
		sameProto(t, "record", r)
	})
}

func flowRecord() *Record {
	r := new(Record)
	const text = `{"schema":1,"journal":"01JD3ZK7Q8M3X5V9W2R4T6Y8B0","kind":"access","operation":"READ","severity":1,` +
		`"time":"2026-11-23T03:00:12.123456Z","end_time":"2026-11-23T03:00:13.100204Z","proxy":"dk-1","cluster":"erp","cluster_id":"MkU3OEVBNTcwNTJENDM2Qg","listener":"plain",` +
		`"session":"01JD3ZK7Q8M3X5V9W2R4T6Y8B0","principal":"User:erp","principal_source":"observed","auth":"SCRAM-SHA-256","source":"10.1.2.3:51544","source_from":"tcp","peer":"10.1.2.3:51544","upstream":"10.9.0.4:40112",` +
		`"client_id":"erp-app","software":"apache-kafka-java/4.3.1","api":"Fetch","api_version":17,"resource_type":"TOPIC","resource":"purchasing","broker":2,"topic_id":"AAAAAAAAAAAAAAAAAAAAAA","partition":3,"leader_epoch":5,"isolation":"read_uncommitted",` +
		`"requests":12,"requested_offset":5000,"first_offset":4096,"last_offset":58722,"messages":54627,"batches":212,"bytes":8123456,"batch_digest":"d5579c46dfcc7f18207013e65b44e4cb4e2c2298f4ac457ba8f82743f31e930b",` +
		`"decision":"allow","enforced":true,"policy":"sha256:d5579c46dfcc7f18207013e65b44e4cb4e2c2298f4ac457ba8f82743f31e930b","outcome":"released"}`
	if err := DecodeJSON([]byte(text), r); err != nil {
		panic(err)
	}
	return r
}

func TestAppendProtoAllocatesNothing(t *testing.T) {
	r := flowRecord()
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf = AppendProto(buf[:0], r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppendProto(b *testing.B) {
	r := flowRecord()
	var buf []byte
	for b.Loop() {
		buf = AppendProto(buf[:0], r)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkSanitize(b *testing.B) {
	r := flowRecord()
	for b.Loop() {
		Sanitize(r)
	}
}
