package protocol

// A FetchHead is the head of a Fetch or ShareFetch response. Nothing in front of it was released, and it can still be
// changed by whoever holds its bytes.
type FetchHead struct {
	Correlation int32
	Throttle    int32 // milliseconds; Fetch v0: 0
	Error       int16 // Fetch before v7: 0
	SessionID   int32 // Fetch from v7; else 0
	LockTimeout int32 // milliseconds, ShareFetch from v1; else 0
	Topics      int32 // how many follow

	ThrottleAt int // byte offset of the throttle time in the frame; -1: not in this version
	TopicsAt   int // of the number of topics
	Size       int // of the head, up to the first topic
}

// A FetchPartition is what a Fetch or ShareFetch response says of one partition before its records. Fields that the
// version does not have are -1, or 0 for error codes. It is valid during the call; Name stays until the next topic.
type FetchPartition struct {
	Name []byte   // Fetch to v12, else nil
	ID   [16]byte // Fetch from v13 and ShareFetch, else zero

	Index            int32
	Error            int16
	AckError         int16 // ShareFetch
	HighWatermark    int64
	LastStable       int64
	LogStart         int64
	Aborted          int32 // how many aborted transactions stand in front of the records; -1: null
	PreferredReplica int32
	LeaderID         int32 // ShareFetch
	LeaderEpoch      int32 // ShareFetch
	RecordBytes      int64 // -1: null
}

// StreamEvents receives what a FetchScanner or ShareFetchScanner finds, in the order of the frame. An error ends the
// scan and comes back from Scan. During a call the scanner's Left says how much of the frame there is from the
// element on.
type StreamEvents interface {
	Head(h *FetchHead) error
	Partition(p *FetchPartition) error
	Batch(b *Batch) error
	Acquired(first, last int64, delivery int16) error // ShareFetch only, behind the partition's records
	End() error                                       // the frame is complete, Left is 0
}
