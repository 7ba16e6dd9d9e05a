package protocol_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"doorkeeper/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// catcher keeps the batches of one record set, and fails where it is told to.
type catcher struct {
	nothing
	batches []protocol.Batch
	fail    error
}

func (c *catcher) Batch(b *protocol.Batch) error {
	if c.fail != nil {
		return c.fail
	}
	c.batches = append(c.batches, *b)
	return nil
}

// withRecords makes a Fetch response v4 around a record set; the records are its last bytes.
func withRecords(set []byte) []byte {
	r := kmsg.NewPtrFetchResponse()
	r.Version = 4
	t, p := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
	p.RecordBatches = set
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return r.AppendTo([]byte{0, 0, 0, 7})
}

func batchesOf(set []byte) ([]protocol.Batch, error) {
	frame := withRecords(set)
	var s protocol.FetchScanner
	var c catcher
	s.Reset(4, int64(len(frame)), false, &c)
	err := scanWhole(&s, frame)
	return c.batches, err
}

var wholeV2 = kmsg.RecordBatch{
	FirstOffset: 100, Length: 49 + 10, PartitionLeaderEpoch: 3, Magic: 2, CRC: 77, Attributes: protocol.AttrTransactional | protocol.AttrControl,
	LastOffsetDelta: 4, FirstTimestamp: 900, MaxTimestamp: 1000, ProducerID: 5, ProducerEpoch: 6, FirstSequence: 7, NumRecords: 5, Records: make([]byte, 10),
}

// A batch that the broker cut says what came of it, at every byte.
func TestBatchCutAnywhere(t *testing.T) {
	set := wholeV2.AppendTo(nil)
	for have := 1; have <= len(set); have++ {
		got, err := batchesOf(set[:have])
		if err != nil {
			t.Fatalf("%d bytes: %v", have, err)
		}
		want := protocol.Batch{Have: int64(have), Cut: have < len(set), Magic: -1, LeaderEpoch: -1, ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, MaxTimestamp: -1}
		for _, part := range []struct {
			from int
			set  func()
		}{
			{8, func() { want.HasBase, want.BaseOffset = true, 100 }},
			{12, func() { want.Length = 71 }},
			{17, func() { want.Magic, want.LeaderEpoch = 2, 3 }},
			{21, func() { want.CRC = 77 }},
			{23, func() { want.Attributes = 0x30 }},
			{27, func() { want.HasLast, want.LastOffset = true, 104 }},
			{43, func() { want.MaxTimestamp = 1000 }},
			{51, func() { want.ProducerID = 5 }},
			{53, func() { want.ProducerEpoch = 6 }},
			{57, func() { want.BaseSequence = 7 }},
			{61, func() { want.Records = 5 }},
		} {
			if have >= part.from {
				part.set()
			}
		}
		if diff := cmp.Diff([]protocol.Batch{want}, got); diff != "" {
			t.Fatalf("%d bytes:\n%s", have, diff)
		}
		if got[0].Control() != (have >= 23) || got[0].Transactional() != (have >= 23) {
			t.Fatalf("%d bytes: control %v", have, got[0].Control())
		}
	}
}

// Entries of the old formats stand for themselves; a compressed one knows only its last offset.
func TestOldFormats(t *testing.T) {
	v0 := kmsg.MessageV0{Offset: 40, MessageSize: 14 + 5, CRC: 9, Value: []byte("hello")}
	v1 := kmsg.MessageV1{Offset: 41, MessageSize: 22 + 5, CRC: 9, Magic: 1, Timestamp: 1234, Value: []byte("hello")}
	wrapped := v1
	wrapped.Offset, wrapped.Attributes = 50, 2
	set := wrapped.AppendTo(v1.AppendTo(v0.AppendTo(nil)))
	got, err := batchesOf(set)
	if err != nil {
		t.Fatal(err)
	}
	base := protocol.Batch{LeaderEpoch: -1, ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, CRC: 9, HasLast: true}
	first, second, third := base, base, base
	first.BaseOffset, first.LastOffset, first.HasBase, first.Records, first.Length, first.Have, first.MaxTimestamp = 40, 40, true, 1, 31, 31, -1
	second.BaseOffset, second.LastOffset, second.HasBase, second.Records, second.Length, second.Have, second.MaxTimestamp = 41, 41, true, 1, 39, 39, 1234
	second.Magic, third.Magic = 1, 1
	third.BaseOffset, third.LastOffset, third.Estimated, third.Length, third.Have, third.MaxTimestamp, third.Attributes = 50, 50, true, 39, 39, 1234, 2
	if diff := cmp.Diff([]protocol.Batch{first, second, third}, got); diff != "" {
		t.Fatal(diff)
	}
	for cut := 1; cut < len(set); cut++ { // cut anywhere, it is read
		got, err := batchesOf(set[:cut])
		if err != nil {
			t.Fatalf("%d bytes: %v", cut, err)
		}
		if last := got[len(got)-1]; last.Cut != (cut != 31 && cut != 70) {
			t.Fatalf("%d bytes: %+v", cut, last)
		}
	}
}

func TestBadBatches(t *testing.T) {
	change := func(at int, b ...byte) []byte {
		set := wholeV2.AppendTo(nil)
		copy(set[at:], b)
		return set
	}
	old := kmsg.MessageV1{MessageSize: 21, Magic: 1}
	tests := []struct {
		name   string
		set    []byte
		reason protocol.Reason
	}{
		{"magic 3", change(16, 3), protocol.BadMagic},
		{"magic -1", change(16, 0xff), protocol.BadMagic},
		{"magic 3, cut", change(16, 3)[:17], protocol.BadMagic},
		{"length -1", change(8, 0xff, 0xff, 0xff, 0xff), protocol.BadBatch},
		{"length 0", change(8, 0, 0, 0, 0), protocol.BadBatch},
		{"length 48", change(8, 0, 0, 0, 48), protocol.BadBatch},
		{"length 48, cut", change(8, 0, 0, 0, 48)[:20], protocol.BadBatch},
		{"length 13, cut", change(8, 0, 0, 0, 13)[:12], protocol.BadBatch},
		{"a whole batch of 16 bytes", change(8, 0, 0, 0, 4)[:16], protocol.BadBatch},
		{"last offset before the first", change(23, 0xff, 0xff, 0xff, 0xff), protocol.BadBatch},
		{"last offset before the first, cut", change(23, 0xff, 0xff, 0xff, 0xff)[:30], protocol.BadBatch},
		{"offsets overflow", change(0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), protocol.BadBatch},
		{"records -1", change(57, 0xff, 0xff, 0xff, 0xff), protocol.BadBatch},
		{"magic 1 too short", old.AppendTo(nil), protocol.BadBatch},
		{"length of 2 GiB", change(8, 0x7f, 0xff, 0xff, 0xff), 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, err := batchesOf(test.set); reason(err) != test.reason || (err == nil) != (len(got) == 1) {
				t.Fatalf("%v %+v", err, got)
			}
		})
	}
}

// No byte of a batch counts as consumed before it was announced, and none at all if the announcement fails.
func TestBatchIsAnnouncedBeforeItIsConsumed(t *testing.T) {
	set := wholeV2.AppendTo(nil)
	frame := withRecords(set)
	refused := errors.New("the journal is full")
	var s protocol.FetchScanner
	s.Reset(4, int64(len(frame)), false, &catcher{fail: refused})
	n, err := s.Scan(frame)
	if off := len(frame) - len(set); n != off || !errors.Is(err, refused) || s.Left() != int64(len(set)) {
		t.Fatal(n, err, s.Left())
	}
	if n, err := s.Scan(frame[n:]); n != 0 || !errors.Is(err, refused) {
		t.Fatal("went on:", n, err)
	}
}

func TestSkipIsChecked(t *testing.T) {
	frame := withRecords(wholeV2.AppendTo(nil))
	for _, n := range []int64{-1, 11} {
		var s protocol.FetchScanner
		s.Reset(4, int64(len(frame)), false, &catcher{})
		if _, err := s.Scan(frame[:len(frame)-10]); err != nil || s.Opaque() != 10 {
			t.Fatal(err, s.Opaque())
		}
		if err := s.Skip(n); reason(err) != protocol.Misuse {
			t.Fatal(n, err)
		}
	}
}

// Counts and lengths that the frame cannot hold are refused at once, before the bytes that would show it.
func TestHostileLengths(t *testing.T) {
	big := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	v4 := func(parts ...[]byte) []byte {
		return slices.Concat(append([][]byte{{0, 0, 0, 7, 0, 0, 0, 0}}, parts...)...)
	}
	part := make([]byte, 4+2+8+8)
	topic := slices.Concat(big(1), []byte{0, 1, 't'}, big(1))
	for name, head := range map[string][]byte{
		"topics":     v4(big(1 << 30)),
		"partitions": v4(big(1), []byte{0, 1, 't'}, big(1<<30)),
		"name":       v4(big(1), []byte{0x7f, 0xff}),
		"aborted":    v4(topic, part, big(1<<30)),
		"records":    v4(topic, part, big(0), big(1<<30)),
	} {
		t.Run(name, func(t *testing.T) {
			var s protocol.FetchScanner
			s.Reset(4, int64(len(head))+1000, false, &catcher{})
			off := 0
			for {
				n, err := s.Scan(head[off:])
				if err != nil {
					if reason(err) != protocol.Short {
						t.Fatal(err)
					}
					return
				}
				if off += n; n == 0 {
					t.Fatalf("waits for more behind %d of %d", off, len(head))
				}
			}
		})
	}
}

// Unknown tagged fields may be of any size; what has to be seen in one piece may not.
func TestElementsAreBounded(t *testing.T) {
	r := kmsg.NewPtrFetchResponse()
	r.Version = 16
	r.UnknownTags.Set(9, make([]byte, 3*protocol.MaxElement))
	frame := r.AppendTo([]byte{0, 0, 0, 7, 0})
	var s protocol.FetchScanner
	s.Reset(16, int64(len(frame)), false, &catcher{})
	if err := scanWhole(&s, frame); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		b := kmsg.NewFetchResponseBroker()
		b.Host = strings.Repeat("h", 100)
		r.Brokers = append(r.Brokers, b)
	}
	frame = r.AppendTo([]byte{0, 0, 0, 7, 0})
	s.Reset(16, int64(len(frame)), false, &catcher{})
	if err := scanWhole(&s, frame); reason(err) != protocol.TooLarge {
		t.Fatal(err)
	}
	s.Reset(16, int64(len(frame)), true, &catcher{}) // hidden, nobody has to look into them
	if err := scanWhole(&s, frame); err != nil {
		t.Fatal(err)
	}
	if got := decodeFetch(t, frame, 16); len(got.Brokers) != 0 {
		t.Fatal("not hidden")
	}
}

// A known tagged field that comes twice, or is larger than what it holds, would be read differently by different
// readers.
func TestTagsReadTwoWays(t *testing.T) {
	body := func(tags ...byte) []byte { // a Fetch request v18 with nothing in it but tags
		r := kmsg.NewPtrFetchRequest()
		r.Version = 18
		b := r.AppendTo(nil)
		return append(b[:len(b)-1], tags...)
	}
	replica := []byte{1, 13, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0}
	var r protocol.FetchRequest
	if err := r.Parse(18, body(append([]byte{1}, replica...)...)); err != nil || r.ReplicaID != 3 || r.ReplicaEpoch != 4 {
		t.Fatal(err, r.ReplicaID)
	}
	if err := r.Parse(18, body(slices.Concat([]byte{2}, replica, replica)...)); reason(err) != protocol.BadTag {
		t.Fatal("twice:", err)
	}
	longer := append(slices.Clone(replica), 9)
	longer[1]++
	if err := r.Parse(18, body(append([]byte{1}, longer...)...)); reason(err) != protocol.BadTag {
		t.Fatal("longer:", err)
	}
	v14 := kmsg.NewPtrFetchRequest()
	v14.Version = 14
	b := v14.AppendTo(nil)
	if err := r.Parse(14, append(append(b[:len(b)-1], 1), replica...)); reason(err) != protocol.BadTag {
		t.Fatal("too early:", err)
	}
}
