package proxy

import (
	"encoding/base64"
	"encoding/binary"
	"testing"

	"doorkeeper/access"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func handshake(version int16, mechanism string, code int16) (request, answer []byte) {
	q := kmsg.NewPtrSASLHandshakeRequest()
	q.Mechanism = mechanism
	r := kmsg.NewPtrSASLHandshakeResponse()
	r.ErrorCode = code
	request = framed(q, version)
	return request, to(request, answered(r, version, false))
}

func token(client, server string, code int16) (request, answer []byte) {
	q := kmsg.NewPtrSASLAuthenticateRequest()
	q.SASLAuthBytes = []byte(client)
	r := kmsg.NewPtrSASLAuthenticateResponse()
	r.ErrorCode, r.SASLAuthBytes = code, []byte(server)
	request = framed(q, 2)
	return request, to(request, answered(r, 2, true))
}

// raw is a token in the way of SaslHandshake v0.
func raw(s string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...)
}

func bearer(subject string) string {
	part := base64.RawURLEncoding.EncodeToString
	return "n,,\x01auth=Bearer " + part([]byte(`{"alg":"none"}`)) + "." + part([]byte(`{"sub":"`+subject+`"}`)) + ".\x01\x01"
}

// A step is what the client says, whether or not the broker may hear it, and the broker's answer.
type step struct{ ask, answer []byte }

func both(ask, answer []byte) step { return step{ask, answer} }

// Handshakes, tokens and requests, all in one write: each goes on only when the answer to the one before has said who
// this is.
func TestSASLOneByOne(t *testing.T) {
	q, a := groups(9)
	for _, c := range []struct {
		name      string
		steps     []step
		change    func(*ClusterSpec, *Options)
		principal string // of the access at the end, in which all ends well
		cause     string // why it does not
	}{
		{"plain", []step{
			both(handshake(1, "PLAIN", 0)), both(token("\x00erp\x00secret", "", 0)), {q, a},
		}, nil, "User:erp", ""},
		{"plain, raw", []step{
			both(handshake(0, "PLAIN", 0)), {raw("\x00erp\x00secret"), raw("")}, {q, a},
		}, nil, "User:erp", ""},
		{"bearer", []step{
			both(handshake(1, "OAUTHBEARER", 0)), both(token(bearer("erp"), "", 0)), {q, a},
		}, nil, "User:erp", ""},
		{"bearer after a failure round", []step{
			both(handshake(1, "OAUTHBEARER", 0)), both(token(bearer("mallory"), `{"status":"invalid_token"}`, 0)),
			both(token("\x01", "", 58)),
			both(handshake(1, "OAUTHBEARER", 0)), both(token(bearer("erp"), "", 0)), {q, a},
		}, nil, "User:erp", ""},
		{"a failed login is nobody", []step{
			both(handshake(1, "PLAIN", 0)), both(token("\x00erp\x00wrong", "", 58)), {q, nil},
		}, nil, "", "before authentication was complete"},
		{"the broker has no such mechanism", []step{both(handshake(1, "PLAIN", 33)), {q, nil}}, nil, "", "before authentication was complete"},
		// A listener without SASL answers 34 to the handshake and would execute what follows: it is no token.
		{"raw tokens need the broker's yes", []step{both(handshake(0, "PLAIN", 34)), {q, nil}}, nil, "", "before authentication was complete"},
		{"the name stays in re-authentication", []step{
			both(handshake(1, "PLAIN", 0)), both(token("\x00erp\x00secret", "", 0)),
			both(handshake(1, "PLAIN", 0)), both(token("\x00erp\x00secret", "", 0)), {q, a},
		}, nil, "User:erp", ""},
		{"re-authentication that is off", []step{
			both(handshake(1, "PLAIN", 0)), both(token("\x00erp\x00secret", "", 0)),
			both(handshake(1, "PLAIN", 34)), both(token("\x00mallory\x00secret", "", 34)), {q, a},
		}, nil, "User:erp", ""},
		{"the name changes in re-authentication", []step{
			both(handshake(1, "PLAIN", 0)), both(token("\x00erp\x00secret", "", 0)),
			both(handshake(1, "PLAIN", 0)), {firstOf(token("\x00mallory\x00secret", "", 0)), nil},
		}, nil, "", "re-authentication changed the principal"},
		{"what cannot be read", []step{
			both(handshake(1, "GSSAPI", 0)), {firstOf(token("\x60\x00", "", 0)), nil},
		}, nil, "", "cannot be read"},
		{"what cannot be read, and need not be", []step{
			both(handshake(1, "GSSAPI", 0)), both(token("\x60\x00", "\x01", 0)), both(token("\x60\x01", "\x02", 0)), {q, a},
		}, func(s *ClusterSpec, _ *Options) { s.Listeners[0].AllowUnverified = true }, "User:?", ""},
		{"what cannot be read, raw", []step{
			{firstOf(handshake(0, "GSSAPI", 0)), nil},
		}, func(s *ClusterSpec, _ *Options) { s.Listeners[0].AllowUnverified = true }, "", "nobody can tell where the exchange ends"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, c.change)
			var all [][]byte
			for _, s := range c.steps {
				all = append(all, s.ask)
			}
			l.ask(all...)
			for i, s := range c.steps {
				last := i == len(c.steps)-1
				if last && c.cause != "" {
					l.lastStep(s, c.steps[i])
					break
				}
				l.asked(s.ask)
				if !last {
					l.nothing("broker", l.broker)
				}
				l.answer(s.answer)
				l.answered(s.answer)
			}
			if c.cause != "" {
				l.closed(c.cause)
			} else {
				l.client.Close()
				l.settle()
			}
			l.onlyAs(c.principal, access.OpDescribe)
			l.noSecrets("secret", "wrong", "eyJ")
		})
	}
}

func firstOf(a, _ []byte) []byte { return a }

// lastStep ends the exchange: a request without an answer here never reaches the broker, or gets the answer that ends
// it.
func (l *line) lastStep(s, same step) {
	if key := int16(binary.BigEndian.Uint16(s.ask[4:])); !isAuth(key) {
		return
	}
	l.asked(s.ask)
	var answer []byte
	switch key := int16(binary.BigEndian.Uint16(s.ask[4:])); kmsg.Key(key) {
	case kmsg.SASLHandshake:
		_, answer = handshake(int16(binary.BigEndian.Uint16(s.ask[6:])), "", 0)
	default:
		_, answer = token("", "", 0)
	}
	l.answer(to(s.ask, answer))
}

// onlyAs wants every access of an operation under one principal, and at least one; "" wants none.
func (l *line) onlyAs(principal string, op access.Operation) {
	l.t.Helper()
	n := 0
	for _, r := range l.all() {
		if r.Kind != "access" || r.Operation != op.String() {
			continue
		}
		if n++; r.Principal != principal {
			l.t.Errorf("%s was done as %q, want %q", r.Api, r.Principal, principal)
		}
	}
	if (n > 0) != (principal != "") {
		l.t.Errorf("%d accesses as %q", n, principal)
	}
}

// Before anybody has authenticated a frame is small.
func TestSASLFrameSize(t *testing.T) {
	for name, frame := range map[string][]byte{
		"token":       firstOf(token(string(make([]byte, authFrame+1)), "", 0)),
		"ApiVersions": append(binary.BigEndian.AppendUint32(nil, authFrame+1), 0, 18, 0, 3, 0, 0, 0, 1),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, nil)
			go func() { _, _ = l.client.Write(frame) }()
			l.closed("is outside")
		})
	}
}

// A raw exchange that the broker refuses ends with its close: a failure is recorded all the same.
func TestRawTokenRefused(t *testing.T) {
	l := newLine(t, relay.ModeAuto, nil)
	q, a := handshake(0, "PLAIN", 0)
	l.ask(q, raw("\x00erp\x00wrong"))
	l.asked(q)
	l.answer(a)
	l.answered(a)
	l.asked(raw("\x00erp\x00wrong"))
	l.broker.Close()
	l.closed(causeBroker.word)
	if !l.some(func(r *access.Record) bool { return r.Kind == "authn" && r.Operation == "FAILURE" }) {
		t.Error("no failed login was recorded")
	}
	l.noSecrets("wrong")
}
