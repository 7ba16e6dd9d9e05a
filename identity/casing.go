package identity

import (
	"strings"
	"unicode"
)

// javaUpper is Java's toUpperCase(Locale.ENGLISH). Other than Go's it knows the letters that become several.
func javaUpper(s string) string { return strings.ToUpper(severalUpper.Replace(s)) }

// javaLower is Java's toLowerCase(Locale.ENGLISH). Other than Go's it knows \u0130, and the sigma at a word's end.
func javaLower(s string) string {
	if !strings.ContainsAny(s, "\u0130\u03A3") {
		return strings.ToLower(s)
	}
	runes := []rune(s)
	var out strings.Builder
	for i, r := range runes {
		switch {
		case r == '\u0130':
			out.WriteString("i\u0307")
		case r == '\u03A3' && finalSigma(runes, i):
			out.WriteRune('\u03C2')
		default:
			out.WriteRune(unicode.ToLower(r))
		}
	}
	return out.String()
}

// finalSigma says that a letter stands before and none behind, of what has a case and past what has none to speak of
// (Unicode, SpecialCasing: Final_Sigma).
func finalSigma(runes []rune, at int) bool {
	before, behind := false, false
	for i := at - 1; i >= 0; i-- {
		if !ignorable(runes[i]) {
			before = cased(runes[i])
			break
		}
	}
	for i := at + 1; i < len(runes); i++ {
		if !ignorable(runes[i]) {
			behind = cased(runes[i])
			break
		}
	}
	return before && !behind
}

func cased(r rune) bool {
	return unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r)
}

func ignorable(r rune) bool {
	return strings.ContainsRune("'.:\u00B7\u2019\u2018\u2024\u2027", r) ||
		unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}

// severalUpper holds the letters whose upper case is more than one (Unicode, SpecialCasing, without conditions).
var severalUpper = strings.NewReplacer(
	"\u00DF", "SS", "\u0149", "\u02BCN", "\u01F0", "J\u030C", "\u0390", "\u0399\u0308\u0301",
	"\u03B0", "\u03A5\u0308\u0301", "\u0587", "\u0535\u0552", "\u1E96", "H\u0331", "\u1E97", "T\u0308",
	"\u1E98", "W\u030A", "\u1E99", "Y\u030A", "\u1E9A", "A\u02BE", "\u1F50", "\u03A5\u0313",
	"\u1F52", "\u03A5\u0313\u0300", "\u1F54", "\u03A5\u0313\u0301", "\u1F56", "\u03A5\u0313\u0342",
	"\u1F80", "\u1F08\u0399", "\u1F81", "\u1F09\u0399", "\u1F82", "\u1F0A\u0399", "\u1F83", "\u1F0B\u0399",
	"\u1F84", "\u1F0C\u0399", "\u1F85", "\u1F0D\u0399", "\u1F86", "\u1F0E\u0399", "\u1F87", "\u1F0F\u0399",
	"\u1F88", "\u1F08\u0399", "\u1F89", "\u1F09\u0399", "\u1F8A", "\u1F0A\u0399", "\u1F8B", "\u1F0B\u0399",
	"\u1F8C", "\u1F0C\u0399", "\u1F8D", "\u1F0D\u0399", "\u1F8E", "\u1F0E\u0399", "\u1F8F", "\u1F0F\u0399",
	"\u1F90", "\u1F28\u0399", "\u1F91", "\u1F29\u0399", "\u1F92", "\u1F2A\u0399", "\u1F93", "\u1F2B\u0399",
	"\u1F94", "\u1F2C\u0399", "\u1F95", "\u1F2D\u0399", "\u1F96", "\u1F2E\u0399", "\u1F97", "\u1F2F\u0399",
	"\u1F98", "\u1F28\u0399", "\u1F99", "\u1F29\u0399", "\u1F9A", "\u1F2A\u0399", "\u1F9B", "\u1F2B\u0399",
	"\u1F9C", "\u1F2C\u0399", "\u1F9D", "\u1F2D\u0399", "\u1F9E", "\u1F2E\u0399", "\u1F9F", "\u1F2F\u0399",
	"\u1FA0", "\u1F68\u0399", "\u1FA1", "\u1F69\u0399", "\u1FA2", "\u1F6A\u0399", "\u1FA3", "\u1F6B\u0399",
	"\u1FA4", "\u1F6C\u0399", "\u1FA5", "\u1F6D\u0399", "\u1FA6", "\u1F6E\u0399", "\u1FA7", "\u1F6F\u0399",
	"\u1FA8", "\u1F68\u0399", "\u1FA9", "\u1F69\u0399", "\u1FAA", "\u1F6A\u0399", "\u1FAB", "\u1F6B\u0399",
	"\u1FAC", "\u1F6C\u0399", "\u1FAD", "\u1F6D\u0399", "\u1FAE", "\u1F6E\u0399", "\u1FAF", "\u1F6F\u0399",
	"\u1FB2", "\u1FBA\u0399", "\u1FB3", "\u0391\u0399", "\u1FB4", "\u0386\u0399", "\u1FB6", "\u0391\u0342",
	"\u1FB7", "\u0391\u0342\u0399", "\u1FBC", "\u0391\u0399", "\u1FC2", "\u1FCA\u0399", "\u1FC3", "\u0397\u0399",
	"\u1FC4", "\u0389\u0399", "\u1FC6", "\u0397\u0342", "\u1FC7", "\u0397\u0342\u0399", "\u1FCC", "\u0397\u0399",
	"\u1FD2", "\u0399\u0308\u0300", "\u1FD3", "\u0399\u0308\u0301", "\u1FD6", "\u0399\u0342",
	"\u1FD7", "\u0399\u0308\u0342", "\u1FE2", "\u03A5\u0308\u0300", "\u1FE3", "\u03A5\u0308\u0301",
	"\u1FE4", "\u03A1\u0313", "\u1FE6", "\u03A5\u0342", "\u1FE7", "\u03A5\u0308\u0342", "\u1FF2", "\u1FFA\u0399",
	"\u1FF3", "\u03A9\u0399", "\u1FF4", "\u038F\u0399", "\u1FF6", "\u03A9\u0342", "\u1FF7", "\u03A9\u0342\u0399",
	"\u1FFC", "\u03A9\u0399", "\uFB00", "FF", "\uFB01", "FI", "\uFB02", "FL", "\uFB03", "FFI", "\uFB04", "FFL",
	"\uFB05", "ST", "\uFB06", "ST", "\uFB13", "\u0544\u0546", "\uFB14", "\u0544\u0535", "\uFB15", "\u0544\u053B",
	"\uFB16", "\u054E\u0546", "\uFB17", "\u0544\u053D",
)
