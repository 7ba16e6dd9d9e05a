package quarantine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"doorkeeper/internal/register"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestStoreSurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quarantine")
	s := open(t, path)
	if s.Set() != nil || len(s.All()) != 0 {
		t.Fatal("a new store is not empty")
	}
	full := of(t, "principal=User:erp source=10.0.0.0/8 except=10.1.0.0/16 client=x certificate="+aCert+" ja4="+aJA4+" session="+aSession+" operation=READ topic=t")
	full.Until = full.From.Add(time.Hour)
	bare := of(t, "id=01JD0000000000000000000002 source=2001:db8::/32")
	for _, q := range []*Quarantine{full, bare} {
		if err := s.Add(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	again := open(t, path)
	if diff := cmp.Diff(s.All(), again.All(), cmpopts.EquateComparable(full.Sources[0])); diff != "" {
		t.Error(diff)
	}
	who := erp("10.2.0.0")
	who.Principal = "User:other"
	if again.Set().Bars(&who) != nil {
		t.Error("a stranger is barred")
	}
	if who.Source = bare.Sources[0].Addr(); again.Set().Bars(&who) != again.All()[1] {
		t.Error("what was kept does not hold")
	}
}

func TestStoreChanges(t *testing.T) {
	s := open(t, "")
	who := erp("10.1.2.3")
	q := of(t, "principal=User:erp")
	before := s.Epoch()
	if err := s.Add(q); err != nil {
		t.Fatal(err)
	}
	if s.Set().Bars(&who) != q || s.Epoch() == before {
		t.Error("it does not hold at once")
	}
	if err := s.Add(q); !errors.Is(err, register.ErrExists) {
		t.Error("the same id twice:", err)
	}
	if _, err := s.Lift("01JD00000000000000000000ZZ"); !errors.Is(err, register.ErrUnknown) {
		t.Error("lifting what is not there:", err)
	}
	before = s.Epoch()
	if got, err := s.Lift(q.ID); err != nil || got != q {
		t.Error(got, err)
	}
	if s.Set() != nil || s.Epoch() == before {
		t.Error("it holds after it was lifted")
	}
	bad := of(t, "principal=User:erp")
	bad.Reason = ""
	if s.Add(bad) == nil || s.Set() != nil {
		t.Error("a wrong one is taken")
	}
}

func TestExpire(t *testing.T) {
	s := open(t, "")
	short := of(t, "principal=User:erp")
	short.Until = short.From.Add(time.Minute)
	long := of(t, "id=01JD0000000000000000000002 principal=User:erp")
	for _, q := range []*Quarantine{short, long} {
		if err := s.Add(q); err != nil {
			t.Fatal(err)
		}
	}
	epoch := s.Epoch()
	if got := s.Expire(short.Until.Add(-time.Nanosecond)); got != nil || s.Epoch() != epoch {
		t.Errorf("%v ended early", got)
	}
	if got := s.Expire(short.Until); len(got) != 1 || got[0] != short {
		t.Errorf("%v ended", got)
	}
	if all := s.All(); len(all) != 1 || all[0] != long || s.Epoch() == epoch {
		t.Errorf("%v is left", all)
	}
}

// A file that is not exactly what was written keeps the proxy from starting: it may be the condition that matters.
func TestBadFileIsRefused(t *testing.T) {
	const good = `{"version":1,"entries":[{"id":"` + anID + `","principal":"User:erp","reason":"r","actor":"a","from":"2026-11-23T03:00:00Z"}]}`
	try := func(text string) error {
		path := filepath.Join(t.TempDir(), "quarantine")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Error("the error does not name the file:", err)
		}
		return err
	}
	if err := try(good); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty":            "",
		"cut":              good[:len(good)-10],
		"more behind":      good + "{}",
		"other version":    strings.Replace(good, `"version":1`, `"version":2`, 1),
		"no version":       strings.Replace(good, `"version":1,`, ``, 1),
		"unknown key":      strings.Replace(good, `"principal"`, `"principle"`, 1),
		"unknown on top":   strings.Replace(good, `"version":1`, `"version":1,"x":1`, 1),
		"no condition":     strings.Replace(good, `"principal":"User:erp",`, ``, 1),
		"null":             `{"version":1,"entries":[null]}`,
		"twice":            `{"version":1,"entries":[` + entryOf(good) + `,` + entryOf(good) + `]}`,
		"unknown operator": strings.Replace(good, `"reason"`, `"operations":["REED"],"reason"`, 1),
		"bad source":       strings.Replace(good, `"reason"`, `"sources":["10.0.0.0/33"],"reason"`, 1),
		"list":             `[]`,
	} {
		if try(text) == nil {
			t.Errorf("%s: %s is accepted", name, text)
		}
	}
	dir := t.TempDir()
	if _, err := Open(dir); err == nil {
		t.Error("a directory is accepted")
	}
}

func entryOf(file string) string {
	from, to := strings.Index(file, `[{`)+1, strings.LastIndex(file, `}]`)+1
	return file[from:to]
}

// What cannot be written is in force all the same, and the file before stays whole.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "quarantine")
	s := open(t, path)
	if err := s.Add(of(t, "principal=User:a")); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path+".new", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(of(t, "id=01JD0000000000000000000002 principal=User:erp")); err != nil {
		t.Fatal(err)
	}
	if s.Save() == nil {
		t.Error("nobody says that it is not on disk")
	}
	who := erp("10.1.2.3")
	if s.Set().Bars(&who) == nil {
		t.Error("it does not hold")
	}
	if len(open(t, path).All()) != 1 {
		t.Error("the file before is gone")
	}
}

func TestStoreIsBounded(t *testing.T) {
	s := open(t, "")
	for i := range register.Most {
		if err := s.Add(of(t, fmt.Sprintf("id=01JD%022d principal=User:erp", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add(of(t, "id=01JE0000000000000000000000 principal=User:erp")); !errors.Is(err, register.ErrFull) {
		t.Error(err)
	}
}

// Adds, lifts, ends and saves at once leave what was left, in memory and on disk.
func TestConcurrentChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quarantine")
	s := open(t, path)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 20 {
				q := of(t, fmt.Sprintf("id=01JD%010d%012d principal=User:%d", i, n, i))
				if err := s.Add(q); err != nil {
					t.Error(err)
				}
				who := Subject{Principal: q.Principal}
				if s.Set().Bars(&who) == nil {
					t.Error("it does not hold after Add")
				}
				if n%2 == 0 {
					if _, err := s.Lift(q.ID); err != nil {
						t.Error(err)
					}
				}
				if n%5 == 0 {
					if err := s.Save(); err != nil {
						t.Error(err)
					}
				}
				s.Expire(time.Now())
			}
		})
	}
	wg.Wait()
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	if n := len(s.All()); n != 80 {
		t.Errorf("%d are left", n)
	}
	if diff := cmp.Diff(s.All(), open(t, path).All()); diff != "" {
		t.Error("the file is another:", diff)
	}
}

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
