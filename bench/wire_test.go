package main

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestBatchesAreValid: kmsg reads every record of batches of all sizes that the rows use.
func TestBatchesAreValid(t *testing.T) {
	for _, size := range []int{pingBatch, 4 << 10, 16 << 10, 64 << 10, 128 << 10} {
		l := layoutOf(size)
		b, err := l.newBatch(time.Unix(1700000000, 0))
		if err != nil {
			t.Fatal(err)
		}
		if len(b) != size {
			t.Fatalf("a batch of %d has %d bytes", size, len(b))
		}
		var batch kmsg.RecordBatch
		if err := batch.ReadFrom(b); err != nil {
			t.Fatal(err)
		}
		if batch.NumRecords != int32(l.records) || batch.CRC != int32(crc32.Checksum(b[21:], castagnoli)) {
			t.Errorf("%d: %d records, want %d", size, batch.NumRecords, l.records)
		}
		rest := batch.Records
		for i := range l.records {
			n, width := binary.Varint(rest)
			var r kmsg.Record
			if err := r.ReadFrom(rest[:width+int(n)]); err != nil {
				t.Fatalf("%d: record %d: %v", size, i, err)
			}
			if r.OffsetDelta != int32(i) {
				t.Errorf("%d: record %d has delta %d", size, i, r.OffsetDelta)
			}
			rest = rest[width+int(n):]
		}
		if len(rest) != 0 {
			t.Errorf("%d: %d bytes behind the records", size, len(rest))
		}
	}
}

func TestParseFetchHead(t *testing.T) {
	r := kmsg.NewPtrFetchResponse()
	r.SetVersion(fetchVersion)
	topic := kmsg.NewFetchResponseTopic()
	topic.TopicID = [16]byte{1, 2, 3}
	p := kmsg.NewFetchResponseTopicPartition()
	p.HighWatermark = 77
	p.RecordBatches = make([]byte, 300)
	topic.Partitions = append(topic.Partitions, p)
	r.Topics = append(r.Topics, topic)
	f := r.AppendTo(make([]byte, 9))
	binary.BigEndian.PutUint32(f, uint32(len(f)-4))
	h, err := parseFetchHead(f)
	if err != nil {
		t.Fatal(err)
	}
	want := fetchHead{size: len(f) - 300 - 3, frame: len(f), watermark: 77, records: 300}
	if h != want {
		t.Errorf("parseFetchHead = %+v, want %+v", h, want)
	}
	for n := range h.size {
		if _, err := parseFetchHead(f[:n]); !errors.Is(err, errShort) {
			t.Fatalf("of %d bytes: %v", n, err)
		}
	}
}

func TestFetchFrame(t *testing.T) {
	f, err := newFetchFrame([16]byte{1, 2, 3}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	r := kmsg.NewPtrFetchRequest()
	r.SetVersion(fetchVersion)
	header := 4 + 2 + 2 + 4 + 2 + len("doorkeeper-bench") + 1
	if err := r.ReadFrom(f.from(4711)[header:]); err != nil {
		t.Fatal(err)
	}
	if got := r.Topics[0].TopicID; got != [16]byte{1, 2, 3} {
		t.Errorf("the topic is %x", got)
	}
	if got := r.Topics[0].Partitions[0].FetchOffset; got != 4711 {
		t.Errorf("the offset is %d", got)
	}
}
