package proxy

import (
	"time"

	"doorkeeper/access"
	"doorkeeper/protocol"
	"doorkeeper/proxy/api"
)

// A Tracer picks requests and shows them one by one, from their arrival to the end of their answer. It is called by the
// pumps of all connections, and neither waits nor allocates for a request that it does not pick.
type Tracer interface {
	// Sample says whether a request is traced: its W3C trace id, zero if it is not. topic is the first that it names.
	// always: it is one of those that are traced whatever there was of their kind before.
	Sample(r *access.Request, topic string, always bool) (id [16]byte)
	// Show takes a traced request after its answer was handed over.
	Show(t *Trace)
}

// A Trace is one request with its answer.
type Trace struct {
	access.Request
	Name      string // Kafka's name of the API
	Topic     string // the only one, "" if there are several or none
	Partition int32  // the only one of an answer with records; -1

	Received  time.Time // its last byte was read
	Forwarded time.Time // handed on to the broker; zero: it was answered here
	Answered  time.Time // the answer's first byte was read; zero: it was answered here
	Ended     time.Time // the answer's last byte was handed to the client

	BytesIn, BytesOut int64 // frames
	Messages          int64 // in whole batches, read or written

	Stopped *access.Decision // by which something of it may not pass, nil: everything may
	Error   string           // the first of the broker's, by Kafka's name; "": none
}

// sample asks whether the request is traced, before it is handed on.
func (p *Proxy) sample(x *api.Exchange, k kind) {
	if p.opt.Tracer == nil || x == nil {
		return
	}
	topic, _ := x.FirstTopic()
	x.Trace = p.opt.Tracer.Sample(&x.Request, topic, !x.Allowed())
	if x.Trace != [16]byte{} && k != local {
		x.Forwarded = time.Now()
	}
}

// failed lets a request be traced that was not picked, because its answer holds an error.
func (s *responses) failed(x *api.Exchange) {
	if t := s.c.p.opt.Tracer; t != nil && x.Trace == [16]byte{} && x.Failure() != 0 {
		topic, _ := x.FirstTopic()
		x.Trace = t.Sample(&x.Request, topic, true)
	}
}

// answering notes when the answer to a traced request began to come.
func (s *responses) answering(x *api.Exchange) {
	if x.Trace != [16]byte{} {
		x.Answered = s.began
		if s.moving {
			x.Answered = time.Now()
		}
	}
}

// trace keeps what there is to say of a traced request, until its answer is with the client.
func (s *responses) trace(x *api.Exchange, out int64) {
	if s.failed(x); x.Trace == [16]byte{} {
		return
	}
	t := Trace{
		Request: x.Request, Name: x.API.Name(), Partition: -1,
		Received: x.Received, Forwarded: x.Forwarded, Answered: x.Answered,
		BytesIn: x.BytesIn, BytesOut: out, Messages: taken(x), Stopped: x.StoppedBy(),
	}
	if code := x.Failure(); code != 0 {
		t.Error = protocol.ErrorName(code)
	}
	if topic, only := x.FirstTopic(); only {
		t.Topic = topic
	}
	if x.Streams() && !x.Answered.IsZero() {
		t.Messages = s.messages
		if topic, partition, only := s.reader.Only(); only {
			t.Topic, t.Partition = topic, partition
		}
	}
	s.traces = append(s.traces, t)
}

// show gives away what was kept: its bytes are with the client.
func (s *responses) show() {
	if len(s.traces) == 0 {
		return
	}
	now := time.Now()
	for i := range s.traces {
		s.traces[i].Ended = now
		s.c.p.opt.Tracer.Show(&s.traces[i])
	}
	clear(s.traces)
	s.traces = s.traces[:0]
}

// taken is how many messages the broker has taken of a Produce.
func taken(x *api.Exchange) (n int64) {
	for _, m := range x.Written() {
		n += m.Messages
	}
	return n
}
