package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
)

// signatures is OPA's file of them.
const signatures = ".signatures.json"

// inspect walks an archive without keeping it, so that nothing is unpacked that is too large, and returns the signature's
// token: "" if there is none.
func inspect(archive []byte) (token string, err error) {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return "", fmt.Errorf("this is no bundle: %w", err)
	}
	limited := &io.LimitedReader{R: z, N: maxUnpacked}
	t := tar.NewReader(limited)
	for n := 0; ; n++ {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return token, nil
		case limited.N <= 0 || n > maxFiles || err == nil && h.Size > maxFile:
			return "", fmt.Errorf("the bundle is larger than %d MiB, or has more than %d files", maxUnpacked>>20, maxFiles)
		case err != nil:
			return "", fmt.Errorf("this is no bundle: %w", err)
		}
		if path.Base(h.Name) != signatures {
			continue
		}
		if token != "" {
			return "", errors.New("the bundle has two files of signatures")
		}
		if token, err = readToken(t); err != nil {
			return "", err
		}
	}
}

// maxToken bounds the file of signatures: it names every file of the bundle with a digest.
const maxToken = 32 << 20

func readToken(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxToken))
	if err != nil {
		return "", fmt.Errorf("%s of the bundle: %w", signatures, err)
	}
	var s struct {
		Signatures []string `json:"signatures"`
	}
	if err := json.Unmarshal(text, &s); err != nil || len(s.Signatures) != 1 || s.Signatures[0] == "" {
		return "", fmt.Errorf("%s of the bundle must hold one signature", signatures)
	}
	return s.Signatures[0], nil
}
