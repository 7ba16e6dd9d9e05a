package proxy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/relay"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fuzzed is a proxy whose connections are made of arbitrary bytes. Whatever those are: nothing panics (the log would be
// told, and the record), the connection ends, and everything it took is given back.
type fuzzed struct {
	*rig
	got *atomic.Pointer[string] // what a broker got that is denied
}

func newFuzzed(f *testing.F, broker string, mode relay.Mode) fuzzed {
	z := fuzzed{got: new(atomic.Pointer[string])}
	z.rig = newRig(f, []string{broker}, mode, func(_ *ClusterSpec, o *Options) {
		o.Log = slog.New(slog.DiscardHandler)
		w := newLaw("payroll")
		w.says["later"] = access.Refuse
		o.Policy = w
		o.Timeouts.Frame, o.Timeouts.Stall = 2*time.Second, 2*time.Second
	})
	z.cluster.LearnTopics([]access.Topic{orders, payroll, stock})
	return z
}

// sees looks at a frame that a broker got, as a broker reads it, for what is denied.
func (z fuzzed) sees(frame []byte) {
	if len(frame) < 14 {
		return
	}
	q := kmsg.RequestForKey(int16(binary.BigEndian.Uint16(frame[4:])))
	if q == nil {
		return
	}
	q.SetVersion(int16(binary.BigEndian.Uint16(frame[6:])))
	body := frame[14:]
	if n := int16(binary.BigEndian.Uint16(frame[12:])); n > 0 {
		if body = body[min(int(n), len(body)):]; len(body) == 0 {
			return
		}
	}
	if q.IsFlexible() {
		tags, n := binary.Uvarint(body)
		for body = body[max(n, 0):]; tags > 0 && n > 0; tags-- {
			_, n = binary.Uvarint(body)
			size, m := binary.Uvarint(body[max(n, 0):])
			if n <= 0 || m <= 0 || size > uint64(len(body)-n-m) {
				return
			}
			body = body[n+m+int(size):]
		}
	}
	if q.ReadFrom(body) != nil {
		return
	}
	for _, t := range changed(q) {
		if t == payroll || t == (access.Topic{Name: payroll.Name}) || t == (access.Topic{ID: payroll.ID}) {
			what := fmt.Sprintf("%s v%d: %+v", kmsg.Key(q.Key()).Name(), q.GetVersion(), q)
			z.got.Store(&what)
		}
	}
}

// changed are the topics that a request reads or writes.
func changed(q kmsg.Request) (all []access.Topic) {
	add := func(name string, id [16]byte) { all = append(all, access.Topic{Name: name, ID: id}) }
	switch q := q.(type) {
	case *kmsg.ProduceRequest:
		for i := range q.Topics {
			add(q.Topics[i].Topic, q.Topics[i].TopicID)
		}
	case *kmsg.FetchRequest:
		for i := range q.Topics {
			add(q.Topics[i].Topic, q.Topics[i].TopicID)
		}
	case *kmsg.ShareFetchRequest:
		for i := range q.Topics {
			add("", q.Topics[i].TopicID)
		}
	case *kmsg.ShareAcknowledgeRequest:
		for i := range q.Topics {
			add("", q.Topics[i].TopicID)
		}
	case *kmsg.OffsetCommitRequest:
		for i := range q.Topics {
			add(q.Topics[i].Topic, q.Topics[i].TopicID)
		}
	case *kmsg.TxnOffsetCommitRequest:
		for i := range q.Topics {
			add(q.Topics[i].Topic, q.Topics[i].TopicID)
		}
	case *kmsg.DeleteRecordsRequest:
		for i := range q.Topics {
			add(q.Topics[i].Topic, [16]byte{})
		}
	case *kmsg.AddPartitionsToTxnRequest:
		for i := range q.Topics {
			add(q.Topics[i].Topic, [16]byte{})
		}
	}
	return all
}

// plays writes what the client says, reads what it gets, and waits for the end. Nothing that is denied may get to a broker.
func (z fuzzed) plays(t *testing.T, client []byte) {
	nc, err := net.DialTimeout("tcp", z.addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	go func() {
		_, _ = nc.Write(client)
		_ = nc.(*net.TCPConn).CloseWrite()
	}()
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, nc)
	nc.Close()
	for until := time.Now().Add(patience); z.p.open() > 0 || z.p.pool.InUse() > 0; {
		if time.Now().After(until) {
			t.Fatalf("%d connections, %d bytes of buffers", z.p.open(), z.p.pool.InUse())
		}
		time.Sleep(50 * time.Microsecond)
	}
	if got := z.got.Load(); got != nil {
		t.Fatal("the broker got what is denied: ", *got)
	}
	if n := len(z.all()); n > 0 {
		for _, r := range z.all()[max(0, n-8):] {
			if bytes.Contains([]byte(r.Cause), []byte("internal error")) {
				t.Fatal(r.Cause)
			}
		}
	}
}

func FuzzRequests(f *testing.F) {
	fetch, fetched := cannedFetch(2, 300)
	produce, produced := cannedProduce(300)
	list, listed := groups(7)
	versions := framed(kmsg.NewPtrApiVersionsRequest(), 3)
	shake, shaken := handshake(1, "PLAIN", 0)
	auth, authed := token("\x00erp\x00secret", "", 0)
	shake0, _ := handshake(0, "SCRAM-SHA-256", 0)
	foreign, _ := foreignFetch(1)
	for _, seed := range [][]byte{
		fetch, produce, list, versions, bytes.Join([][]byte{shake, auth, list, fetch}, nil),
		bytes.Join([][]byte{shake0, raw("n,,n=erp,r=x"), raw("c=biws")}, nil), foreign,
		unanswered(3), hostileMetadata(200), headOf(10, 200, 0), {0x16, 3, 1, 0, 5},
		sessionFetch(13, 0, -1, &fetchTopics[0], 5), sessionFetch(17, 0, 0, &fetchTopics[0], 5),
		framed(fetching(12, 0, 0, payroll, orders), 12), framed(fetching(4, 0, -1, payroll), 4),
		framed(producing(9, -1, "", orders, payroll, access.Topic{Name: "later"}), 9), framed(producing(3, 0, "", payroll, orders), 3),
		framed(producing(11, 1, "payroll", orders), 11), framed(sharing(2, 0, shared{payroll, true}, shared{orders, true}), 2),
		framed(acknowledging(0, payroll), 2), framed(producing(13, -1, "", orders, payroll, stock), 13),
		framed(fetching(13, 0, 0, payroll, orders), 13), framed(fetching(18, 0, -1, orders, payroll), 18),
	} {
		f.Add(seed)
	}
	broker := newCanned(f, map[int16][]byte{
		0: produced, 1: fetched, 16: listed, 17: shaken, 36: authed,
		3:  answered(kmsg.NewPtrMetadataResponse(), metadataByID, true),
		18: answered(kmsg.NewPtrApiVersionsResponse(), 3, false),
	})
	z := newFuzzed(f, broker.addr(), relay.ModeKernel)
	broker.seen = z.sees
	f.Fuzz(func(t *testing.T, client []byte) { z.plays(t, client) })
}

func FuzzResponses(f *testing.F) {
	fetch, fetched := cannedFetch(2, 300)
	large, filled := cannedFetch(2, 200<<10)
	produce, produced := cannedProduce(300)
	held, small := heldFetch(func(*kmsg.FetchResponse) {})
	list, listed := groups(7)
	meta := framed(kmsg.NewPtrMetadataRequest(), 12)
	answers := [][]byte{
		to(list, listed), to(fetch, fetched), to(held, small), to(produce, produced),
		to(meta, answered(kmsg.NewPtrMetadataResponse(), 12, true)), to(large, filled),
	}
	all := bytes.Join([][]byte{list, fetch, held, produce, meta, large}, nil)
	f.Add(bytes.Join(answers, nil))
	for i := range answers {
		f.Add(bytes.Join(answers[:i], nil))
		f.Add(bytes.Join(answers[:i+1], nil)[:len(bytes.Join(answers[:i], nil))+len(answers[i])/2])
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { ln.Close() })
	says := make(chan []byte, 1)
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadFull(nc, make([]byte, len(all)))
			_, _ = nc.Write(<-says)
			nc.Close()
		}
	}()
	user, kernel := newFuzzed(f, ln.Addr().String(), relay.ModeUser), newFuzzed(f, ln.Addr().String(), relay.ModeKernel)
	f.Fuzz(func(t *testing.T, broker []byte) {
		for _, z := range []fuzzed{user, kernel} {
			says <- broker
			z.plays(t, all)
		}
	})
}
