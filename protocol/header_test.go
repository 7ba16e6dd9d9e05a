package protocol_test

import (
	"slices"
	"testing"

	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Headers of every API and version, as the client library writes them, are read back, and the body begins where it
// begins.
func TestParseRequestHeader(t *testing.T) {
	for _, client := range []*string{nil, kmsg.StringPtr(""), kmsg.StringPtr("client-é")} {
		opts := []kmsg.RequestFormatterOpt{}
		if client != nil {
			opts = append(opts, kmsg.FormatterClientID(*client))
		}
		format := kmsg.NewRequestFormatter(opts...)
		for key := range int16(kmsg.MaxKey + 1) {
			r := kmsg.RequestForKey(key)
			if r == nil || key == 7 { // ControlledShutdown v0 has a header of its own, and no client sends it
				continue
			}
			for v := int16(0); v <= r.MaxVersion(); v++ {
				r.SetVersion(v)
				frame := format.AppendRequest(nil, r, 77)[4:]
				h, err := protocol.ParseRequestHeader(frame)
				if err != nil {
					t.Fatalf("key %d v%d: %v", key, v, err)
				}
				if h.Key != key || h.Version != v || h.Correlation != 77 || h.Flexible != r.IsFlexible() || (h.ClientID == nil) != (client == nil) || client != nil && string(h.ClientID) != *client {
					t.Fatalf("key %d v%d: %+v", key, v, h)
				}
				if !slices.Equal(frame[h.Body:], r.AppendTo(nil)) {
					t.Fatalf("key %d v%d: the body is not at %d", key, v, h.Body)
				}
			}
		}
	}
}

func TestParseRequestHeaderOdd(t *testing.T) {
	tests := []struct {
		name   string
		frame  []byte
		reason protocol.Reason
		body   int
	}{
		{"empty", nil, protocol.Short, 0},
		{"unknown key", []byte{1, 0, 0, 0, 0, 0, 0, 1, 0, 0}, 0, 10},
		{"negative key", []byte{0xff, 0xff, 0, 0, 0, 0, 0, 1, 0, 0}, 0, 10},
		{"ApiVersions of tomorrow", []byte{0, 18, 0, 99, 0, 0, 0, 1, 0, 0, 0}, 0, 11},
		{"header tags", []byte{0, 18, 0, 3, 0, 0, 0, 1, 0, 0, 1, 5, 2, 9, 9, 1}, 0, 15},
		{"tag beyond the frame", []byte{0, 18, 0, 3, 0, 0, 0, 1, 0, 0, 1, 5, 3, 9, 9}, protocol.Short, 0},
		{"tags beyond the frame", []byte{0, 18, 0, 3, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f}, protocol.Short, 0},
		{"varint of 33 bits", []byte{0, 18, 0, 3, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x1f}, protocol.Varint, 0},
		{"client id beyond the frame", []byte{0, 3, 0, 0, 0, 0, 0, 1, 0x7f, 0xff, 'a'}, protocol.Short, 0},
		{"client id of length -2", []byte{0, 3, 0, 0, 0, 0, 0, 1, 0xff, 0xfe, 'a'}, 0, 10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h, err := protocol.ParseRequestHeader(test.frame)
			if reason(err) != test.reason || h.Body != test.body {
				t.Fatalf("%+v %v", h, err)
			}
		})
	}
}

func TestParseResponseHeader(t *testing.T) {
	tests := []struct {
		name         string
		key, version int16
		frame        []byte
		body         int
		reason       protocol.Reason
	}{
		{"old", 3, 8, []byte{0, 0, 0, 7, 1}, 4, 0},
		{"flexible", 3, 9, []byte{0, 0, 0, 7, 0, 1}, 5, 0},
		{"with tags", 3, 9, []byte{0, 0, 0, 7, 1, 9, 2, 8, 8, 1}, 9, 0},
		{"ApiVersions", 18, 4, []byte{0, 0, 0, 7, 0, 0}, 4, 0},
		{"short", 3, 9, []byte{0, 0, 0, 7}, 0, protocol.Short},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			correlation, body, err := protocol.ParseResponseHeader(test.frame, test.key, test.version)
			if reason(err) != test.reason || body != test.body || err == nil && correlation != 7 {
				t.Fatal(correlation, body, err)
			}
		})
	}
}

func TestErrorSaysWhatAndWhere(t *testing.T) {
	_, err := protocol.ParseRequestHeader([]byte{0, 3, 0})
	if got, want := err.Error(), "request header at byte 2: the frame ends here"; got != want {
		t.Fatalf("%q", got)
	}
	if got := protocol.Reason(99).String(); got != "reason 99" {
		t.Fatal(got)
	}
}
