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
			for i, p := range r.Partitions {
				put(body, p.MaxBytesAt, int32(100+i))
			}
			if err := again.Parse(v, body); err != nil {
				t.Fatal(err)
			}
			if again.MaxWait != 11 || (v >= 3) != (again.MaxBytes == 12) {
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
