package journal

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
)

// protocolTCP is IP's number of TCP.
const protocolTCP = 6

// communityID is the Community ID v1 (github.com/corelight/community-id-spec), seed 0, of a TCP connection: the same
// from either end, and the same in Zeek, Suricata and whatever else watches the network. It is "" where an address is
// not known.
//
// SHA-1 is the specification's; nothing is protected by it.
func communityID(a, b netip.AddrPort) string {
	if !a.IsValid() || !b.IsValid() {
		return ""
	}
	a, b = ordered(a, b)
	buf := make([]byte, 0, 2+16+16+2+4)
	buf = binary.BigEndian.AppendUint16(buf, 0) // seed
	buf = append(buf, a.Addr().AsSlice()...)
	buf = append(buf, b.Addr().AsSlice()...)
	buf = append(buf, protocolTCP, 0)
	buf = binary.BigEndian.AppendUint16(buf, a.Port())
	buf = binary.BigEndian.AppendUint16(buf, b.Port())
	sum := sha1.Sum(buf)
	return "1:" + base64.StdEncoding.EncodeToString(sum[:])
}

// ordered puts the end with the lower address first, between equal ones that with the lower port.
func ordered(a, b netip.AddrPort) (netip.AddrPort, netip.AddrPort) {
	a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	b = netip.AddrPortFrom(b.Addr().Unmap(), b.Port())
	order := bytes.Compare(a.Addr().AsSlice(), b.Addr().AsSlice())
	if order > 0 || order == 0 && a.Port() > b.Port() {
		return b, a
	}
	return a, b
}
