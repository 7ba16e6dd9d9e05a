package evidence

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	first, err := openKeys(dir, "dk 1+ü")
	if err != nil {
		t.Fatal(err)
	}
	if name := first.signer.Name(); name != "doorkeeper/dk_1__" {
		t.Errorf("the key's name is %q", name)
	}
	info, err := os.Stat(filepath.Join(dir, keyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v (%v)", info.Mode(), err)
	}
	again, err := openKeys(dir, "another name")
	if err != nil || again.signer.KeyHash() != first.signer.KeyHash() {
		t.Errorf("a second start has another key (%v)", err)
	}
}

// TestRotation: a new key is asked for with a file, the old one signs it, and checkpoints of both are proved.
func TestRotation(t *testing.T) {
	j := newTestJournal(t)
	l := j.log()
	j.fill(100, 20)
	old := checkpoint(t, l)
	oldKey := l.Key()
	closeLog(t, l)
	secret := readFile(t, filepath.Join(j.keys, keyFile))
	for range 2 {
		writeText(t, filepath.Join(j.keys, rotateFile), "")
		l = j.log()
		closeLog(t, l)
	}
	l = j.log()
	j.fill(100, 20)
	checkpoint(t, l)
	closeLog(t, l)
	if l.Key() == oldKey || readFile(t, filepath.Join(j.keys, keyFile)) == secret {
		t.Error("the key is the old one still")
	}
	if chain, err := ParseKeys([]byte(readFile(t, filepath.Join(j.keys, chainFile)))); err != nil || len(chain) != 3 || chain[0] != oldKey || chain[2] != l.Key() {
		t.Errorf("the chain is %v (%v)", chain, err)
	}
	r := verifyDir(t, j.dir, Given{"old", old.Note})
	wantProved(t, r)
	if got := r.Journals[0].Given[0].Key; !strings.HasPrefix(oldKey, got) {
		t.Errorf("the old checkpoint is signed by %s, want %s", got, oldKey)
	}
}

// TestRotationInterrupted: whatever a crash leaves of a rotation, the next start has one key, and it signs.
func TestRotationInterrupted(t *testing.T) {
	dir := t.TempDir()
	if _, err := openKeys(dir, "dk-1"); err != nil {
		t.Fatal(err)
	}
	key, chain := readFile(t, filepath.Join(dir, keyFile)), readFile(t, filepath.Join(dir, chainFile))
	writeText(t, filepath.Join(dir, rotateFile), "")
	k, err := openKeys(dir, "dk-1")
	if err != nil {
		t.Fatal(err)
	}
	newKey, newChain := readFile(t, filepath.Join(dir, keyFile)), readFile(t, filepath.Join(dir, chainFile))

	// Before the chain names the new key.
	writeText(t, filepath.Join(dir, keyFile), key)
	writeText(t, filepath.Join(dir, nextKeyFile), newKey)
	writeText(t, filepath.Join(dir, chainFile), chain)
	if _, err := openKeys(dir, "dk-1"); err != nil {
		t.Error(err)
	}
	// After.
	writeText(t, filepath.Join(dir, chainFile), newChain)
	again, err := openKeys(dir, "dk-1")
	if err != nil || again.signer.KeyHash() != k.signer.KeyHash() {
		t.Errorf("the key is not the new one (%v)", err)
	}
	if _, err := os.Stat(filepath.Join(dir, nextKeyFile)); err == nil || readFile(t, filepath.Join(dir, keyFile)) != newKey {
		t.Error("the rotation is not finished")
	}
}

func TestKeysRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := openKeys(dir, "dk-1"); err != nil {
		t.Fatal(err)
	}
	secret := readFile(t, filepath.Join(dir, keyFile))
	other := t.TempDir()
	if _, err := openKeys(other, "dk-1"); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"another key": readFile(t, filepath.Join(other, keyFile)), "no key": "password123", "half a key": secret[:len(secret)/2], "nothing": "",
	} {
		writeText(t, filepath.Join(dir, keyFile), text)
		_, err := openKeys(dir, "dk-1")
		if err == nil {
			t.Errorf("%s is taken for the key", name)
		} else if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error shows what is in the file: %v", name, err)
		}
	}
	forged := readFile(t, filepath.Join(dir, chainFile)) + "\n" + rotationTitle + "\n" + readFile(t, filepath.Join(other, chainFile)) + "\n— x AAAA\n"
	if _, err := ParseKeys([]byte(forged)); err == nil {
		t.Error("a key that the old one did not sign is taken")
	}
}
