package access

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// slowJSON is the oracle of AppendJSON: it knows no field by name but the three that are always written. Order and
// presence come from the schema, strings from encoding/json.
func slowJSON(m protoreflect.Message) string {
	var members []string
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		always := f.FullName() == "doorkeeper.access.v1.Record.schema" ||
			f.FullName() == "doorkeeper.access.v1.Record.seq" || f.FullName() == "doorkeeper.access.v1.Record.severity"
		if m.Has(f) || always {
			members = append(members, fmt.Sprintf("%q:%s", f.Name(), slowValue(f, m.Get(f))))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func slowValue(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case f.IsMap():
		members := map[string]string{}
		v.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
			members[key.String()] = slowString(key.String()) + ":" + slowValue(f.MapValue(), value)
			return true
		})
		var list []string
		for _, key := range slices.Sorted(maps.Keys(members)) {
			list = append(list, members[key])
		}
		return "{" + strings.Join(list, ",") + "}"
	case f.IsList():
		var list []string
		for i := range v.List().Len() {
			list = append(list, slowScalar(f, v.List().Get(i)))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	return slowScalar(f, v)
}

func slowScalar(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch f.Kind() {
	case protoreflect.StringKind:
		return slowString(v.String())
	case protoreflect.MessageKind:
		if t, ok := v.Message().Interface().(*timestamppb.Timestamp); ok {
			return `"` + t.AsTime().Format("2006-01-02T15:04:05.000000") + `Z"`
		}
		return slowJSON(v.Message())
	default:
		return fmt.Sprint(v.Interface())
	}
}

// slowString escapes by the documented classes, one character after the other.
func slowString(s string) string {
	var out strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteString(`\` + string(r))
		case r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			if r > 0xffff {
				r -= 0x10000
				fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			} else {
				fmt.Fprintf(&out, `\u%04x`, r)
			}
		default:
			out.WriteRune(r)
		}
	}
	return `"` + out.String() + `"`
}

// set puts a value into a field that is not its zero value: salt makes values differ.
func set(m protoreflect.Message, f protoreflect.FieldDescriptor, salt int, text func() string) {
	switch {
	case f.IsMap():
		v := m.Mutable(f).Map()
		for range 2 {
			v.Set(protoreflect.ValueOfString(text()).MapKey(), scalar(f.MapValue(), salt, text))
		}
	case f.IsList():
		list := m.Mutable(f).List()
		for i := range 2 {
			if f.Kind() == protoreflect.MessageKind {
				fillAll(list.AppendMutable().Message(), salt+i, text)
			} else {
				list.Append(scalar(f, salt+i, text))
			}
		}
	case f.Kind() == protoreflect.MessageKind:
		if f.Message().FullName() == "google.protobuf.Timestamp" {
			t := timestamppb.New(time.Date(2026, 11, 23, 3, 0, 12, 123456000+salt%1000, time.UTC).Add(time.Duration(salt) * time.Second))
			m.Set(f, protoreflect.ValueOfMessage(t.ProtoReflect()))
			return
		}
		fillAll(m.Mutable(f).Message(), salt, text)
	default:
		m.Set(f, scalar(f, salt, text))
	}
}

func fillAll(m protoreflect.Message, salt int, text func() string) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		set(m, fields.Get(i), salt+i, text)
	}
}

func scalar(f protoreflect.FieldDescriptor, salt int, text func() string) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text())
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(salt + 1))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(1<<62 + int64(salt))
	}
	panic("the schema has a kind of field that this test does not know: " + f.Kind().String())
}

func plainText() func() string {
	n := 0
	return func() string { n++; return fmt.Sprint("text ", n) }
}

// TestAppendJSONEachField: every field alone, then set to zero where that is a statement, then all together.
func TestAppendJSONEachField(t *testing.T) {
	fields := (*Record)(nil).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		r := new(Record)
		set(r.ProtoReflect(), f, i, plainText())
		compare(t, string(f.Name()), r)

		r = new(Record)
		if f.HasPresence() && f.Kind() != protoreflect.MessageKind {
			r.ProtoReflect().Set(f, f.Default())
			compare(t, string(f.Name())+" = 0", r)
			if got := string(AppendJSON(nil, r)); !strings.Contains(got, `"`+string(f.Name())+`":`) {
				t.Errorf("%s: 0 is left out: %s", f.Name(), got)
			}
		}
	}
	compare(t, "nothing", new(Record))
	all := new(Record)
	fillAll(all.ProtoReflect(), 0, plainText())
	compare(t, "everything", all)
}

func compare(t *testing.T, what string, r *Record) {
	t.Helper()
	if diff := cmp.Diff(slowJSON(r.ProtoReflect()), string(AppendJSON(nil, r))); diff != "" {
		t.Errorf("%s: -want +got:\n%s", what, diff)
	}
}

// TestAppendJSONExample is the contract's own example: what a flow looks like, in this order.
func TestAppendJSONExample(t *testing.T) {
	const want = `{"schema":1,"journal":"01J9","seq":1042,"id":"01JD","kind":"access","operation":"READ","severity":1,` +
		`"time":"2026-11-23T03:00:12.123456Z","end_time":"2026-11-23T03:00:13.100204Z","logged_time":"2026-11-23T03:00:13.101000Z",` +
		`"proxy":"dk-1","cluster":"erp","cluster_id":"MkU3OEVB","listener":"plain",` +
		`"session":"01JD","principal":"User:erp","principal_source":"observed","auth":"SCRAM-SHA-256","source":"10.1.2.3:51544","source_from":"tcp","peer":"10.1.2.3:51544","upstream":"10.9.0.4:40112",` +
		`"client_id":"erp-app","software":"apache-kafka-java/4.3.1",` +
		`"api":"Fetch","api_version":17,"resource_type":"TOPIC","resource":"purchasing","broker":2,"topic_id":"uuid","partition":3,"leader_epoch":5,"isolation":"read_uncommitted",` +
		`"requests":12,"requested_offset":5000,"first_offset":4096,"last_offset":58722,"messages":54627,"batches":212,"bytes":8123456,"batch_digest":"d",` +
		`"decision":"allow","enforced":true,"policy":"sha256:","outcome":"released"}`
	r := new(Record)
	if err := DecodeJSON([]byte(want), r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(AppendJSON(nil, r))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecodeJSONPassesOverNewKeys(t *testing.T) {
	r := new(Record)
	if err := DecodeJSON([]byte(`{"schema":2,"seq":7,"colour":{"of":"tomorrow"}}`), r); err != nil || r.Seq != 7 {
		t.Errorf("seq %d, %v", r.Seq, err)
	}
}

// TestNamesAreData: names from the wire, each as hostile as they come.
func TestNamesAreData(t *testing.T) {
	for _, name := range []string{
		"a\nb", "a\r\nb", "tab\t", `quote " backslash \`, "nul\x00", "\x1b[2J\x1b]0;title\x07", "c1 \u009b31m", "del\x7f",
		"line\u2028sep\u2029", "\ufeffbom", "user\u202egpj.exe", "bad \xff\xfe utf8", "cut \xe2\x82", "surrogate \xed\xa0\x80",
		"tag \U000e0041", "plain ünïcødé 日本語 🙂", "real \ufffd", "</script>", strings.Repeat("x\n", 16<<10),
	} {
		r := &Record{ClientId: name, Labels: map[string]string{name: name}, Resources: []string{name}}
		line := AppendJSON(nil, r)
		checkLine(t, line)
		var got struct {
			ClientID string `json:"client_id"`
		}
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if want := toValid(name); got.ClientID != want {
			t.Errorf("%q came back as %q", want, got.ClientID)
		}
	}
}

// toValid replaces each bad byte, as ranging over a string does.
func toValid(s string) string { return string([]rune(s)) }

// checkLine fails if a line could break a line-based reader or a terminal.
func checkLine(t *testing.T, line []byte) {
	t.Helper()
	if !json.Valid(line) {
		t.Errorf("not valid JSON: %q", line)
	}
	if !utf8.Valid(line) {
		t.Errorf("not UTF-8: %q", line)
	}
	if i := bytes.IndexFunc(line, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }); i >= 0 {
		t.Errorf("character %q at %d stands as it is", line[i:min(i+4, len(line))], i)
	}
}

// FuzzAppendJSON fills a random part of a record with the fuzzer's text. What comes out is one valid line, the oracle's,
// and reads back as the same record.
func FuzzAppendJSON(f *testing.F) {
	f.Add(uint64(1), "erp-app")
	f.Add(uint64(2), "a\nb\x00\u2028\xff\U000e0041\"\\")
	f.Fuzz(func(t *testing.T, seed uint64, text string) {
		random := rand.New(rand.NewPCG(seed, 0))
		r := new(Record)
		fields := r.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			if random.IntN(3) == 0 {
				set(r.ProtoReflect(), fields.Get(i), random.IntN(1000), func() string { return text[:random.IntN(len(text)+1)] })
			}
		}
		line := AppendJSON(nil, r)
		checkLine(t, line)
		var oracle map[string]any
		if err := json.Unmarshal(line, &oracle); err != nil {
			t.Fatal(err)
		}

		Sanitize(r)
		compare(t, "after Sanitize", r)
		back := new(Record)
		if err := DecodeJSON(AppendJSON(nil, r), back); err != nil {
			t.Fatal(err)
		}
		cutTimes(r.ProtoReflect())
		if diff := cmp.Diff(r, back, protocmp.Transform()); diff != "" {
			t.Errorf("-in +out:\n%s", diff)
		}
	})
}

// cutTimes takes from times what six decimals do not show.
func cutTimes(m protoreflect.Message) {
	if t, ok := m.Interface().(*timestamppb.Timestamp); ok {
		t.Nanos -= t.Nanos % 1000
		return
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Kind() == protoreflect.MessageKind && !f.IsList() && !f.IsMap() {
			cutTimes(v.Message())
		}
		return true
	})
}

// TestSanitizeEachField: no text field is forgotten, for one bad byte in it and protobuf refuses the whole record.
func TestSanitizeEachField(t *testing.T) {
	bad := func() string { return "bad \xff" }
	all := new(Record)
	fillAll(all.ProtoReflect(), 0, bad)
	labels := all.Labels
	if _, err := proto.Marshal(all); err == nil {
		t.Fatal("protobuf takes what is not UTF-8: then nothing needs to be sanitized")
	}
	Sanitize(all)
	if _, err := proto.Marshal(all); err != nil {
		t.Error(err)
	}
	compare(t, "sanitized", all)
	if _, shared := labels["bad \xff"]; !shared {
		t.Error("Sanitize changed a map that others may share")
	}
}

func TestAppendJSONAllocatesNothing(t *testing.T) {
	r := &Record{Schema: 1, Seq: 7, Kind: "access", Time: timestamppb.New(time.Unix(1, 0)), ClientId: "a\nb", Messages: proto.Int64(1)}
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { buf = AppendJSON(buf[:0], r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
