package quarantine

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"

	"doorkeeper/access"

	"github.com/oklog/ulid/v2"
)

// Bounds of what a quarantine may say, in bytes and entries.
const (
	maxText = 1024 // as much as is kept of a client id
	maxList = 100
)

var (
	topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)
	ja4Word   = regexp.MustCompile(`^[a-z0-9]{10}_[0-9a-f]{12}_[0-9a-f]{12}$`)
)

// Check says what is wrong with a quarantine, or what in it could never be true.
func (q *Quarantine) Check() error {
	if q == nil {
		return errors.New("it is empty")
	}
	if _, err := ulid.ParseStrict(q.ID); err != nil {
		return fmt.Errorf("id %q: it must be a ULID", q.ID)
	}
	if q.Principal == "" && len(q.Sources) == 0 && q.ClientID == "" && q.Certificate == "" && q.JA4 == "" && q.Session == "" {
		return errors.New("no condition: give at least one of principal, source, client id, certificate, ja4, session")
	}
	for what, text := range map[string]string{"principal": q.Principal, "client id": q.ClientID, "reason": q.Reason, "actor": q.Actor} {
		if len(text) > maxText || !utf8.ValidString(text) {
			return fmt.Errorf("%s: more than %d bytes, or not UTF-8", what, maxText)
		}
	}
	if strings.TrimSpace(q.Reason) == "" {
		return errors.New("reason: say why; people will ask")
	}
	return errors.Join(checkPrincipal(q.Principal), q.checkFacts(), q.checkScope(), q.checkTimes())
}

func checkPrincipal(p string) error {
	if typ, name, ok := strings.Cut(p, ":"); p != "" && (!ok || typ == "" || name == "") {
		return fmt.Errorf("principal %q: write it with its type, as in User:erp", p)
	}
	return nil
}

// checkFacts looks at what is compared with facts of connections, in the form that those have.
func (q *Quarantine) checkFacts() error {
	for _, list := range [][]netip.Prefix{q.Sources, q.ExceptSources} {
		if len(list) > maxList {
			return fmt.Errorf("source: more than %d", maxList)
		}
		for _, p := range list {
			if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() {
				return fmt.Errorf("source %s: it must be a prefix, as in 10.0.0.0/8", p)
			}
		}
	}
	if sum, err := hex.DecodeString(q.Certificate); q.Certificate != "" && (err != nil || len(sum) != 32 || strings.ToLower(q.Certificate) != q.Certificate) {
		return fmt.Errorf("certificate %q: it must be the SHA-256 of the certificate, 64 digits in hex", q.Certificate)
	}
	if q.JA4 != "" && !ja4Word.MatchString(q.JA4) {
		return fmt.Errorf("ja4 %q: it must look like t13d1516h2_8daaf6152771_02713d6af862", q.JA4)
	}
	if _, err := ulid.ParseStrict(q.Session); q.Session != "" && (err != nil || strings.ToUpper(q.Session) != q.Session) {
		return fmt.Errorf("session %q: it must be a ULID, as doorkeeper sessions shows it", q.Session)
	}
	return nil
}

func (q *Quarantine) checkScope() error {
	if len(q.Operations) > maxList || len(q.Topics) > maxList {
		return fmt.Errorf("more than %d operations or topics", maxList)
	}
	for _, o := range q.Operations {
		if _, err := access.ParseOperation(o.String()); err != nil {
			return err
		}
	}
	for _, t := range q.Topics {
		if !topicName.MatchString(t) || t == "." || t == ".." {
			return fmt.Errorf("topic %q: it must be a whole name; there are no wildcards here", t)
		}
	}
	return nil
}

func (q *Quarantine) checkTimes() error {
	if !q.Until.IsZero() && !q.From.Before(q.Until) {
		return errors.New("it ends before it begins")
	}
	return nil
}

// ParseSource reads a prefix (10.0.0.0/8) or an address, which stands for itself alone. An IPv4 address written as IPv6
// (::ffff:10.0.0.1) is the IPv4 address, as it is where connections come from one.
func ParseSource(text string) (netip.Prefix, error) {
	wrong := fmt.Errorf("source %q: write an address, or a prefix as in 10.0.0.0/8", text)
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, wrong
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, wrong
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, fmt.Errorf("source %q: it would hold IPv4 and IPv6 addresses: write two prefixes", text)
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// ParseCertificate reads a SHA-256 fingerprint in the forms that tools print it: hex in any case, with or without colons.
func ParseCertificate(text string) string {
	return strings.ToLower(strings.ReplaceAll(text, ":", ""))
}
