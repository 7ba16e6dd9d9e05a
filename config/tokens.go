package config

import (
	"encoding/hex"
	"fmt"
	"os"
)

// A Token is one entry of the admin API's tokens file: who, what for, and the SHA-256 of the token, never the token.
type Token struct {
	Name   string `yaml:"name"`
	SHA256 string `yaml:"sha256"`
	Role   Role   `yaml:"role"`

	Sum [32]byte // SHA256, decoded
}

// LoadTokens reads and checks a tokens file: a YAML list of name, sha256 and role.
func LoadTokens(file string) ([]Token, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the tokens: %w", err)
	}
	s := newSource(file, text)
	var tokens []Token
	decode(s, text, &tokens, os.LookupEnv)
	names, sums := map[string]bool{}, map[[32]byte]bool{}
	for i := range tokens {
		t, path := &tokens[i], fmt.Sprintf("[%d]", i)
		sum, err := hex.DecodeString(t.SHA256)
		if err != nil || len(sum) != len(t.Sum) {
			s.fail(path+".sha256", "must be the SHA-256 of the token, 64 hex digits: printf %%s TOKEN | sha256sum")
		}
		copy(t.Sum[:], sum)
		if t.Name == "" {
			s.fail(path+".name", "is required: records name who called")
		} else if names[t.Name] {
			s.fail(path+".name", "another token is named %q: names must differ", t.Name)
		}
		if sums[t.Sum] {
			s.fail(path+".sha256", "is the same as another token's: give each caller a token of its own")
		}
		if !t.Role.Valid() {
			s.fail(path+".role", "%q must be viewer, responder, operator or payload", t.Role)
		}
		names[t.Name], sums[t.Sum] = true, true
	}
	if err := s.err(); err != nil {
		return nil, err
	}
	return tokens, nil
}
