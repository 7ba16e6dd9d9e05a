package identity

import (
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// attribute is one AttributeTypeAndValue of a name. Its value stays DER: some forms print it as it is.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// The suffix SET is how encoding/asn1 is told that a slice is one.
type relativeNameSET []attribute

// keywords are the types that RFC 2253 has names for, as Java knows them. Others print as numbers, with the value in
// hexadecimal, be it text or not.
var keywords = map[string]string{
	"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET", "2.5.4.10": "O",
	"2.5.4.11": "OU", "0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID",
}

// DN prints a distinguished name from its DER (x509.Certificate.RawSubject, RawIssuer) as Java's
// X500Principal.getName() does, which is what Kafka's mapping rules see: RFC 2253, the last part first, no spaces.
//
// T61String and BMPString are read as Latin-1 and UTF-16, as Java 25 does; Java 17 reads them as UTF-8, which differs
// beyond ASCII and, for BMPString, also within.
func DN(der []byte) (string, error) {
	var parts []relativeNameSET
	rest, err := asn1.Unmarshal(der, &parts)
	if err != nil {
		return "", fmt.Errorf("distinguished name: %w", err)
	}
	if len(rest) > 0 {
		return "", errors.New("distinguished name: bytes behind it")
	}
	var out strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		if i < len(parts)-1 {
			out.WriteByte(',')
		}
		for j, a := range parts[i] {
			if j > 0 {
				out.WriteByte('+')
			}
			a.print(&out)
		}
	}
	return out.String(), nil
}

func (a attribute) print(out *strings.Builder) {
	oid := a.Type.String()
	text, ok := a.text()
	keyword, known := keywords[oid]
	switch {
	case !known:
		out.WriteString(oid + "=#" + hex.EncodeToString(a.Value.FullBytes))
	case !ok:
		out.WriteString(keyword + "=#" + hex.EncodeToString(a.Value.FullBytes))
	default:
		out.WriteString(keyword + "=")
		escapeValue(out, text)
	}
}

// text decodes the string types that Java prints as text. Universal and numeric strings are not among them.
func (a attribute) text() (string, bool) {
	b := a.Value.Bytes
	if a.Value.Class != asn1.ClassUniversal || a.Value.IsCompound {
		return "", false
	}
	switch a.Value.Tag {
	case asn1.TagUTF8String:
		return strings.ToValidUTF8(string(b), "\uFFFD"), true
	case asn1.TagPrintableString, asn1.TagIA5String, asn1.TagT61String, asn1.TagGeneralString:
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		return string(runes), true
	case asn1.TagBMPString:
		units := make([]uint16, 0, len(b)/2+1)
		for ; len(b) >= 2; b = b[2:] {
			units = append(units, uint16(b[0])<<8|uint16(b[1]))
		}
		if len(b) > 0 {
			units = append(units, utf8.RuneError)
		}
		return string(utf16.Decode(units)), true
	}
	return "", false
}

// escapeValue puts a backslash before ,=+<>#;"\ anywhere and before spaces and carriage returns at both ends, and writes
// NUL as \00. Everything else stands for itself.
func escapeValue(out *strings.Builder, s string) {
	const ends = " \r"
	lead := len(s) - len(strings.TrimLeft(s, ends))
	trail := len(strings.TrimRight(s, ends))
	for i, r := range s {
		switch {
		case r == 0:
			out.WriteString(`\00`)
			continue
		case strings.ContainsRune(`,=+<>#;"\`, r), i < lead, i >= trail:
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
}
