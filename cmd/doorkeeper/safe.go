package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// safe makes text harmless for a terminal: what is not printable (control characters, escape sequences, bidirectional
// overrides, bytes that are not UTF-8) is shown as a \u escape, as in JSON, so that JSON stays the same JSON. Line
// breaks and tabs stay: only whole texts of our own have them.
func safe(s string) string { return escape(s, "\n\t") }

// cell is safe for a field of a table: line breaks and tabs go too.
func cell(s string) string { return escape(s, "") }

func escape(s, keep string) string {
	if printable(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(`\ufffd`)
		case unicode.IsPrint(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return b.String()
}

// printable says that s is printable ASCII, which nearly everything is.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// A safeWriter makes what goes through it harmless, line by line or in any other whole pieces.
type safeWriter struct{ to io.Writer }

func (w *safeWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.to, safe(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
