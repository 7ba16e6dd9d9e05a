package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/proxy/api"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// headOf is the start of a request frame: its length, and a header v1 without a client id.
func headOf(size, key, version int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(size))
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	return append(b, 0, 0, 0, 7, 0xff, 0xff)
}

// What a client may not send ends its connection, as a broker would end it, and nothing of it reaches the broker.
func TestHostileRequests(t *testing.T) {
	replica := func(id int32) []byte {
		q := kmsg.NewPtrFetchRequest()
		q.ReplicaID = id
		return framed(q, 12)
	}
	cut := framed(kmsg.NewPtrListOffsetsRequest(), 5)
	binary.BigEndian.PutUint32(cut, uint32(len(cut)-4-2))
	for _, c := range []struct {
		name  string
		frame []byte
		words string
	}{
		{"no length", []byte{0, 0, 0, 0}, "a request of 0 bytes"},
		{"negative length", []byte{0xff, 0xff, 0xff, 0xfe}, "a request of -2 bytes"},
		{"shorter than a header", []byte{0, 0, 0, 7, 0, 3, 0, 0, 0, 0, 0}, "a request of 7 bytes"},
		{"longer than any request", headOf(maxProduce+1, 0, 9), "is outside"},
		{"longer than any but Produce", headOf(maxRequest+1, 3, 9), "is outside"},
		{"header that ends early", []byte{0, 0, 0, 9, 0, 3, 0, 1, 0, 0, 0, 7, 0}, "request header"},
		{"client id that is longer than the frame", append(headOf(12, 3, 1)[:12], 0x7f, 0xff, 0, 0), "request header"},
		{"an API that nobody has", headOf(10, 200, 0), "API key 200"},
		{"a negative API", headOf(10, 0xffff, 0), "API key -1"},
		{"LeaderAndIsr", headOf(10, 4, 0), "API key 4"},
		{"Envelope", append(headOf(11, 58, 0), 0), "API key 58"},
		{"ReadShareGroupState", append(headOf(11, 84, 0), 0), "API key 84"},
		{"Fetch of a later version", append(headOf(11, 1, 99), 0), "Fetch version 99"},
		{"Produce of a later version", append(headOf(11, 0, 99), 0), "Produce version 99"},
		{"Metadata of a negative version", headOf(10, 3, 0xffff), "Metadata version -1"},
		{"body that ends early", cut[:len(cut)-2], "ListOffsets v5 request"},
		{"array longer than the frame", append(headOf(14, 3, 1), 0x7f, 0xff, 0xff, 0xff), "Metadata v1 request"},
		{"a replica id that is nobody's", replica(-3), "replica id -3"},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), "is outside"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, newLaw().under)
			l.ask(c.frame)
			_ = l.ln.(*net.TCPListener).SetDeadline(time.Now().Add(200 * time.Millisecond))
			if nc, err := l.ln.Accept(); err == nil { // dialled before the body was read
				defer nc.Close()
				if b, _ := io.ReadAll(nc); len(b) > 0 {
					t.Errorf("the broker got % x", b)
				}
			}
			l.closed(c.words)
		})
	}
}

// What was asked before a bad request is answered before the end.
func TestBadRequestComesLast(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		l := newLine(t, mode, nil)
		q1, a1 := groups(1)
		q2, a2 := foreignFetch(2)
		l.ask(q1, q2, headOf(10, 200, 0))
		l.asked(q1)
		l.answer(a1)
		l.answered(a1, a2)
		l.closed("API key 200")
	})
}

// A close with bytes unread would be a reset, which takes with it what a slow client has not been sent yet.
func TestLastAnswerReachesASlowClient(t *testing.T) {
	eachMode(t, func(t *testing.T, mode relay.Mode) {
		l := newLine(t, mode, nil)
		q, a := cannedFetch(4, 512<<10)
		a = to(q, a)
		l.ask(q, headOf(10, 200, 0))
		go func() { _, _ = l.client.Write(make([]byte, 1<<20)) }()
		l.asked(q)
		go l.answer(a)
		time.Sleep(300 * time.Millisecond)
		l.answered(a)
		l.closed("API key 200")
	})
}

// A follower's replica id is an action of its own.
func TestReplicaID(t *testing.T) {
	l := newLine(t, relay.ModeAuto, nil)
	q, r := kmsg.NewPtrFetchRequest(), kmsg.NewPtrFetchResponse()
	q.ReplicaState.ID, q.SessionEpoch = 2, -1
	l.cluster.LearnTopics(fetchTopics)
	topic, part := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
	topic.TopicID, part.RecordBatches = fetchTopics[0].ID, recordBatch(0, 10, 100)
	topic.Partitions = append(topic.Partitions, part)
	r.Topics = append(r.Topics, topic)
	request := framed(q, 17)
	answer := to(request, answered(r, 17, true))
	l.ask(request)
	l.asked(request)
	l.answer(answer)
	l.answered(answer)
	l.client.Close()
	l.settle()
	if !l.some(func(r *access.Record) bool {
		return r.Operation == "READ" && r.GetMessages() == 10 && r.GetReplicaId() == 2
	}) {
		t.Error("no record says that a follower's id was used")
	}
}

// ApiVersions of a version that nobody here knows is answered with 35 in version 0, and the client asks again.
func TestApiVersionsOfAnotherVersion(t *testing.T) {
	for _, version := range []int16{6, 99, -1} {
		t.Run(fmt.Sprint("v", version), func(t *testing.T) {
			l := newLine(t, relay.ModeAuto, nil)
			q := numbered(framed(kmsg.NewPtrApiVersionsRequest(), 3), 5)
			binary.BigEndian.PutUint16(q[6:], uint16(version))
			l.ask(q)
			got := l.frame()
			r := kmsg.NewPtrApiVersionsResponse()
			if err := r.ReadFrom(got[8:]); err != nil {
				t.Fatal(err)
			}
			if r.ErrorCode != 35 || len(r.ApiKeys) != 1 || r.ApiKeys[0].ApiKey != 18 || binary.BigEndian.Uint32(got[4:]) != 5 {
				t.Errorf("%+v", r)
			}
			again, a := groups(6)
			l.ask(again)
			l.asked(again)
			l.answer(a)
			l.answered(a)
			l.client.Close()
			l.settle()
		})
	}
	t.Run("unknown to the broker", func(t *testing.T) {
		l := newLine(t, relay.ModeAuto, nil)
		q := framed(kmsg.NewPtrApiVersionsRequest(), 5)
		r := kmsg.NewPtrApiVersionsResponse()
		r.ErrorCode = 35
		answer := to(q, answered(r, 0, false))
		l.ask(q)
		l.asked(q)
		l.answer(answer)
		l.answered(answer)
		l.client.Close()
		l.settle()
	})
}

// heldFetch is a Fetch whose small answer may carry broker endpoints.
func heldFetch(change func(*kmsg.FetchResponse)) (request, answer []byte) {
	q := kmsg.NewPtrFetchRequest()
	q.SessionEpoch = -1
	r := kmsg.NewPtrFetchResponse()
	b := kmsg.NewFetchResponseBroker()
	b.NodeID, b.Host, b.Port = 1, "broker.internal", 9092
	r.Brokers = append(r.Brokers, b)
	change(r)
	request = framed(q, 16)
	return request, to(request, answered(r, 16, true))
}

// What a broker may not send ends the connection, and reaches no client.
func TestHostileAnswers(t *testing.T) {
	fetch, fetched := cannedFetch(2, 1000)
	fetched = to(fetch, fetched)
	other, answer := groups(7)
	meta := framed(kmsg.NewPtrMetadataRequest(), 9)
	nodes := kmsg.NewPtrMetadataResponse()
	node := kmsg.NewMetadataResponseBroker()
	node.NodeID, node.Host, node.Port = 70_000, "broker.internal", 9092
	nodes.Brokers = append(nodes.Brokers, node)
	held, _ := heldFetch(func(*kmsg.FetchResponse) {})
	_, outside := heldFetch(func(r *kmsg.FetchResponse) { r.Brokers[0].NodeID = 70_000 })
	_, broken := heldFetch(func(r *kmsg.FetchResponse) { r.Topics = make([]kmsg.FetchResponseTopic, 3) })
	broken = broken[:len(broken)-9]
	binary.BigEndian.PutUint32(broken, uint32(len(broken)-4))
	sized := func(frame []byte, n uint32) []byte {
		f := append([]byte(nil), frame...)
		binary.BigEndian.PutUint32(f, n)
		return f
	}
	magic := append([]byte(nil), fetched...)
	magic[len(magic)-2000+16-2] = 9 // of some batch; where exactly does not matter
	for _, c := range []struct {
		name            string
		request, answer []byte
		words           string
		begun           bool // the client may have got its start
	}{
		{"for another request", other, to(numbered(other, 8), answer), "answer 8 came where 7 was due", false},
		{"of no bytes", other, sized(answer, 0), "an answer of 0 bytes", false},
		{"of negative size", other, sized(answer, 0x80000000), "an answer of -2147483648 bytes", false},
		{"that would have to be rewritten, and is too large", meta, sized(to(meta, answered(nodes, 9, true)), maxWhole+1), "would have to be rewritten", false},
		{"with a broker that has no port here", meta, to(meta, answered(nodes, 9, true)), "broker 70000 has no port", false},
		{"that ends in its middle", meta, sized(to(meta, answered(nodes, 9, true))[:20], 16), "Metadata v9 response", false},
		{"a Fetch with a broker that has no port here", held, outside, "broker 70000 has no port", false},
		{"a Fetch that ends in its middle", held, broken, "fetch response", false},
		{"a Fetch of no bytes", fetch, sized(fetched, 0), "bad answer", true},
		{"a Fetch of negative size", fetch, sized(fetched, 0xffffff00), "bad answer", true},
		{"a Fetch with bytes behind its end", fetch, append(sized(fetched, uint32(len(fetched))), 0, 0, 0, 0), "fetch response", true},
		{"to nothing", nil, answer, "nobody asked for", false},
	} {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			t.Run(c.name, func(t *testing.T) {
				l := newLine(t, mode, nil)
				q, a := groups(1)
				l.ask(q)
				l.asked(q)
				l.answer(a)
				l.answered(a)
				if c.request != nil {
					l.ask(c.request)
					l.asked(c.request)
				}
				l.answer(c.answer)
				_ = l.client.SetReadDeadline(time.Now().Add(patience))
				b, err := io.ReadAll(l.client)
				if errors.Is(err, os.ErrDeadlineExceeded) || len(b) > 0 && !c.begun {
					t.Errorf("the client got % x, %v", head(b), err)
				}
				if strings.Contains(string(b), "broker.internal") {
					t.Error("the client got a broker's address")
				}
				l.client.Close()
				l.settle()
				l.mustCause(c.words)
				onlyOnce(t)
			})
		})
	}
}

// onlyOnce wants no exchange twice in the pool: two connections would share it.
func onlyOnce(t *testing.T) {
	t.Helper()
	seen := map[*api.Exchange]bool{}
	for range 64 {
		x := api.NewExchange()
		if seen[x] {
			t.Fatal("an exchange lies in the pool twice")
		}
		seen[x] = true
	}
}

// A broker that goes away at any byte, in either way: the client gets a prefix of the answer, and then the end.
func TestAnswerCutAtEveryByte(t *testing.T) {
	fetch, fetched := cannedFetch(3, 100)
	held, small := heldFetch(func(*kmsg.FetchResponse) {})
	for _, c := range []struct {
		name            string
		request, answer []byte
	}{{"streamed", fetch, to(fetch, fetched)}, {"held", held, small}} {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			t.Run(c.name, func(t *testing.T) {
				l := newLine(t, mode, nil)
				l.client.Close()
				for n := 0; n < len(c.answer); n += 1 + n/40 {
					l.client, l.broker = l.dial(), nil
					l.ask(c.request)
					l.asked(c.request)
					l.answer(c.answer[:n])
					if n%2 == 1 {
						_ = l.broker.SetLinger(0)
					}
					l.broker.Close()
					_ = l.client.SetReadDeadline(time.Now().Add(patience))
					b, err := io.ReadAll(l.client)
					if errors.Is(err, os.ErrDeadlineExceeded) || firstDifference(b, c.answer[:min(len(b), n)]) >= 0 {
						t.Fatalf("at %d: the client got %d bytes, %v", n, len(b), err)
					}
					l.client.Close()
				}
				l.settle()
			})
		})
	}
}

// A flood of bad connections writes some lines into the log, and a line that says how many more there were.
func TestBadConnectionsDoNotFloodTheLog(t *testing.T) {
	var a alarms
	now := time.Unix(1_800_000_000, 0)
	written := 0
	for range 1000 {
		if a.take(now) {
			written++
		}
	}
	if n := a.missed(now); n != 0 {
		t.Errorf("%d lines are said to be missed within their second", n)
	}
	if n := a.missed(now.Add(time.Second)); written != alarmsPerSecond || n != 1000-alarmsPerSecond {
		t.Errorf("%d lines were written, %d missed", written, n)
	}
	if !a.take(now.Add(time.Second)) || a.missed(now.Add(2*time.Second)) != 0 {
		t.Error("the next second does not begin anew")
	}
}

// Names of the wire break no line of the log and no record.
func TestNamesOfTheWireAreData(t *testing.T) {
	l := newLine(t, relay.ModeAuto, nil)
	q := kmsg.NewPtrListGroupsRequest()
	q.SetVersion(0)
	bad := "x\n\x1b[2J\xff\"} level=ERROR"
	request := kmsg.NewRequestFormatter(kmsg.FormatterClientID(bad)).AppendRequest(nil, q, 1)
	l.ask(request, headOf(10, 200, 0))
	l.asked(request)
	l.answer(to(request, answered(kmsg.NewPtrListGroupsResponse(), 0, false)))
	l.frame()
	l.closed("API key 200")
	for _, r := range l.all() {
		line := string(access.AppendJSON(nil, r))
		if strings.ContainsAny(line, "\n\x1b") || strings.Contains(line, `"x`+"\n") {
			t.Errorf("a record has the name as it came: %q", line)
		}
	}
}
