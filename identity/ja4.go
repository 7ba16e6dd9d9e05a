package identity

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// TLS extensions that JA4 treats apart.
const (
	extServerName = 0x0000
	extALPN       = 0x0010
)

// JA4 is the fingerprint of a TLS client over TCP, such as t13d1516h2_8daaf6152771_e5627efa2ab1, by FoxIO's description
// (github.com/FoxIO-LLC/ja4, technical_details/JA4.md).
//
// It is taken from what crypto/tls shows of the ClientHello. That lacks nothing that JA4 needs but this: without the
// extension supported_versions, Go shows the versions that it derives from the legacy field, of which SSL 3.0 and
// anything unknown are missing (they fail the handshake anyway, "00" here); the signature algorithms of a hello whose
// extension is empty are those of one without it. QUIC and DTLS do not come here. Where the description and FoxIO's own
// programs part (an ALPN value outside of letters and digits) the description counts.
func JA4(h *tls.ClientHelloInfo) string {
	ciphers := withoutGREASE(h.CipherSuites)
	extensions := withoutGREASE(h.Extensions)
	sni := byte('i')
	if slices.Contains(extensions, extServerName) {
		sni = 'd'
	}
	alpn := ""
	if len(h.SupportedProtos) > 0 {
		alpn = h.SupportedProtos[0]
	}
	head := fmt.Sprintf("t%s%c%02d%02d%s", ja4Version(h.SupportedVersions), sni,
		min(len(ciphers), 99), min(len(extensions), 99), ja4ALPN(alpn))
	return head + "_" + hash12(ja4Ciphers(ciphers)) + "_" + hash12(ja4Extensions(extensions, h.SignatureSchemes))
}

func ja4Ciphers(ciphers []uint16) string {
	slices.Sort(ciphers)
	return hexList(ciphers)
}

// ja4Extensions lists the extensions, sorted, without those that the head speaks of, and then the signature algorithms
// in the client's order.
func ja4Extensions(extensions []uint16, schemes []tls.SignatureScheme) string {
	extensions = slices.DeleteFunc(extensions, func(e uint16) bool { return e == extServerName || e == extALPN })
	slices.Sort(extensions)
	list := hexList(extensions)
	if algorithms := withoutGREASE(schemes); len(algorithms) > 0 && list != "" {
		list += "_" + hexList(algorithms)
	}
	return list
}

func ja4Version(versions []uint16) string {
	highest := uint16(0)
	for _, v := range versions {
		if !grease(v) {
			highest = max(highest, v)
		}
	}
	switch highest {
	case tls.VersionTLS13:
		return "13"
	case tls.VersionTLS12:
		return "12"
	case tls.VersionTLS11:
		return "11"
	case tls.VersionTLS10:
		return "10"
	case 0x0300:
		return "s3"
	}
	return "00"
}

// ja4ALPN is the first and the last character of the first protocol, in hexadecimal if either is neither letter nor
// digit.
func ja4ALPN(protocol string) string {
	if protocol == "" {
		return "00"
	}
	if !alphanumeric(protocol[0]) || !alphanumeric(protocol[len(protocol)-1]) {
		protocol = hex.EncodeToString([]byte(protocol))
	}
	return protocol[:1] + protocol[len(protocol)-1:]
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// grease tells the reserved values 0x0A0A, 0x1A1A, … 0xFAFA (RFC 8701).
func grease[T ~uint16](v T) bool { return v&0x0F0F == 0x0A0A && v>>8 == v&0xFF }

func withoutGREASE[T ~uint16](values []T) []T {
	kept := make([]T, 0, len(values))
	for _, v := range values {
		if !grease(v) {
			kept = append(kept, v)
		}
	}
	return kept
}

func hexList[T ~uint16](values []T) string {
	var out strings.Builder
	for i, v := range values {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, "%04x", uint16(v))
	}
	return out.String()
}

// hash12 is the first twelve characters of the SHA-256, zeros for nothing.
func hash12(s string) string {
	if s == "" {
		return "000000000000"
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
