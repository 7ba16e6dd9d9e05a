package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// A printer writes to people. Colour only where asked for; names from the wire come in quoted form if they hold
// anything but printable characters.
type printer struct {
	w      io.Writer
	colour bool
}

func (p printer) paint(code, s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p printer) bold(s string) string { return p.paint("1", s) }
func (p printer) dim(s string) string  { return p.paint("2", s) }
func (p printer) red(s string) string  { return p.paint("1;31", s) }

func (p printer) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

// heading opens a part of the story.
func (p printer) heading(n int, s string) {
	p.line("\n%s  %s", p.bold(fmt.Sprintf("%d", n)), p.bold(s))
}

// text writes sentences, indented and wrapped so that they fit a terminal of 80 columns.
func (p printer) text(s string) {
	for _, line := range wrap(s) {
		p.line("   %s", line)
	}
}

// alarm is text that stands out.
func (p printer) alarm(s string) {
	for _, line := range wrap(s) {
		p.line("   %s", p.red(line))
	}
}

func wrap(s string) (lines []string) {
	const width = 76
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

// table writes rows under a header, columns aligned. Rows for which mark is true stand out.
func (p printer) table(header []string, rows [][]string, mark func(row int) bool) {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(header, "\t"))
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	_ = t.Flush() // into a strings.Builder: cannot fail
	for i, l := range strings.Split(strings.TrimRight(b.String(), "\n"), "\n") {
		l = strings.TrimRight(l, " ")
		switch {
		case i == 0:
			l = p.dim(l)
		case mark != nil && mark(i-1):
			l = p.red(l)
		}
		p.line("   %s", l)
	}
}

// count prints a number with thousands apart.
func count(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// bytes prints a size in units of 1024.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
