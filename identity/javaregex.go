package identity

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A pattern is a java.util.regex pattern that RE2 can run with the same result.
type pattern struct {
	whole *regexp.Regexp // matches all of a string
	find  *regexp.Regexp // the pattern itself
	next  *regexp.Regexp // any character, and then the pattern right behind it
	fold  bool           // ignores case somewhere
}

// compileJava translates a Java pattern. Java and RE2 mean the same by nearly everything that such rules use; the rest
// is translated where it has an equal and refused where it has none. What depends on line ends is settled by usable.
// One difference remains: before JDK 19 \b counts letters beyond ASCII as word characters.
func compileJava(source string) (*pattern, error) {
	t := translator{in: source}
	if err := t.run(); err != nil {
		return nil, err
	}
	translated := t.out.String()
	var p pattern
	for _, c := range []struct {
		re   **regexp.Regexp
		text string
	}{
		{&p.find, translated},
		{&p.whole, `\A(?:` + translated + `)\z`},
		{&p.next, `\A(?s:.)(?:` + translated + `)`},
	} {
		re, err := regexp.Compile(c.text)
		if err != nil {
			return nil, fmt.Errorf("not a pattern that Java and RE2 have in common: %w", err)
		}
		*c.re = re
	}
	p.fold = t.fold
	return &p, checkRepetitions(translated)
}

// usable refuses names on which the two would differ: line ends (which "." and "$" treat differently), and, where case
// is ignored, the two letters beyond ASCII that Unicode folds to ASCII ones and Java does not.
func (p *pattern) usable(dn string) error {
	if strings.ContainsAny(dn, "\n\r\u0085\u2028\u2029") {
		return fmt.Errorf("a line end in the distinguished name %q: mapping rules are not applied to it", dn)
	}
	if p.fold && strings.ContainsAny(dn, "\u017F\u212A") {
		return fmt.Errorf("a letter in the distinguished name %q that patterns with (?i) read in different ways", dn)
	}
	return nil
}

func (p *pattern) matches(dn string) bool { return p.whole.MatchString(dn) }

// replaceAll is Java's String.replaceAll. It differs from Go's in one thing: an empty match right behind another match
// counts, so that ".*" is replaced twice in every string.
func (p *pattern) replaceAll(dn string, replacement []part) string {
	var out strings.Builder
	copied := 0
	put := func(at []int) {
		out.WriteString(dn[copied:at[0]])
		for _, r := range replacement {
			switch {
			case r.group < 0:
				out.WriteString(r.literal)
			case at[2*r.group] >= 0:
				out.WriteString(dn[at[2*r.group]:at[2*r.group+1]])
			}
		}
		copied = at[1]
	}
	for _, at := range p.find.FindAllStringSubmatchIndex(dn, -1) {
		put(at)
		if at[0] < at[1] {
			if empty := p.emptyAt(dn, at[1]); empty != nil {
				put(empty)
			}
		}
	}
	return out.String() + dn[copied:]
}

// emptyAt is the match that starts at an offset above 0, if it is an empty one; with the character before it as context,
// which the pattern may look at (\b).
func (p *pattern) emptyAt(dn string, offset int) []int {
	_, size := utf8.DecodeLastRuneInString(dn[:offset])
	start := offset - size
	at := p.next.FindStringSubmatchIndex(dn[start:])
	if at == nil || at[1] != size {
		return nil
	}
	at[0] = size
	for i := range at {
		if at[i] >= 0 {
			at[i] += start
		}
	}
	return at
}

// translator walks through a Java pattern.
type translator struct {
	in    string
	at    int
	out   strings.Builder
	fold  bool
	class bool // inside […]
}

var (
	errNested     = errors.New(`a class inside a class, or "&&" in one, which RE2 has not`)
	errBackref    = errors.New("a backreference, which RE2 has not")
	errLookaround = errors.New("lookahead, lookbehind or an atomic group, which RE2 has not")
	errPossessive = errors.New("a possessive quantifier, which RE2 has not")
)

func (t *translator) run() error {
	for t.at < len(t.in) {
		var err error
		switch c := t.in[t.at]; {
		case c == '\\':
			err = t.escape()
		case t.class:
			err = t.inClass(c)
		case c == '[':
			err = t.openClass()
		case c == '(' && strings.HasPrefix(t.in[t.at:], "(?"):
			err = t.group()
		case c == '*' || c == '+' || c == '?':
			err = t.quantifier(1)
		case c == '{':
			err = t.quantifier(max(1, len(repetition.FindString(t.in[t.at:]))))
		default:
			t.copy(1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var repetition = regexp.MustCompile(`\A\{[0-9]+(,[0-9]*)?\}`)

// quantifier copies one of n bytes and the "?" that makes it reluctant.
func (t *translator) quantifier(n int) error {
	t.copy(n)
	switch {
	case strings.HasPrefix(t.in[t.at:], "+"):
		return errPossessive
	case strings.HasPrefix(t.in[t.at:], "?"):
		t.copy(1)
	}
	return nil
}

func (t *translator) copy(n int) {
	t.out.WriteString(t.in[t.at : t.at+n])
	t.at += n
}

func (t *translator) replace(n int, with string) {
	t.out.WriteString(with)
	t.at += n
}

func (t *translator) openClass() error {
	t.class = true
	t.copy(1)
	if strings.HasPrefix(t.in[t.at:], "^") {
		t.copy(1)
	}
	if strings.HasPrefix(t.in[t.at:], "]") {
		return errors.New(`"]" as the first character of a class: write \]`)
	}
	return nil
}

func (t *translator) inClass(c byte) error {
	switch {
	case c == '[' || strings.HasPrefix(t.in[t.at:], "&&"):
		return errNested
	case c == ']':
		t.class = false
	}
	t.copy(1)
	return nil
}

// group copies "(?:", "(?<name>" and flags that mean the same.
func (t *translator) group() error {
	rest := t.in[t.at+2:]
	switch {
	case strings.HasPrefix(rest, ":"):
		t.copy(3)
		return nil
	case strings.HasPrefix(rest, "=") || strings.HasPrefix(rest, "!") || strings.HasPrefix(rest, ">"),
		strings.HasPrefix(rest, "<=") || strings.HasPrefix(rest, "<!"):
		return errLookaround
	case strings.HasPrefix(rest, "<"):
		t.copy(3)
		return nil
	}
	end := strings.IndexAny(rest, ":)")
	if end < 0 {
		return errors.New("a group that does not end")
	}
	flags := rest[:end]
	for _, f := range flags {
		switch f {
		case 'i':
			t.fold = true
		case 'm', 's', '-':
		default:
			return fmt.Errorf("the flag %q, which Java and RE2 do not share", f)
		}
	}
	if t.fold && !ascii(t.in) {
		return errors.New("(?i) and characters beyond ASCII, whose case Java and RE2 treat differently")
	}
	t.copy(2 + end + 1)
	return nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] > 0x7F {
			return false
		}
	}
	return true
}

// posix are Java's \p{…} classes that RE2 does not know by that name, as they stand inside of brackets.
var posix = map[string]string{
	"Lower": `a-z`, "Upper": `A-Z`, "ASCII": `\x00-\x7F`, "Alpha": `a-zA-Z`, "Digit": `0-9`, "Alnum": `a-zA-Z0-9`,
	"Punct": "!-/:-@\\[-`{-~", "Graph": `!-~`, "Print": ` -~`, "Blank": ` \t`, "Cntrl": `\x00-\x1F\x7F`,
	"XDigit": `0-9a-fA-F`, "Space": ` \t\n\v\f\r`,
}

func (t *translator) escape() error {
	if t.at+1 == len(t.in) {
		return errors.New("a backslash at the end")
	}
	switch c := t.in[t.at+1]; c {
	case '1', '2', '3', '4', '5', '6', '7', '8', '9', 'k':
		return errBackref
	case '0', 'c', 'G', 'h', 'H', 'N', 'R', 'V', 'X', 'v', 'C':
		return fmt.Errorf(`\%c, which RE2 has not or reads differently`, c)
	case 'Q':
		return t.quoted()
	case 'Z': // the end, or before a last line end, of which there is none
		t.replace(2, `\z`)
	case 'e':
		t.replace(2, `\x1B`)
	case 's':
		t.replace(2, t.bracketed(posix["Space"], false))
	case 'S':
		if t.class {
			return errors.New(`\S inside a class`)
		}
		t.replace(2, t.bracketed(posix["Space"], true))
	case 'u':
		return t.unicode()
	case 'x':
		t.braced()
	case 'p', 'P':
		return t.property(c == 'P')
	default:
		t.copy(2)
	}
	return nil
}

func (t *translator) bracketed(set string, not bool) string {
	switch {
	case t.class:
		return set
	case not:
		return "[^" + set + "]"
	}
	return "[" + set + "]"
}

// quoted copies \Q…\E, quoted in RE2's way, since in it nothing has a meaning.
func (t *translator) quoted() error {
	if t.class {
		return errors.New(`\Q inside a class`)
	}
	text, _, closed := strings.Cut(t.in[t.at+2:], `\E`)
	n := 2 + len(text)
	if closed {
		n += 2
	}
	t.replace(n, regexp.QuoteMeta(text))
	return nil
}

func (t *translator) unicode() error {
	if len(t.in) < t.at+6 {
		return errors.New(`\u without four hexadecimal digits`)
	}
	t.replace(6, `\x{`+t.in[t.at+2:t.at+6]+`}`)
	return nil
}

// braced copies an escape and what stands in braces behind it.
func (t *translator) braced() {
	n := 2
	if rest := t.in[t.at+2:]; strings.HasPrefix(rest, "{") {
		if end := strings.IndexByte(rest, '}'); end > 0 {
			n += end + 1
		}
	}
	t.copy(n)
}

// property translates the POSIX names; for the others RE2 decides what it knows.
func (t *translator) property(not bool) error {
	rest := t.in[t.at+2:]
	name, _, closed := strings.Cut(strings.TrimPrefix(rest, "{"), "}")
	set, known := posix[name]
	switch {
	case !strings.HasPrefix(rest, "{") || !closed || !known:
		t.braced()
	case not && t.class:
		return fmt.Errorf(`\P{%s} inside a class`, name)
	default:
		t.replace(len(name)+4, t.bracketed(set, not))
	}
	return nil
}
