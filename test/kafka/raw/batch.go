package raw

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Batch builds a batch of the current format (magic 2), not compressed, with base offset 0.
func Batch(values ...[]byte) []byte {
	var records []byte
	for i, v := range values {
		r := kmsg.Record{OffsetDelta: int32(i), Value: v}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // the length of 0 takes one byte
		records = r.AppendTo(records)
	}
	now := time.Now().UnixMilli()
	b := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, LastOffsetDelta: int32(len(values) - 1), FirstTimestamp: now, MaxTimestamp: now,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: int32(len(values)), Records: records,
	}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// Old builds an entry of an old message format, magic 0 or 1.
func Old(magic int8, offset int64, attributes int8, value []byte) []byte {
	var body []byte // from the magic byte on: what the CRC is over
	body = append(body, byte(magic), byte(attributes))
	if magic == 1 {
		body = binary.BigEndian.AppendUint64(body, uint64(time.Now().UnixMilli()))
	}
	body = binary.BigEndian.AppendUint32(body, 0xffffffff) // no key
	body = binary.BigEndian.AppendUint32(body, uint32(len(value)))
	body = append(body, value...)
	entry := binary.BigEndian.AppendUint64(nil, uint64(offset))
	entry = binary.BigEndian.AppendUint32(entry, uint32(4+len(body)))
	entry = binary.BigEndian.AppendUint32(entry, crc32.ChecksumIEEE(body))
	return append(entry, body...)
}

// OldWrapper builds a compressed entry (gzip) that holds messages from offset first on. Its own offset is the last of
// them; inside, magic 0 counts from first and magic 1 from 0.
func OldWrapper(magic int8, first int64, values ...[]byte) []byte {
	var inner []byte
	for i, v := range values {
		offset := int64(i)
		if magic == 0 {
			offset += first
		}
		inner = append(inner, Old(magic, offset, 0, v)...)
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write(inner)
	w.Close()
	return Old(magic, first+int64(len(values))-1, 1, zipped.Bytes())
}
