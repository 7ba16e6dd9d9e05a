package access

// A Topic is a topic as far as it is known: by name, by id or both. Shared and immutable.
type Topic struct {
	Name string
	ID   [16]byte // zero: not known
}

// A Span is one run of record data of one partition in one request, all under one decision: the context that every
// batch of it shares. It lives as long as its request; the journal copies what it keeps.
type Span struct {
	*Request
	Topic       *Topic
	Partition   int32
	LeaderEpoch int32 // the partition's, as the request or the answer says; -1: unknown. A batch's own comes first
	Requested   int64 // the offset asked for; -1: not known
	Isolation   int8  // 0 read_uncommitted, 1 read_committed, -1 not applicable (writes, share groups)
	Decision    *Decision
	Broker      int32
	Correlation int32 // of the request, to count requests behind a flow
}

// Batch is one record batch on its way through, as its header says it (protocol.Batch without what nobody records).
//
// Bytes is the whole batch on the wire, before TLS. Of a batch that the broker cut, Have of them came.
type Batch struct {
	Span     *Span
	First    int64
	Last     int64 // valid if HasLast
	Messages int32
	Bytes    int64
	Have     int64
	CRC      uint32
	Epoch    int32 // leader epoch of the batch, -1: none

	ProducerID    int64 // -1: none
	ProducerEpoch int16
	BaseSequence  int32

	HasLast   bool
	Control   bool
	Cut       bool // by the broker, at its byte limit
	Estimated bool // an old compressed wrapper: First and Messages are not on the wire
}

// A Write is one partition's part of a Produce request after the broker's answer.
type Write struct {
	Batch
	Error   int16 // the broker's code, 0: none
	Unknown bool  // acks=0, or the connection ended before the answer: no offsets

	Throttle int32 // milliseconds that the client is asked to wait, or was made to
}

// A Call is one action of one request of any other API, after its answer.
type Call struct {
	*Request
	Action   Action
	Decision *Decision
	Names    []string // the resources, where one call names many: Action.Name is then empty
	Count    int      // how many resources, where Names is set: Names may hold the first ones only
	Hidden   bool     // the answer named them, and does not show them
	Each     bool     // one record for this call; else it is summed over the summary interval
	Error    int16    // the broker's code, 0: none
	Failed   bool     // no answer came
	BytesIn  int64    // of the request frame
	BytesOut int64    // of the response frame
	Throttle int32    // milliseconds that the broker asked for
	Broker   int32

	Ref *Reference // under which the answer names its record; nil: it names none
}
