package identity

import (
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	chromeCiphers    = "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"
	chromeExtensions = "001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015"
	chromeSchemes    = "0403,0804,0401,0503,0805,0501,0806,0601"
)

// The vectors are published ones: the example of FoxIO's description, and the lists and results (JA4_r, JA4) that
// FoxIO's program prints for captures of the same repository.
func TestJA4Vectors(t *testing.T) {
	tests := []struct {
		name                         string
		ciphers, extensions, schemes string
		versions                     []uint16
		protocols                    []string
		want                         string
	}{
		{"the description's example", chromeCiphers, chromeExtensions, chromeSchemes,
			[]uint16{0x0304, 0x0303}, []string{"h2", "http/1.1"}, "t13d1516h2_8daaf6152771_e5627efa2ab1"},
		{"with GREASE everywhere", "0a0a," + chromeCiphers, "fafa," + chromeExtensions + ",1a1a", "2a2a," + chromeSchemes,
			[]uint16{0xdada, 0x0304, 0x0303}, []string{"h2"}, "t13d1516h2_8daaf6152771_e5627efa2ab1"},
		{"tls-handshake.pcapng: http/1.1", chromeCiphers, chromeExtensions, chromeSchemes,
			[]uint16{0x0304}, []string{"http/1.1"}, "t13d1516h1_8daaf6152771_e5627efa2ab1"},
		{"tls-handshake.pcapng: no ALPN", chromeCiphers, "0000,0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,ff01",
			chromeSchemes, []uint16{0x0304}, nil, "t13d151400_8daaf6152771_de4a06bb82e3"},
		{"tls3.pcapng: resumption", chromeCiphers, "0000,0010,0005,000a,000b,000d,0012,0017,001b,0023,0029,002b,002d,0033,4469,ff01",
			chromeSchemes, []uint16{0x0304}, []string{"h2"}, "t13d1516h2_8daaf6152771_9b887d9acb53"},
		{"tls12.pcap", "002f,0035,009c,009d,1301,1302,1303,c009,c00a,c013,c014,c02b,c02c,c02f,c030,cca8,cca9",
			"0000,0010,0005,000a,000b,000d,0015,0017,001c,0022,0023,002b,002d,0033,ff01",
			"0403,0503,0603,0804,0805,0806,0401,0501,0601,0203,0201",
			[]uint16{0x0304}, []string{"h2"}, "t13d1715h2_5b57614c22b0_3d5424432f57"},
		{"latest.pcapng: TLS 1.2", "000a,002f,0035,003c,003d,009c,009d,c009,c00a,c013,c014,c023,c024,c027,c028,c02b,c02c,c02f,c030",
			"0000,0005,000a,000b,000d,0017,0023,ff01", "0804,0805,0806,0401,0501,0201,0403,0503,0203,0202,0601,0603",
			[]uint16{0x0303, 0x0302, 0x0301}, nil, "t12d190800_d83cc789557e_7af1ed941c26"},
		{"no signature algorithms", chromeCiphers, chromeExtensions, "",
			[]uint16{0x0304}, []string{"h2"}, "t13d1516h2_8daaf6152771_6d807ffa2a79"},
		{"nothing", "", "", "", nil, nil, "t00i000000_000000000000_000000000000"},
	}
	for _, test := range tests {
		h := &tls.ClientHelloInfo{
			CipherSuites:      codes[uint16](test.ciphers),
			Extensions:        codes[uint16](test.extensions),
			SignatureSchemes:  codes[tls.SignatureScheme](test.schemes),
			SupportedVersions: test.versions,
			SupportedProtos:   test.protocols,
		}
		if got := JA4(h); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if len(h.CipherSuites) > 0 && h.CipherSuites[len(h.CipherSuites)-1] != codes[uint16](test.ciphers)[len(h.CipherSuites)-1] {
			t.Errorf("%s: sorted the caller's list", test.name)
		}
	}
}

func codes[T ~uint16](list string) []T {
	var all []T
	for s := range strings.SplitSeq(list, ",") {
		if n, err := strconv.ParseUint(s, 16, 16); err == nil {
			all = append(all, T(n))
		}
	}
	return all
}

// The examples of the description.
func TestJA4ALPN(t *testing.T) {
	for protocol, want := range map[string]string{
		"": "00", "h2": "h2", "http/1.1": "h1", "x": "xx",
		"\xAB": "ab", "\xAB\xCD": "ad", "\x30\xAB": "3b", "\x30\x31\xAB\xCD": "3d", "\x30\xAB\xCD\x31": "01",
	} {
		if got := ja4ALPN(protocol); got != want {
			t.Errorf("%q: got %s, want %s", protocol, got, want)
		}
	}
}

func TestJA4Counts(t *testing.T) {
	h := &tls.ClientHelloInfo{CipherSuites: make([]uint16, 150), Extensions: make([]uint16, 150)}
	for i := range 150 {
		h.CipherSuites[i], h.Extensions[i] = uint16(i), uint16(i)
	}
	if got := JA4(h); !strings.HasPrefix(got, "t00d999900_") {
		t.Errorf("got %s", got)
	}
}

// What crypto/tls shows of a real hello has all of the fingerprint's parts.
func TestJA4OfAHandshake(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	hello := make(chan string, 1)
	go func() {
		c := tls.Client(client, &tls.Config{ServerName: "kafka.example.com", NextProtos: []string{"kafka"}})
		c.SetDeadline(time.Now().Add(10 * time.Second))
		c.Handshake()
		client.Close()
	}()
	tls.Server(server, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		hello <- JA4(h)
		return nil, net.ErrClosed
	}}).Handshake()
	got := <-hello
	if !strings.HasPrefix(got, "t13d") || !strings.Contains(got, "ka_") || strings.Contains(got, "000000000000") {
		t.Errorf("got %s", got)
	}
}

func FuzzJA4(f *testing.F) {
	f.Add("h2", uint16(0x1301), uint16(0x0a0a), uint16(0x0304))
	f.Fuzz(func(t *testing.T, protocol string, cipher, extension, version uint16) {
		got := JA4(&tls.ClientHelloInfo{
			CipherSuites:      []uint16{cipher},
			Extensions:        []uint16{extension},
			SupportedVersions: []uint16{version},
			SupportedProtos:   []string{protocol},
		})
		if len(got) != 36 {
			t.Errorf("%q: %d characters", got, len(got))
		}
	})
}
