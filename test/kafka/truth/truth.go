// Package truth reads what a tap kept, once the connections are over, and says what each client read and wrote. It
// then holds doorkeeper's access records against that.
//
// It decodes with kmsg and with a batch reader of its own: nothing of the proxy is used.
package truth

import (
	"net/netip"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A Part names a partition of a topic. Name or ID may be unknown (empty, zero): requests carry the one or the other.
type Part struct {
	Topic     string
	ID        [16]byte
	Partition int32
}

// A Read is one batch that the client was handed.
type Read struct {
	Part
	Batch
	API       int16 // Fetch or ShareFetch
	Version   int16
	Requested int64 // the offset asked for in the same request; -1 if the request did not list the partition
	Frame     int   // the response it came in, counted from 0
}

// A Write is one batch that the client wrote, with the broker's answer.
type Write struct {
	Part
	Batch         // First and Last as the broker assigned them, if it did
	Error   int16 // the broker's answer
	Unknown bool  // no answer came: acks=0, or the connection ended
	Again   bool  // the same batch of the same producer was answered before on this connection
}

// Acquired is a range of records that a share fetch acquired.
type Acquired struct {
	Part
	First, Last int64
	Delivery    int16
}

// A Call is one request and what became of it.
type Call struct {
	Key, Version int16
	ClientID     string
	Request      kmsg.Request
	Response     kmsg.Response // nil if none came
	BytesIn      int64         // of the frames, their length bytes not counted
	BytesOut     int64
}

// A Session is one connection.
type Session struct {
	Node     int32
	Client   netip.AddrPort
	Peer     netip.AddrPort
	Opened   time.Time // before the server accepted it
	BytesIn  int64     // from the client, everything
	BytesOut int64     // to the client
	Calls    []*Call
	Reads    []Read
	Writes   []Write
	Acquired []Acquired

	Mechanism string // of the last SASL exchange
	Ended     bool
	Reset     bool
	MidFrame  bool  // the broker's direction ended inside a frame
	Err       error // what could not be decoded; what stands above came before it
}
