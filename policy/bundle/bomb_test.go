package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"strconv"
	"testing"
)

// bomb returns an archive of zeros: small, and larger unpacked than is allowed.
func bomb(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for i := range 5 {
		const size = maxFile - 1
		if err := w.WriteHeader(&tar.Header{Name: "/data" + strconv.Itoa(i) + ".bin", Size: size, Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(w, zeros{}, size); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
