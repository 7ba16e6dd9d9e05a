package kafka

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"doorkeeper/test/kafka/parts"
)

// command runs a program to its end and returns what it printed. input is its standard input.
func command(ctx context.Context, t *testing.T, input string, name string, args ...string) string {
	t.Helper()
	out, err := try(ctx, input, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return out
}

// try is command for a program that may fail: its error shows what it printed.
func try(ctx context.Context, input string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), &failed{err, out.String(), errs.String()}
	}
	return out.String(), nil
}

type failed struct {
	err       error
	out, errs string
}

func (f *failed) Error() string { return f.err.Error() + "\n" + f.out + tail(f.errs, 40) }
func (f *failed) Unwrap() error { return f.err }

func tail(s string, lines int) string {
	all := strings.Split(s, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Java's start is most of what a tool costs: the first compiler is enough for it.
var javaFlags = []string{"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"}

var javaSetup = sync.OnceValues(func() ([]string, error) {
	classPath, err := parts.ClassPath(context.Background())
	if err != nil {
		return nil, err
	}
	config := filepath.Join(shared.cluster.Dir, "client-log4j2.yaml")
	err = os.WriteFile(config, []byte(`Configuration:
  Appenders: {Console: {name: STDERR, target: SYSTEM_ERR, PatternLayout: {pattern: "[%d] %p %m (%c)%n"}}}
  Loggers: {Root: {level: WARN, AppenderRef: [{ref: STDERR}]}}
`), 0o644)
	return append(append([]string{}, javaFlags...), "-Dlog4j2.configurationFile="+config, "-cp", classPath), err
})

// java runs a main class.
func java(ctx context.Context, t *testing.T, input, class string, args ...string) string {
	t.Helper()
	out, err := tryJava(ctx, t, input, class, args...)
	if err != nil {
		t.Fatalf("%s %s: %v", class, strings.Join(args, " "), err)
	}
	return out
}

func tryJava(ctx context.Context, t *testing.T, input, class string, args ...string) (string, error) {
	t.Helper()
	flags, err := javaSetup()
	if err != nil {
		t.Fatal(err)
	}
	flags = append(append([]string{}, flags...), "-Djava.io.tmpdir="+t.TempDir(), class)
	return try(ctx, input, "java", append(flags, args...)...)
}
