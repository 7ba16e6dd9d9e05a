package protocol_test

import (
	"slices"
	"testing"

	"doorkeeper/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A message is one of those that are parsed whole, as the tests see it.
type message struct {
	name  string
	last  int16
	make  func(m maker, version int16) []byte
	parse func(version int16, body []byte) (string, error)
	kmsg  func(version int16, body []byte) (string, error)
}

// parsers are made once, so that every test also shows that nothing of one message stays for the next.
var (
	fetchRequest      protocol.FetchRequest
	shareFetchRequest protocol.ShareFetchRequest
	produceResponse   protocol.ProduceResponse
)

var messages = []message{{
	name: "fetch request", last: 18,
	make: func(m maker, v int16) []byte { return m.fetchRequest(v).AppendTo(nil) },
	parse: func(v int16, body []byte) (string, error) {
		err := fetchRequest.Parse(v, body)
		return printFetchRequest(&fetchRequest), err
	},
	kmsg: func(v int16, body []byte) (string, error) {
		r := kmsg.NewPtrFetchRequest()
		r.Version = v
		err := r.ReadFrom(body)
		return printKmsgFetchRequest(r), err
	},
}, {
	name: "share fetch request", last: 2,
	make: func(m maker, v int16) []byte { return m.shareFetchRequest(v).AppendTo(nil) },
	parse: func(v int16, body []byte) (string, error) {
		err := shareFetchRequest.Parse(v, body)
		return printShareFetchRequest(&shareFetchRequest), err
	},
	kmsg: func(v int16, body []byte) (string, error) {
		r := kmsg.NewPtrShareFetchRequest()
		r.Version = v
		err := r.ReadFrom(body)
		return printKmsgShareFetchRequest(r), err
	},
}, {
	name: "produce response", last: 13,
	make: func(m maker, v int16) []byte { return m.produceResponse(v).AppendTo(nil) },
	parse: func(v int16, body []byte) (string, error) {
		err := produceResponse.Parse(v, body)
		return printProduceResponse(&produceResponse), err
	},
	kmsg: func(v int16, body []byte) (string, error) {
		r := kmsg.NewPtrProduceResponse()
		r.Version = v
		err := r.ReadFrom(body)
		return printKmsgProduceResponse(r), err
	},
}}

func TestParseReadsWhatKmsgReads(t *testing.T) {
	for _, m := range messages {
		t.Run(m.name, func(t *testing.T) {
			versionsTo(t, m.last, func(t *testing.T, v int16) {
				for seed := range uint64(rounds * 3) {
					body := m.make(newMaker(seed), v)
					before := slices.Clone(body)
					want, err := m.kmsg(v, body)
					if err != nil {
						t.Fatal(err)
					}
					got, err := m.parse(v, body)
					if err != nil {
						t.Fatal(err)
					}
					if got != want {
						t.Fatalf("seed %d:\n%s", seed, cmp.Diff(want, got))
					}
					if !slices.Equal(before, body) {
						t.Fatal("the body changed")
					}
				}
			})
		})
	}
}

func TestParseFindsWrongLengths(t *testing.T) {
	for _, m := range messages {
		t.Run(m.name, func(t *testing.T) {
			versionsTo(t, m.last, func(t *testing.T, v int16) {
				for seed := range uint64(10) {
					body := m.make(newMaker(seed), v)
					for size := range body {
						if got, err := m.parse(v, body[:size]); reason(err) != protocol.Short {
							t.Fatalf("seed %d, size %d of %d: %v\n%s", seed, size, len(body), err, got)
						}
					}
					if _, err := m.parse(v, append(slices.Clone(body), 0)); reason(err) != protocol.Trailing {
						t.Fatalf("seed %d: %v", seed, err)
					}
				}
			})
		})
	}
}

func TestUnknownVersions(t *testing.T) {
	for _, m := range messages {
		for _, v := range []int16{-1, m.last + 1} {
			if _, err := m.parse(v, make([]byte, 100)); reason(err) != protocol.BadVersion {
				t.Errorf("%s v%d: %v", m.name, v, err)
			}
		}
	}
	for _, s := range subjects {
		for _, v := range []int16{-1, s.last + 1} {
			scan, _ := s.open(v, 100)
			if _, err := scan.Scan(make([]byte, 100)); reason(err) != protocol.BadVersion {
				t.Errorf("%s v%d: %v", s.name, v, err)
			}
		}
	}
}

// What is to be edited in place is where the parser says: the fields are found there, and the entries fill the arrays
// to the last byte.
func TestFetchRequestPlaces(t *testing.T) {
	var r, again protocol.FetchRequest
	for v := int16(0); v <= 18; v++ {
		for seed := range uint64(rounds) {
			body := newMaker(seed).fetchRequest(v).AppendTo(nil)
			if err := r.Parse(v, body); err != nil {
				t.Fatal(err)
			}
			put(body, r.MaxWaitAt, 11)
			if r.MaxBytesAt >= 0 {
				put(body, r.MaxBytesAt, 12)
			}
			if r.SessionEpochAt >= 0 {
				put(body, r.SessionEpochAt, 13)
			}
			for i, p := range r.Partitions {
				put(body, p.MaxBytesAt, int32(100+i))
			}
			if err := again.Parse(v, body); err != nil {
				t.Fatal(err)
			}
			if again.MaxWait != 11 || (v >= 3) != (again.MaxBytes == 12) || (v >= 7) != (again.SessionEpoch == 13) {
				t.Fatalf("v%d seed %d: %s", v, seed, printFetchRequest(&again))
			}
			for i, p := range again.Partitions {
				if p.MaxBytes != int32(100+i) {
					t.Fatalf("v%d seed %d: %s", v, seed, printFetchRequest(&again))
				}
			}
			checkEntries(t, &r)
		}
	}
}

func put(b []byte, at int, v int32) {
	copy(b[at:], []byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

func checkEntries(t *testing.T, r *protocol.FetchRequest) {
	t.Helper()
	for i, topic := range r.Topics {
		if end := r.TopicsEnd; i == len(r.Topics)-1 && topic.End != end || i+1 < len(r.Topics) && topic.End != r.Topics[i+1].Start {
			t.Fatalf("topic %d ends at %d of %d", i, topic.End, end)
		}
		at := topic.Parts
		for _, p := range r.Partitions[topic.First : topic.First+topic.Count] {
			if p.Start != at || p.End <= p.Start || p.End > topic.End {
				t.Fatalf("partition at %d-%d, expected at %d, topic ends at %d", p.Start, p.End, at, topic.End)
			}
			at = p.End
		}
	}
}

// Nulls that the protocol does not have, and strings that Kafka cannot read, are refused; kmsg lets some pass.
func TestNulls(t *testing.T) {
	var r protocol.FetchRequest
	head := make([]byte, 4*3+4+1+4+4) // replica, wait, min, max, isolation, session and epoch
	null, none := []byte{0xff, 0xff, 0xff, 0xff}, []byte{0, 0, 0, 0}
	one := []byte{0, 0, 0, 1}
	tests := []struct {
		name   string
		v      int16
		body   []byte
		reason protocol.Reason
	}{
		{"nothing in it", 11, slices.Concat(head, none, none, []byte{0, 0}), 0},
		{"topics", 11, slices.Concat(head, null, none, []byte{0, 0}), protocol.Null},
		{"name", 11, slices.Concat(head, one, []byte{0xff, 0xff}, none, none, []byte{0, 0}), protocol.Null},
		{"partitions", 11, slices.Concat(head, one, []byte{0, 0}, null, none, []byte{0, 0}), protocol.Null},
		{"forgotten", 11, slices.Concat(head, none, null, []byte{0, 0}), protocol.Null},
		{"rack", 11, slices.Concat(head, none, none, []byte{0xff, 0xff}), protocol.Null},
		{"topics, compact", 12, slices.Concat(head, []byte{0, 1, 1, 0}), protocol.Null},
		{"topics above 31 bits", 12, slices.Concat(head, []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1, 0}), protocol.Varint},
		{"rack of 32768 bytes", 12, slices.Concat(head, []byte{1, 1, 0x81, 0x80, 2}, make([]byte, 32768), []byte{0}), protocol.BadString},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := r.Parse(test.v, test.body); reason(err) != test.reason {
				t.Fatal(err)
			}
		})
	}
}

// The memory of one very large request is not kept for the small ones behind it.
func TestLargeRequestIsForgotten(t *testing.T) {
	k := kmsg.NewPtrFetchRequest()
	k.Version = 12
	topic := kmsg.NewFetchRequestTopic()
	for range 50_000 {
		topic.Partitions = append(topic.Partitions, kmsg.NewFetchRequestTopicPartition())
	}
	k.Topics = append(k.Topics, topic)
	var r protocol.FetchRequest
	if err := r.Parse(12, k.AppendTo(nil)); err != nil || len(r.Partitions) != 50_000 {
		t.Fatal(err, len(r.Partitions))
	}
	topic.Partitions = topic.Partitions[:1]
	k.Topics[0] = topic
	if err := r.Parse(12, k.AppendTo(nil)); err != nil || len(r.Partitions) != 1 || cap(r.Partitions) > 100 {
		t.Fatal(err, len(r.Partitions), cap(r.Partitions))
	}
}
