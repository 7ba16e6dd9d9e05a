package format

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"doorkeeper/access"
)

var update = flag.Bool("update", false, "write the goldens, and what under deploy and docs is made of the table")

// corpus is testdata/records.jsonl: a record of each kind and operation of the contract.
func corpus(tb testing.TB) []*access.Record {
	tb.Helper()
	text, err := os.ReadFile("testdata/records.jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	var list []*access.Record
	for line := range bytes.Lines(text) {
		r := new(access.Record)
		if err := access.DecodeJSON(line, r); err != nil {
			tb.Fatalf("%s: %v", line, err)
		}
		list = append(list, r)
	}
	return list
}

// contractRecord is the contract's example, nearly: a read of a topic.
func contractRecord(tb testing.TB) *access.Record {
	for _, r := range corpus(tb) {
		if r.Api == "Fetch" && r.LastOffset != nil {
			return r
		}
	}
	tb.Fatal("the corpus has no read")
	return nil
}

// golden compares with a file of testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	compare(t, filepath.Join("testdata", name), got)
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	a, b := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			t.Fatalf("%s differs in line %d (-update writes it):\nhas  %s\nwant %s", path, i+1, line(a, i), line(b, i))
		}
	}
}

func line(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "(its end)"
}

// A source of generated records. Each field is there or not; texts are of the kind that breaks things.
type generator struct {
	*rand.Rand
	text func() string
}

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	g.text = func() string { return hostile[g.IntN(len(hostile))] + fmt.Sprint(g.IntN(1000)) }
	return g
}

// hostile are pieces of text that break some form or other.
var hostile = []string{
	"plain", "with space ", " space before", "a=b", `back\slash`, `\`, `\\`, `\=`, `\n`, `\u001b`, `\\u001b`, `pipe|pipe`, `"quoted"`, "'", "line\nbreak",
	"carriage\rreturn", "\r\n", "tab\t", "nul\x00", "esc\x1b[31mred", "\u2028", "\u2029", "\u0085", "\u202e", "\u200b", "\u00a0", "\ufeff", "\U000e0041",
	"\xff\xfe", "\xed\xa0\x80", "\ufffd", "ünïcödé", "日本語", "🔥", "suser=root", "x suser=root act=allow", "<14>1 2026", "CEF:0|a|b|c|d|e|9|",
	`","class_uid":1,"`, "}{", "]", "[", ",", "a.b.c", "%s", "${x}", "cs1Label=x cs1=y", "=", " ", "\n", strings.Repeat("long ", 900),
}

// record makes one. Kinds, operations and other words of our own are real ones: they are no data.
func (g *generator) record(words map[string][]string) *access.Record {
	r := new(access.Record)
	g.fill(r.ProtoReflect(), 3)
	r.Kind, r.Operation = g.pick(words["kind"]), g.pick(words["operation"])
	r.Api, r.Outcome, r.Decision = g.pick(words["api"]), g.pick(words["outcome"]), g.pick(words["decision"])
	r.ResourceType = g.pick(words["resource_type"])
	if g.IntN(2) == 0 {
		r.Source, r.Upstream, r.Peer = "10.1.2.3:51544", "[2001:db8::1]:9092", "[fe80::1%eth0]:9092"
	}
	return r
}

func (g *generator) pick(list []string) string { return list[g.IntN(len(list))] }

func (g *generator) fill(m protoreflect.Message, oneOf int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); g.IntN(oneOf) == 0 {
			g.set(m, f)
		}
	}
}

func (g *generator) set(m protoreflect.Message, f protoreflect.FieldDescriptor) {
	switch {
	case f.IsMap():
		for range 1 + g.IntN(2) {
			m.Mutable(f).Map().Set(protoreflect.ValueOfString(g.text()).MapKey(), g.scalar(f.MapValue()))
		}
	case f.IsList():
		list := m.Mutable(f).List()
		for range 1 + g.IntN(3) {
			if f.Kind() == protoreflect.MessageKind {
				g.fill(list.AppendMutable().Message(), 1)
			} else {
				list.Append(g.scalar(f))
			}
		}
	case f.Kind() == protoreflect.MessageKind && f.Message().FullName() == "google.protobuf.Timestamp":
		at := time.UnixMicro(g.Int64N(4e15)).UTC()
		m.Set(f, protoreflect.ValueOfMessage(timestamppb.New(at).ProtoReflect()))
	case f.Kind() == protoreflect.MessageKind:
		g.fill(m.Mutable(f).Message(), 1)
	default:
		m.Set(f, g.scalar(f))
	}
}

func (g *generator) scalar(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(g.text())
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(g.IntN(9)))
	}
	return protoreflect.ValueOfInt64(g.Int64())
}

// wordsOf are the words that the corpus has in the fields that are ours.
func wordsOf(records []*access.Record) map[string][]string {
	words := map[string][]string{}
	add := func(name, word string) { words[name] = append(words[name], word) }
	for _, r := range records {
		add("kind", r.Kind)
		add("operation", r.Operation)
		add("api", r.Api)
		add("outcome", r.Outcome)
		add("decision", r.Decision)
		add("resource_type", r.ResourceType)
	}
	return words
}
