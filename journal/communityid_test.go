package journal

import (
	"net/netip"
	"testing"
)

// TestCommunityID holds against published values: the first two from the reference implementation's README and tests
// (corelight/pycommunityid), the third from Zeek's own test of community_id_v1.
func TestCommunityID(t *testing.T) {
	for _, v := range []struct{ a, b, want string }{
		{"128.232.110.120:34855", "66.35.250.204:80", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"[2001:470:e5bf:dead:4957:2174:e82c:4887]:63943", "[2607:f8b0:400c:c03::1a]:25", "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
		{"1.2.3.4:1122", "5.6.7.8:3344", "1:wCb3OG7yAFWelaUydu0D+125CLM="},
		{"[::ffff:1.2.3.4]:1122", "5.6.7.8:3344", "1:wCb3OG7yAFWelaUydu0D+125CLM="}, // as a dual-stack socket sees it
	} {
		a, b := netip.MustParseAddrPort(v.a), netip.MustParseAddrPort(v.b)
		if got := communityID(a, b); got != v.want {
			t.Errorf("%s to %s: %s, want %s", v.a, v.b, got, v.want)
		}
		if got := communityID(b, a); got != v.want {
			t.Errorf("%s to %s: %s, want %s", v.b, v.a, got, v.want)
		}
	}
	if got := communityID(netip.MustParseAddrPort("1.2.3.4:5"), netip.AddrPort{}); got != "" {
		t.Errorf("half a connection: %s", got)
	}
	port := netip.MustParseAddrPort
	if communityID(port("10.0.0.1:1"), port("10.0.0.1:2")) != communityID(port("10.0.0.1:2"), port("10.0.0.1:1")) {
		t.Error("equal addresses are not ordered by their ports")
	}
}
