package format

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"doorkeeper/access"
)

// TestGolden shows what each format makes of a record of each kind and operation.
func TestGolden(t *testing.T) {
	records := corpus(t)
	for _, name := range Names {
		f, ok := Lookup(name, "1.0.0")
		if !ok || f.Name() != name {
			t.Fatalf("Lookup(%q) is %v, %v", name, f, ok)
		}
		var b strings.Builder
		for _, r := range records {
			b.Write(append(f.Append(nil, r), '\n'))
		}
		file := "records.jsonl"
		if name != "native" {
			file = "records." + name
		}
		golden(t, file, b.String())
	}
	var b strings.Builder
	for _, r := range records {
		number, severity := SeverityNumber(r)
		fmt.Fprintf(&b, "%s, severity %d %s: %s\n", EventName(r), number, severity, Message(r))
		for key, v := range Attributes(r) {
			fmt.Fprintf(&b, "\t%s = %s\n", key, show(v))
		}
	}
	golden(t, "records.otlp", b.String())
}

func show(v Value) string {
	switch v.Kind {
	case Text:
		return fmt.Sprintf("%q", v.Text)
	case Int:
		return fmt.Sprint(v.Int)
	case Bool:
		return fmt.Sprint(v.Int == 1)
	case List:
		return fmt.Sprintf("%q", v.List)
	}
	var maps []string
	for _, m := range v.Maps {
		var pairs []string
		for _, p := range m {
			pairs = append(pairs, p.Key+": "+show(p.Value))
		}
		maps = append(maps, "{"+strings.Join(pairs, ", ")+"}")
	}
	return "[" + strings.Join(maps, ", ") + "]"
}

// TestMarkdown: go generate ./sink/format writes the page.
func TestMarkdown(t *testing.T) { compare(t, "../../docs/formats.md", Markdown()) }

func TestLookupUnknown(t *testing.T) {
	if f, ok := Lookup("leef", ""); ok || f != nil {
		t.Errorf("there is a format %v", f)
	}
}

// TestTableIsWhole holds the table against the record's schema: each field has one row, in the schema's order.
func TestTableIsWhole(t *testing.T) {
	var want []string
	leaves("", new(access.Record).ProtoReflect().Descriptor(), &want)
	for i, r := range table {
		if i >= len(want) || r.name != want[i] {
			t.Fatalf("row %d is of %s, but the schema goes on with %s", i, r.name, line(want, i))
		}
	}
	if len(want) != len(table) {
		t.Errorf("the schema has %s, which the table has not", want[len(table)])
	}
}

func leaves(prefix string, m protoreflect.MessageDescriptor, list *[]string) {
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		name := prefix + string(f.Name())
		if f.Kind() == protoreflect.MessageKind && !f.IsList() && !f.IsMap() && f.Message().FullName() != "google.protobuf.Timestamp" {
			leaves(name+".", f.Message(), list)
			continue
		}
		*list = append(*list, name)
	}
}

// TestCorpusIsWhole: a kind, an operation or an outcome that the contract names and no record shows proves nothing.
func TestCorpusIsWhole(t *testing.T) {
	words := wordsOf(corpus(t))
	seen := map[string]bool{}
	for _, list := range words {
		for _, w := range list {
			seen[w] = true
		}
	}
	contract := "session authn access control finding gap OPEN CLOSE SUCCESS FAILURE START STOP RELOAD POLICY QUARANTINE GRANT QUERY CLOCK " +
		"CHECKPOINT released partial denied refused failed unknown allow deny refuse"
	for op := range access.OpTwoPhaseCommit + 1 {
		if name := op.String(); name != "UNKNOWN" {
			contract += " " + name
		}
	}
	for _, w := range strings.Fields(contract) {
		if !seen[w] {
			t.Errorf("no record of the corpus has %s", w)
		}
	}
}
