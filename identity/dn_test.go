package identity

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// certificates reads testdata/names.pem: subjects of every string type, with every kind of character to be escaped.
func certificates(t testing.TB) []*x509.Certificate {
	rest, err := os.ReadFile("testdata/names.pem")
	if err != nil {
		t.Fatal(err)
	}
	var all []*x509.Certificate
	for block, rest := pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// The golden holds what Java 25's X500Principal.getName() prints for each certificate's subject, as a JSON string.
func TestDNAsJava(t *testing.T) {
	golden, err := os.ReadFile("testdata/names.golden")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(golden)) {
		var name string
		if err := json.Unmarshal([]byte(line), &name); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
	}
	var got []string
	for _, c := range certificates(t) {
		name, err := DN(c.RawSubject)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-Java +got):\n%s", diff)
	}
}

func FuzzDN(f *testing.F) {
	for _, c := range certificates(f) {
		f.Add(c.RawSubject)
	}
	f.Fuzz(func(t *testing.T, der []byte) { DN(der) })
}
