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
