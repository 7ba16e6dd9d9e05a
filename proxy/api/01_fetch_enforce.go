package api

import (
	"encoding/binary"
	"time"

	"doorkeeper/access"
	"doorkeeper/protocol"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A Fetch of which something may not be read. Denied partitions are answered 29 with offsets -1 and no records; from v13 on
// UNKNOWN_TOPIC_ID where nobody knows whose id it is. Refused ones are answered OFFSET_NOT_AVAILABLE, which clients retry.
//
//   - A full fetch goes to the broker without them, and they are put into its answer (Reader). With refused ones it opens
//     no session. If nothing is left of it, it is answered here, after a while and with a throttle time: franz-go would
//     ask again at once. One that names a session goes to the broker all the same, emptied: that ends the session.
//   - An incremental fetch goes to the broker without them; those that are denied are then the session's, and stand in
//     every answer. With refused ones it is answered 71, as is one of a session in which something else may be read than
//     before: the client opens a new one, and names the old one in doing so.

// How long a client waits that is denied everything: it is held so long, and asked to throttle itself so long.
const (
	deniedHold     = 500 * time.Millisecond
	deniedThrottle = 1000 // milliseconds
)

func enforceFetch(x *Exchange) (kmsg.Response, error) {
	f := &x.fetch
	q := &f.q
	whole := x.followerStops()
	if q.SessionEpoch > 0 || q.SessionEpoch < -1 { // incremental, or an error of the broker's
		if whole != 0 || x.refused() {
			return x.reopenFetch(deniedThrottle), nil
		}
		if x.Env.Fetch.movesFar(x) {
			return x.reopenFetch(0), nil
		}
		x.failStopped()
		f.codes = x.fetchCodes(0)
		x.stopFar()
		return nil, nil
	}
	if err := x.keep(int64(len(q.Partitions)) * answeredSize); err != nil {
		return nil, err
	}
	x.failStopped()
	f.codes = x.fetchCodes(whole)
	x.stopFar()
	left, denied, refused := 0, 0, 0
	for _, code := range f.codes {
		switch code {
		case 0:
			left++
		case errOffsetNotAvailable:
			refused++
		default:
			denied++
		}
	}
	if left > 0 || denied > 0 {
		f.withheld = x.withholdFetch()
	}
	if left > 0 {
		f.closes = refused > 0 && q.SessionEpochAt >= 0
		return nil, nil
	}
	f.throttle = deniedThrottle
	x.waits(q.MaxWait)
	if q.SessionID != 0 {
		f.closes, f.emptied = true, true
		return nil, nil
	}
	return x.answerFetch(), nil
}

// waits lets the client wait as long as it would for records, and no longer than deniedHold.
func (x *Exchange) waits(milliseconds int32) {
	x.enforced.hold = min(time.Duration(max(milliseconds, 0))*time.Millisecond, deniedHold)
}

// followerStops returns the error that stands for every partition of a follower that may not be one, as the broker's does;
// 0: it may, or is none.
func (x *Exchange) followerStops() int16 {
	if x.ReplicaID == consumer {
		return 0
	}
	d := x.Decided(access.OpClusterAction, access.ResCluster, access.ClusterResource)
	if !d.Stops() {
		return 0
	}
	code := x.Code(d, errTopicAuthorization)
	x.Fail(code)
	return code
}

// fetchCodes returns the errors that stand for the entries of the request; 0 for those that go to the broker.
func (x *Exchange) fetchCodes(whole int16) []int16 {
	stopped := x.stoppedTopics()
	codes := make([]int16, len(x.fetch.topics))
	for i, t := range x.fetch.topics {
		if codes[i] = whole; whole == 0 {
			codes[i] = stopped[keyOf(t)]
		}
	}
	return codes
}

// withholdFetch collects what stands for the partitions of a full fetch that do not go to the broker, in the request's
// order. Of a partition that is named twice there is one answer.
func (x *Exchange) withholdFetch() (all []withheld) {
	f := &x.fetch
	type part struct {
		topicKey
		index int32
	}
	seen := make(map[part]bool)
	for i := range f.q.Topics {
		far, d := f.farParts(i)
		if f.codes[i] == 0 && far == 0 {
			continue
		}
		t := &f.q.Topics[i]
		w := withheld{topic: f.topics[i], decision: f.decisions[i], code: f.codes[i]}
		if far > 0 {
			w.decision, w.code = d, errTopicAuthorization
		}
		for n, p := range f.q.Partitions[t.First : t.First+t.Count] {
			if far > 0 && f.far[t.First+n] == nil {
				continue
			}
			if k := (part{keyOf(w.topic), p.Index}); !seen[k] {
				seen[k] = true
				w.parts = append(w.parts, p.Index)
			}
		}
		if len(w.parts) > 0 {
			all = append(all, w)
		}
	}
	return all
}

// answerFetch is the answer to a full fetch of which nothing is left.
func (x *Exchange) answerFetch() kmsg.Response {
	r := kmsg.NewPtrFetchResponse()
	r.ThrottleMillis = x.fetch.throttle
	for _, w := range x.fetch.withheld {
		t := kmsg.NewFetchResponseTopic()
		t.Topic, t.TopicID = w.topic.Name, w.topic.ID
		for _, index := range w.parts {
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition, p.ErrorCode, p.HighWatermark = index, w.code, -1
			p.AbortedTransactions, p.RecordBatches = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}, []byte{}
			t.Partitions = append(t.Partitions, p)
		}
		r.Topics = append(r.Topics, t)
	}
	if x.Version > 0 {
		x.Throttle = r.ThrottleMillis
	}
	return r
}

// localFetch returns the answer that doorkeeper gives itself, if the request may not go to the broker: an incremental
// fetch on a session that this connection did not open, or in which something else may be read now, is answered
// INVALID_FETCH_SESSION_EPOCH, upon which clients open a new one and name the old id, so that the broker frees its slot
// (KIP-227).
func (x *Exchange) localFetch() kmsg.Response {
	q := &x.fetch.q
	if q.SessionID == 0 || q.SessionEpoch <= 0 {
		return nil
	}
	var throttle int32
	switch x.Env.Fetch.check(x) {
	case good:
		return nil
	case unknown:
		throttle = deniedThrottle
	}
	x.enforced.local = x.reopenFetch(throttle)
	return x.enforced.local
}

// reopenFetch is the answer upon which a client opens its fetch session anew.
func (x *Exchange) reopenFetch(throttle int32) kmsg.Response {
	if throttle > 0 {
		x.waits(x.fetch.q.MaxWait)
	}
	r := kmsg.NewPtrFetchResponse()
	r.SetVersion(x.Version)
	r.ErrorCode, r.ThrottleMillis = errInvalidFetchSession, throttle
	x.Throttle = throttle
	x.Fail(r.ErrorCode)
	return r
}

// appendFetch appends the request as it goes to the broker.
func (x *Exchange) appendFetch(dst, body []byte) []byte {
	f := &x.fetch
	q := &f.q
	start, left := len(dst), 0
	dst = append(dst, body[:q.TopicsAt]...)
	if f.closes {
		binary.BigEndian.PutUint32(dst[start+q.SessionEpochAt:], 0xffffffff)
	}
	for _, code := range f.codes {
		if code == 0 {
			left++
		}
	}
	dst = protocol.AppendCount(dst, x.Version >= 12, left)
	for i := range q.Topics {
		if f.codes[i] == 0 {
			dst = x.appendNear(dst, body, i)
		}
	}
	return append(dst, body[q.TopicsEnd:]...)
}
