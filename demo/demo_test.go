package demo

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"doorkeeper/internal/kafkatest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	kafkatest.Run()
	goleak.VerifyTestMain(m)
}

// The whole story, and what it must say.
func TestDemo(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out, log bytes.Buffer
	if err := Run(ctx, Options{Out: &out, Log: &log, Command: "doorkeeper"}); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out.String(), log.String())
	}
	text := out.String()
	for _, want := range []string{
		"Who is connected", "User:billing", "erp-connector/5.1.0", "SCRAM-SHA-256",
		"reads   orders", "The theft", "kgo/1.22.3", "1,900 messages", "payroll", "purchasing",
		"The applications noticed nothing: 600 messages", "0         denied", "meanwhile it got 0", "TOPIC_AUTHORIZATION_FAILED",
		"User:erp may not READ TOPIC payroll", "rules.rego:6", "people (#people)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the demo does not say %q", want)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("colour without a terminal")
	}
	if t.Failed() {
		t.Log(text)
	}
	if log.Len() > 0 {
		t.Errorf("the proxy warned:\n%s", log.String())
	}
}
