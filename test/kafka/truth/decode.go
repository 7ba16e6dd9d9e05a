package truth

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/internal/conversation"
	"doorkeeper/test/kafka/tap"
)

// Decode reads connections.
func Decode(conns []*tap.Conn) []*Session {
	var all []*Session
	for _, c := range conns {
		all = append(all, decode(c))
	}
	return all
}

func decode(c *tap.Conn) *Session {
	s := &Session{Node: c.Node, Client: c.Client, Peer: c.Peer, Opened: c.Opened}
	s.Ended, s.Reset = c.Ended()
	both := conversation.Conversation{Chunks: c.Chunks()}
	in, out := both.Stream(conversation.FromClient), both.Stream(conversation.FromBroker)
	s.BytesIn, s.BytesOut = int64(len(in)), int64(len(out))
	if err := s.read(in, out); err != nil {
		s.Err = err
	}
	return s
}

// DecodeStreams reads the two directions of one conversation.
func DecodeStreams(in, out []byte) *Session {
	s := &Session{Node: -1, BytesIn: int64(len(in)), BytesOut: int64(len(out)), Ended: true}
	s.Err = s.read(in, out)
	return s
}

// frame cuts the next frame, without its length bytes, off p. ok is false where p ends before the frame does.
func frame(p *[]byte) (body []byte, ok bool) {
	if len(*p) < 4 {
		return nil, false
	}
	n := int64(binary.BigEndian.Uint32(*p))
	if int64(len(*p)) < 4+n {
		return nil, false
	}
	body = (*p)[4 : 4+n]
	*p = (*p)[4+n:]
	return body, true
}

// read walks the requests. Responses come in the order of the requests, so each is read where its request stands;
// only Produce with acks=0 has none.
func (s *Session) read(in, out []byte) error {
	raw := 0 // SASL tokens without a header that follow, in each direction
	for {
		body, ok := frame(&in)
		if !ok {
			break
		}
		if raw > 0 {
			raw--
			frame(&out)
			continue
		}
		call, correlation, err := readRequest(body)
		if err != nil {
			return err
		}
		s.Calls = append(s.Calls, call)
		if p, ok := call.Request.(*kmsg.ProduceRequest); ok && p.Acks == 0 {
			s.produced(call)
			continue
		}
		answer, ok := frame(&out)
		if !ok {
			s.MidFrame = s.MidFrame || len(out) > 0
			out = nil
			s.note(call)
			continue
		}
		if err := readResponse(call, correlation, answer); err != nil {
			return err
		}
		s.note(call)
		raw = s.handshake(call)
	}
	if len(out) > 0 {
		return fmt.Errorf("%d bytes of the broker's answer no request", len(out))
	}
	return nil
}

func readRequest(body []byte) (*Call, int32, error) {
	r := kbin.Reader{Src: body}
	key, version, correlation := r.Int16(), r.Int16(), r.Int32()
	clientID := r.NullableString()
	request := kmsg.RequestForKey(key)
	if request == nil {
		return nil, 0, fmt.Errorf("request with unknown key %d", key)
	}
	request.SetVersion(version)
	if request.IsFlexible() {
		kmsg.SkipTags(&r)
	}
	if !r.Ok() {
		return nil, 0, fmt.Errorf("request header of %d bytes is cut", len(body))
	}
	if err := request.ReadFrom(r.Src); err != nil {
		return nil, 0, fmt.Errorf("request %s v%d: %w", kmsg.NameForKey(key), version, err)
	}
	call := &Call{Key: key, Version: version, Request: request, BytesIn: int64(len(body))}
	if clientID != nil {
		call.ClientID = *clientID
	}
	return call, correlation, nil
}

func readResponse(call *Call, correlation int32, body []byte) error {
	name := fmt.Sprintf("response %s v%d", kmsg.NameForKey(call.Key), call.Version)
	r := kbin.Reader{Src: body}
	if got := r.Int32(); got != correlation {
		return fmt.Errorf("%s: correlation id %d, want %d", name, got, correlation)
	}
	response := call.Request.ResponseKind()
	response.SetVersion(call.Version)
	if response.IsFlexible() && call.Key != int16(kmsg.ApiVersions) {
		kmsg.SkipTags(&r)
	}
	if call.Key == int16(kmsg.ApiVersions) && len(r.Src) >= 2 && int16(binary.BigEndian.Uint16(r.Src)) == 35 {
		response.SetVersion(0) // of a version that the broker does not know: it answers in the oldest
	}
	if err := response.ReadFrom(r.Src); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	call.Response, call.BytesOut = response, int64(len(body))
	return nil
}

// handshake returns how many tokens without a header follow the answer to a SaslHandshake of version 0.
func (s *Session) handshake(call *Call) int {
	request, ok := call.Request.(*kmsg.SASLHandshakeRequest)
	if !ok {
		return 0
	}
	response, ok := call.Response.(*kmsg.SASLHandshakeResponse)
	if !ok || response.ErrorCode != 0 {
		return 0
	}
	s.Mechanism = request.Mechanism
	switch {
	case call.Version > 0:
		return 0
	case request.Mechanism == "PLAIN", request.Mechanism == "OAUTHBEARER":
		return 1
	default:
		return 2 // SCRAM
	}
}

// note takes what a call says of data.
func (s *Session) note(call *Call) {
	switch call.Request.(type) {
	case *kmsg.ProduceRequest:
		s.produced(call)
	case *kmsg.FetchRequest:
		s.fetched(call)
	case *kmsg.ShareFetchRequest:
		s.shareFetched(call)
	}
}
