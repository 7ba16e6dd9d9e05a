package proxy

import (
	"encoding/binary"
	"fmt"

	"doorkeeper/access"
	"doorkeeper/protocol"
	"doorkeeper/proxy/api"

	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/valyala/bytebufferpool"
)

// answer puts an answer of our own into the queue, in place of a frame of n bytes.
func (q *requests) answer(x *api.Exchange, r kmsg.Response, n int) error {
	return q.enqueue(x, localFrame(x, r), n)
}

// enqueue puts a frame of ours into the queue, in place of one of n bytes that does not go to the broker.
func (q *requests) enqueue(x *api.Exchange, frame []byte, n int) error {
	q.cut(n)
	if err := q.push(entry{kind: local, correlation: x.Correlation, x: x, answer: frame}); err != nil {
		x.Free()
		return err
	}
	return nil
}

// forwardEdited sends an edited request in place of a frame, of which whole has the length bytes and body is where the
// header ends.
func (q *requests) forwardEdited(x *api.Exchange, whole []byte, body int) error {
	buf := bytebufferpool.Get()
	buf.B = x.AppendEdited(append(buf.B[:0], whole[:body]...), whole[body:])
	binary.BigEndian.PutUint32(buf.B, uint32(len(buf.B)-4))
	q.cut(len(whole))
	if err := q.push(entry{kind: forwarded, correlation: x.Correlation, x: x}); err != nil {
		bytebufferpool.Put(buf)
		x.Free()
		return fmt.Errorf("queue: %w", err)
	}
	q.made = append(q.made, buf) // not before: a flush in push gives those back
	q.w.Add(buf.B)
	return nil
}

// localFrame encodes a response as a frame, its length bytes included.
func localFrame(x *api.Exchange, r kmsg.Response) []byte {
	b := make([]byte, 8, 256)
	binary.BigEndian.PutUint32(b[4:], uint32(x.Correlation))
	if protocol.ResponseHeaderTags(x.API.Key, x.Version) {
		b = append(b, 0)
	}
	b = r.AppendTo(b)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

func isAuth(key int16) bool {
	return key == int16(kmsg.SASLHandshake) || key == int16(kmsg.SASLAuthenticate)
}

// authenticate lets a handshake or a token go and waits for the answer before anything else is read.
func (q *requests) authenticate(x *api.Exchange, whole []byte) error {
	q.gate.begin(q.c)
	switch r := x.Body.(type) {
	case *kmsg.SASLHandshakeRequest:
		q.gate.sasl.Handshake(r.Mechanism, r.Version)
	case *kmsg.SASLAuthenticateRequest:
		err := q.gate.sasl.Token(r.SASLAuthBytes)
		r.SASLAuthBytes = nil // it is the frame's own memory, which goes on to the broker; nobody else keeps it
		if err != nil {
			x.Free()
			return errFrame{err}
		}
	}
	if err := q.forward(x, len(whole)); err != nil {
		return err
	}
	return q.barrier()
}

// rawToken lets a token without a header go (SaslHandshake v0) and waits for the answer.
func (q *requests) rawToken(whole []byte) error {
	if err := q.gate.sasl.Token(whole[4:]); err != nil {
		return errFrame{err}
	}
	if err := q.push(entry{kind: rawToken}); err != nil {
		return err
	}
	q.take(len(whole))
	return q.barrier()
}

// software takes over what an ApiVersions request says of the client's software (KIP-511).
func (q *requests) software(x *api.Exchange) {
	name, version, ok := api.Software(x.Body)
	if !ok || name == q.client.SoftwareName && version == q.client.SoftwareVersion {
		return
	}
	q.renamed(&access.Client{ID: q.client.ID, SoftwareName: name, SoftwareVersion: version})
	x.Client = q.client
}
