package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// decoder lays a YAML tree over a Go value. It goes on after a problem, so that one run shows them all.
type decoder struct {
	*source
	root    reflect.Type
	lookup  func(string) (string, bool) // environment variables
	anchors map[string]ast.Node
}

// decode parses text over into, a pointer to a struct or a slice. A problem of syntax ends it: what follows is a guess.
func decode(s *source, text []byte, into any, lookup func(string) (string, bool)) {
	d := &decoder{source: s, root: reflect.TypeOf(into).Elem(), lookup: lookup, anchors: map[string]ast.Node{}}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			d.failToken(syntax.GetToken(), "", "%s", syntax.GetMessage())
		} else {
			d.fail("", "%v", err)
		}
		return
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			d.failToken(doc.Body.GetToken(), "", "a second document: everything goes into one")
			return
		}
		body = doc.Body
	}
	if body == nil {
		return
	}
	d.value("", body, reflect.ValueOf(into).Elem())
}

type defaulter interface{ defaults() }

var durationType = reflect.TypeFor[time.Duration]()
var sizeType = reflect.TypeFor[Size]()

func (d *decoder) value(path string, n ast.Node, v reflect.Value) {
	n = d.resolve(path, n)
	if n == nil {
		return
	}
	if _, null := n.(*ast.NullNode); null {
		d.failToken(n.GetToken(), path, "has no value: give one, or leave the key out")
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(path, n, v.Elem())
	case reflect.Struct:
		if x, ok := v.Addr().Interface().(defaulter); ok {
			x.defaults()
		}
		d.fields(path, n, v)
	case reflect.Slice:
		d.list(path, n, v)
	case reflect.Map:
		d.entries(path, n, v)
	default:
		d.scalar(path, n, v)
	}
}

// resolve follows anchors, aliases and tags to the node that holds the value.
func (d *decoder) resolve(path string, n ast.Node) ast.Node {
	switch x := n.(type) {
	case *ast.AnchorNode:
		d.anchors[x.Name.GetToken().Value] = x.Value
		return d.resolve(path, x.Value)
	case *ast.AliasNode:
		target, ok := d.anchors[x.Value.GetToken().Value]
		if !ok {
			d.failToken(x.GetToken(), path, "no anchor &%s stands before this", x.Value.GetToken().Value)
			return nil
		}
		return d.resolve(path, target)
	case *ast.TagNode:
		return d.resolve(path, x.Value)
	}
	return n
}

// pairs returns the entries of a mapping, and false (with a problem noted) where n is something else.
func (d *decoder) pairs(path string, n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch x := n.(type) {
	case *ast.MappingNode:
		return x.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{x}, true
	}
	d.failToken(n.GetToken(), path, "must be a mapping of keys to values, is %s", kindOf(n))
	return nil, false
}

func (d *decoder) fields(path string, n ast.Node, v reflect.Value) {
	pairs, ok := d.pairs(path, n)
	if !ok {
		return
	}
	index := keysOf(v.Type())
	for _, pair := range pairs {
		tk := pair.Key.GetToken()
		if pair.Key.IsMergeKey() {
			d.failToken(tk, path, "merge keys (<<) are not read: repeat the keys, or share a whole value by an alias")
			continue
		}
		i, known := index[tk.Value]
		if !known {
			d.failToken(tk, join(path, tk.Value), "unknown key: %s", suggest(d.root, v.Type(), tk.Value))
			continue
		}
		at := join(path, tk.Value)
		d.mark(at, tk)
		d.value(at, pair.Value, v.Field(i))
	}
}

func (d *decoder) list(path string, n ast.Node, v reflect.Value) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.failToken(n.GetToken(), path, "must be a list, is %s", kindOf(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
	for i, item := range seq.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.mark(at, firstToken(item))
		d.value(at, item, v.Index(i))
	}
}

func (d *decoder) entries(path string, n ast.Node, v reflect.Value) {
	pairs, ok := d.pairs(path, n)
	if !ok {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, pair := range pairs {
		tk := pair.Key.GetToken()
		at := join(path, tk.Value)
		d.mark(at, tk)
		key := reflect.New(v.Type().Key()).Elem()
		if err := setScalar(key, tk.Value); err != nil {
			d.failToken(tk, at, "as a key: %v", err)
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		d.value(at, pair.Value, value)
		v.SetMapIndex(key, value)
	}
}

func (d *decoder) scalar(path string, n ast.Node, v reflect.Value) {
	text, ok := scalarText(n)
	if !ok {
		text, ok = hostAndPort(n)
	}
	if !ok {
		d.failToken(n.GetToken(), path, "must be a single value, is %s", kindOf(n))
		return
	}
	d.mark(path, n.GetToken())
	expanded, err := expand(text, d.lookup)
	if err == nil {
		if expanded != text {
			d.written[path] = text
		}
		err = setScalar(v, expanded)
	}
	if err != nil {
		d.failToken(n.GetToken(), path, "%v", err)
	}
}

// setScalar sets v, of a scalar kind, from text. Numbers and switches may come out of ${ENV}, so the kind is the
// field's, whatever the YAML looks like.
func setScalar(v reflect.Value, text string) error {
	switch {
	case v.Type() == durationType:
		t, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is no duration: write 500ms, 30s, 10m or 2h", text)
		}
		v.SetInt(int64(t))
	case v.Type() == sizeType:
		size, err := ParseSize(text)
		if err != nil {
			return err
		}
		v.SetInt(int64(size))
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%q must be true or false", text)
		}
		v.SetBool(text == "true")
	case v.CanInt():
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		v.SetInt(n)
	case v.CanUint():
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q is no whole number from 0 on", text)
		}
		v.SetUint(n)
	case v.CanFloat():
		f, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q is no number", text)
		}
		v.SetFloat(f)
	default:
		panic("config: no scalar of type " + v.Type().String())
	}
	return nil
}

var reference = regexp.MustCompile(`\$?\$\{([^}]*)\}?`)
var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces ${NAME} by the environment variable. $${ stands for a literal ${. It runs on scalars after parsing,
// so a variable's content can never become structure.
func expand(text string, lookup func(string) (string, bool)) (string, error) {
	var problem error
	out := reference.ReplaceAllStringFunc(text, func(ref string) string {
		if strings.HasPrefix(ref, "$$") {
			return ref[1:]
		}
		name, closed := strings.CutSuffix(ref[2:], "}")
		if !closed || !variable.MatchString(name) {
			problem = fmt.Errorf("%q is no reference to an environment variable: write ${NAME}, or $${ for a literal ${", ref)
			return ref
		}
		value, ok := lookup(name)
		if !ok {
			problem = fmt.Errorf("the environment variable %s is not set: set it, or write the value here", name)
		}
		return value
	})
	return out, problem
}

func scalarText(n ast.Node) (string, bool) {
	switch x := n.(type) {
	case *ast.StringNode:
		return x.Value, true
	case *ast.LiteralNode:
		return x.Value.Value, true
	case ast.ScalarNode:
		return x.GetToken().Value, true // as it is written: 1_000 stays that, and 0600 too
	}
	return "", false
}

// hostAndPort gives back the text of kafka:9092 in a list within a flow mapping. The parser takes that for the pair
// {kafka: 9092}, as YAML would have it only with a space behind the colon.
func hostAndPort(n ast.Node) (string, bool) {
	pair, ok := n.(*ast.MappingValueNode)
	if m, isMap := n.(*ast.MappingNode); isMap && len(m.Values) == 1 {
		pair, ok = m.Values[0], true
	}
	if !ok {
		return "", false
	}
	key, colon := pair.Key.GetToken(), pair.Key.GetToken().Next
	value, scalar := scalarText(pair.Value)
	if !scalar || colon == nil || colon.Type != token.MappingValueType || pair.Value.GetToken().Position.Offset != colon.Position.Offset+1 {
		return "", false
	}
	return key.Value + ":" + value, true
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	}
	return "a single value"
}

// firstToken is where a list's item begins for a reader.
func firstToken(n ast.Node) *token.Token {
	switch x := n.(type) {
	case *ast.MappingNode:
		if len(x.Values) > 0 && !x.IsFlowStyle {
			return x.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return x.Key.GetToken()
	}
	return n.GetToken()
}

// keysOf maps a struct's YAML keys to field indexes.
func keysOf(t reflect.Type) map[string]int {
	keys := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "" {
			keys[tag] = i
		}
	}
	return keys
}
