package protocol

import "encoding/binary"

// The broker's answers for a partition that it does not serve, as bytes: what stands in a Fetch or ShareFetch response
// for what was taken out of the request. An array is written as its count (AppendCount), then topic by topic its name
// (AppendTopic), the partitions, and TopicEnd.

// AppendCount appends the length of an array that is not null.
func AppendCount(dst []byte, compact bool, n int) []byte {
	if compact {
		return binary.AppendUvarint(dst, uint64(n)+1)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

// AppendTopic appends what names a topic in a Fetch or Produce message of the version, and the number of its partitions.
// ShareFetch names topics as Fetch does from v13 on.
func AppendTopic(dst []byte, version int16, compact bool, name string, id *[16]byte, parts int) []byte {
	switch {
	case version >= 13:
		dst = append(dst, id[:]...)
	case compact:
		dst = binary.AppendUvarint(dst, uint64(len(name))+1)
		dst = append(dst, name...)
	default:
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(name)))
		dst = append(dst, name...)
	}
	return AppendCount(dst, compact, parts)
}

// AppendTopicEnd ends a topic: with no tagged fields, where there may be some.
func AppendTopicEnd(dst []byte, compact bool) []byte {
	if compact {
		return append(dst, 0)
	}
	return dst
}

// AppendFetchError appends a partition of a Fetch response that has an error, no offset and no record.
func AppendFetchError(dst []byte, version int16, index int32, code int16) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(index))
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	dst = appendNone(dst) // high watermark
	if version >= 4 {
		dst = appendNone(dst) // last stable offset
	}
	if version >= 5 {
		dst = appendNone(dst) // log start offset
	}
	compact := version >= 12
	if version >= 4 {
		dst = AppendCount(dst, compact, 0) // aborted transactions
	}
	if version >= 11 {
		dst = append(dst, 0xff, 0xff, 0xff, 0xff) // preferred replica: none
	}
	dst = AppendCount(dst, compact, 0) // bytes of records
	return AppendTopicEnd(dst, compact)
}

// AppendShareError appends a partition of a ShareFetch response that has errors and no record: code for the fetch, ack for
// the acknowledgements that came with it.
func AppendShareError(dst []byte, index int32, code, ack int16) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(index))
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	dst = append(dst, 0) // message: null
	dst = binary.BigEndian.AppendUint16(dst, uint16(ack))
	dst = append(dst, 0)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0, 0) // leader and its tags: not said
	dst = AppendCount(dst, true, 0)              // bytes of records
	dst = AppendCount(dst, true, 0)              // acquired records
	return AppendTopicEnd(dst, true)
}

func appendNone(dst []byte) []byte {
	return append(dst, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
}
