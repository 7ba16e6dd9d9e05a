//go:build linux

package net

import (
	"cmp"
	"fmt"
	"slices"

	"doorkeeper/test/net/broker"
	"doorkeeper/test/net/client"
	"doorkeeper/test/net/door"
)

// exact compares a session's READ records with the answers that its client has read to their end, one after the other
// of one topic: every number of contracts/record.md, the digest included.
func exact(s *door.Session, answers ...*client.Reading) error {
	if s == nil || s.Close == nil {
		return fmt.Errorf("no session")
	}
	topic := answers[0].Topic
	var cut, cutBytes, bytes int64
	for _, a := range answers {
		if a.At != a.Len() {
			return fmt.Errorf("the test has read %d of %d bytes", a.At, a.Len())
		}
		if bytes += a.Len(); a.Cut() > 0 {
			cut, cutBytes = cut+1, cutBytes+a.Cut()
		}
	}
	sum, err := contiguous(topic, s.Reads)
	if err != nil {
		return err
	}
	last := answers[len(answers)-1]
	whole := last.First + last.Whole() - answers[0].First
	want := totals{
		requests: int64(len(answers)), first: answers[0].First * int64(topic.Records), batches: whole,
		cut: cut, cutBytes: cutBytes,
	}
	if sum.requests < want.requests { // one that spans several flows counts in each
		return fmt.Errorf("%s: %d requests in the records, not %d", topic.Name, sum.requests, want.requests)
	}
	if sum.requests = want.requests; sum != want {
		return fmt.Errorf("%s: the records say %+v, and it was %+v", topic.Name, sum, want)
	}
	for _, r := range s.Reads {
		if r.Outcome != "released" {
			return fmt.Errorf("%s: outcome %q of %d to %d", topic.Name, r.Outcome, r.First, r.Last)
		}
	}
	if s.Close.ClientOut < bytes {
		return fmt.Errorf("client_out is %d, and the client has read %d", s.Close.ClientOut, bytes)
	}
	return nil
}

// covers compares records with an answer of which the client has read only a part: the records are in themselves exact,
// and have every batch of which it got a byte, and none that the answer had not.
func covers(s *door.Session, r *client.Reading) error {
	if s == nil || s.Close == nil {
		return fmt.Errorf("no session")
	}
	begun, _ := r.Reached(r.At)
	if begun == 0 && len(s.Reads) == 0 {
		return nil
	}
	sum, err := contiguous(r.Topic, s.Reads)
	if err != nil {
		return err
	}
	if sum.first != r.First*int64(r.Topic.Records) || sum.batches < begun || sum.batches > r.Whole()+1 {
		return fmt.Errorf("%s: the records say %+v; the client got bytes of %d batches of %d from %d on", r.Topic.Name, sum, begun, r.Whole(), r.First)
	}
	last := slices.MaxFunc(s.Reads, byOffset)
	if last.Outcome != "partial" && last.Outcome != "released" {
		return fmt.Errorf("%s: outcome %q", r.Topic.Name, last.Outcome)
	}
	if s.Close.ClientOut < r.At {
		return fmt.Errorf("client_out is %d, and the client has read %d", s.Close.ClientOut, r.At)
	}
	return nil
}

type totals struct{ requests, first, batches, cut, cutBytes int64 }

func byOffset(a, b *door.Record) int {
	return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Seq, b.Seq))
}

// contiguous sums up records of one topic, which must join one to the next and each be true in itself.
func contiguous(topic *broker.Topic, reads []*door.Record) (totals, error) {
	reads = slices.SortedFunc(slices.Values(reads), byOffset)
	if len(reads) == 0 {
		return totals{}, fmt.Errorf("%s: no READ record", topic.Name)
	}
	sum := totals{first: reads[0].First}
	next := sum.first
	for _, r := range reads {
		sum.requests += r.Requests
		sum.cut += r.CutBatches
		sum.cutBytes += r.CutBytes
		if r.Resource != topic.Name {
			return sum, fmt.Errorf("a READ of %q, not %q", r.Resource, topic.Name)
		}
		if r.Batches == 0 {
			continue // it had a cut batch alone
		}
		first, n := r.First/int64(topic.Records), r.Batches
		bytes := n * int64(topic.Batch)
		if r.Outcome == "partial" { // the bytes that were handed over of the last batch
			bytes = min(bytes, max(r.Bytes, bytes-int64(topic.Batch)+1))
		}
		if r.First != next || r.Messages != n*int64(topic.Records) || r.Bytes != bytes ||
			r.Last != r.First+r.Messages-1 || r.Digest != topic.Digest(first, n) {
			return sum, fmt.Errorf("%s: a record that is wrong in itself or does not follow %d: %+v", topic.Name, next, *r)
		}
		next = r.Last + 1
		sum.batches += n
	}
	return sum, nil
}
