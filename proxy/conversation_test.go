package proxy

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/internal/conversation"
	"doorkeeper/relay"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var update = flag.Bool("update", false, "write the records of recorded conversations anew")

// Conversations between real clients and real brokers are played through the proxy, which stands between the recorded
// two: either side must get what it got then, broker addresses aside, and the records are those in the golden file.
func TestConversations(t *testing.T) {
	var files []string
	for _, folder := range []string{"conversations", "kfake"} { // with Apache Kafka (test/kafka records it), and with kfake
		in, err := filepath.Glob("testdata/" + folder + "/*.conv")
		if err != nil || len(in) == 0 {
			t.Errorf("no conversations in testdata/%s: %v", folder, err)
		}
		files = append(files, in...)
	}
	for _, file := range files {
		eachMode(t, func(t *testing.T, mode relay.Mode) {
			t.Run(filepath.Base(file), func(t *testing.T) {
				c, err := conversation.Open(file)
				if err != nil {
					t.Fatal(err)
				}
				replay(t, mode, c, "testdata/records/"+strings.TrimSuffix(filepath.Base(file), ".conv")+".jsonl")
			})
		})
	}
}

// A player plays both ends of a recorded connection.
type player struct {
	*line
	requests, answers [][]byte      // frames as recorded
	atBroker          []byte        // what the broker got, our own questions left out
	atClient          [][]byte      // the frames that the client got
	got               chan []byte   // the same, as they come
	done              chan struct{} // the broker has heard everything
}

func replay(t *testing.T, mode relay.Mode, c *conversation.Conversation, golden string) {
	l := &line{rig: nil}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	l.ln, l.rig = ln, newRigWith(t, []string{ln.Addr().String()}, mode, time.Hour, nil)
	l.client = l.dial()
	p := &player{line: l, requests: splitFrames(c.Stream(conversation.FromClient)), answers: splitFrames(c.Stream(conversation.FromBroker))}
	p.play(c)
	p.client.Close()
	<-p.done
	l.settle()
	p.compare()
	p.holdRecords(golden)
}

// splitFrames cuts a stream at its length prefixes, which raw SASL tokens have as well. An incomplete end is left out.
func splitFrames(b []byte) (frames [][]byte) {
	for len(b) >= 4 {
		n := 4 + int(binary.BigEndian.Uint32(b))
		if n > len(b) {
			return frames
		}
		frames = append(frames, b[:n])
		b = b[n:]
	}
	return frames
}

// play lets the client say every chunk once it has the answers that it had then. The broker answers what it has heard
// to the end: earlier than it did where the client had already said more, for ours may ask a question in between.
func (p *player) play(c *conversation.Conversation) {
	p.t.Helper()
	p.got, p.done = make(chan []byte, len(p.answers)+1), make(chan struct{})
	go p.listen()
	go p.serve()
	had := 0
	for _, chunk := range c.Chunks {
		if chunk.From == conversation.FromBroker {
			had += len(chunk.Data)
			continue
		}
		for _, n := framesIn(p.answers, had); len(p.atClient) < n; {
			p.await()
		}
		p.ask(chunk.Data)
	}
	for len(p.atClient) < len(p.answers) {
		p.await()
	}
}

// listen is the client's ear.
func (p *player) listen() {
	defer close(p.got)
	for {
		buf := make([]byte, 64<<10)
		_ = p.client.SetReadDeadline(time.Now().Add(patience))
		n, err := readGrown(p.client, &buf)
		if err != nil {
			return
		}
		p.got <- buf[:n]
	}
}

func (p *player) await() {
	p.t.Helper()
	frame, ok := <-p.got
	if !ok {
		p.t.Fatalf("the client got %d of %d answers", len(p.atClient), len(p.answers))
	}
	p.atClient = append(p.atClient, frame)
}

// framesIn returns how many of the frames are whole in the first n bytes of their stream, and how many bytes they are.
func framesIn(frames [][]byte, n int) (size, count int) {
	for _, f := range frames {
		if size+len(f) > n {
			break
		}
		size += len(f)
		count++
	}
	return size, count
}

// serve is the broker: it answers each request with its recorded answer, and our own questions with nothing known.
func (p *player) serve() {
	defer close(p.done)
	nc, err := p.ln.Accept()
	if err != nil {
		return
	}
	defer nc.Close()
	buf := make([]byte, 64<<10)
	answer := 0
	for heard := 0; heard < len(p.requests); {
		_ = nc.SetReadDeadline(time.Now().Add(patience))
		n, err := readGrown(nc, &buf)
		if err != nil {
			return
		}
		if isOwn(buf[:n]) {
			_, _ = nc.Write(to(buf[:n], answered(kmsg.NewPtrMetadataResponse(), metadataByID, true)))
			continue
		}
		p.atBroker = append(p.atBroker, buf[:n]...)
		if !silentRequest(p.requests[heard]) && answer < len(p.answers) {
			half := len(p.answers[answer]) / 2
			_, _ = nc.Write(p.answers[answer][:half])
			_, _ = nc.Write(p.answers[answer][half:])
			answer++
		}
		heard++
	}
	_, _ = nc.Read(buf) // until the client's end
}

func isOwn(frame []byte) bool {
	return len(frame) > 12 && binary.BigEndian.Uint16(frame[4:]) == 3 && binary.BigEndian.Uint32(frame[8:]) == ownCorrelation
}

// compare holds what either side got against the recording.
func (p *player) compare() {
	p.t.Helper()
	want := bytes.Join(p.requests, nil)
	if i := firstDifference(p.atBroker, want); i >= 0 {
		p.t.Errorf("the broker got other bytes from byte %d of %d on", i, len(want))
	}
	got := p.atClient
	asked := p.answeredRequests()
	for i := range got {
		if bytes.Equal(got[i], p.answers[i]) {
			continue
		}
		if i >= len(asked) {
			p.t.Fatalf("answer %d differs, and belongs to no request", i)
		}
		if problem := sameButForAddresses(asked[i], p.answers[i], got[i]); problem != "" {
			p.t.Errorf("answer %d, to API %d: %s", i, int16(binary.BigEndian.Uint16(asked[i][4:])), problem)
		}
	}
}

// answeredRequests are the requests that have an answer, in order.
func (p *player) answeredRequests() (asked [][]byte) {
	for _, f := range p.requests {
		if !silentRequest(f) {
			asked = append(asked, f)
		}
	}
	return asked
}

// silentRequest says whether a broker does not answer: acks=0.
func silentRequest(frame []byte) bool {
	if len(frame) < 14 || binary.BigEndian.Uint16(frame[4:]) != 0 {
		return false
	}
	q, ok := decodeRequest(frame).(*kmsg.ProduceRequest)
	return ok && q.Acks == 0
}

func decodeRequest(frame []byte) kmsg.Request {
	key, version := int16(binary.BigEndian.Uint16(frame[4:])), int16(binary.BigEndian.Uint16(frame[6:]))
	q := kmsg.RequestForKey(key)
	if q == nil {
		return nil
	}
	q.SetVersion(version)
	at := 14 + max(0, int(int16(binary.BigEndian.Uint16(frame[12:]))))
	if q.IsFlexible() {
		at++ // clients send no tags in headers
	}
	if q.ReadFrom(frame[at:]) != nil {
		return nil
	}
	return q
}

// sameButForAddresses decodes both answers and compares them without hosts and ports; of ApiVersions it wants no more
// than the broker has.
func sameButForAddresses(request, sent, got []byte) string {
	key, version := int16(binary.BigEndian.Uint16(request[4:])), int16(binary.BigEndian.Uint16(request[6:]))
	parse := func(frame []byte) (kmsg.Response, error) {
		r := kmsg.ResponseForKey(key)
		r.SetVersion(version)
		at := 8
		if r.IsFlexible() && key != int16(kmsg.ApiVersions) {
			at++
		}
		err := r.ReadFrom(frame[at:])
		forgetAddresses(reflect.ValueOf(r))
		return r, err
	}
	was, err := parse(sent)
	if err != nil {
		return fmt.Sprint("the recorded one: ", err)
	}
	is, err := parse(got)
	if err != nil {
		return fmt.Sprint("the one that came: ", err)
	}
	if v, ok := is.(*kmsg.ApiVersionsResponse); ok {
		return within(v, was.(*kmsg.ApiVersionsResponse))
	}
	return cmp.Diff(was.AppendTo(nil), is.AppendTo(nil))
}

// within says which version was promised to the client that the broker does not have.
func within(got, broker *kmsg.ApiVersionsResponse) string {
	has := map[int16]kmsg.ApiVersionsResponseApiKey{}
	for _, k := range broker.ApiKeys {
		has[k.ApiKey] = k
	}
	for _, k := range got.ApiKeys {
		if b, ok := has[k.ApiKey]; !ok || k.MaxVersion > b.MaxVersion || k.MinVersion != b.MinVersion {
			return fmt.Sprintf("key %d is promised from %d to %d", k.ApiKey, k.MinVersion, k.MaxVersion)
		}
	}
	return ""
}

// An address in a broker's settings.
var hostPort = regexp.MustCompile(`(127\.0\.0\.\d+|localhost):\d+`)

// forgetAddresses empties every field Host and Port, settings with addresses in them, and the tags under which endpoints
// are hidden.
func forgetAddresses(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			forgetAddresses(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			forgetAddresses(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			switch name, f := v.Type().Field(i).Name, v.Field(i); {
			case name == "Host" || name == "Port" || name == "UnknownTags" || name == "Value" && aboutAddresses(f):
				f.SetZero()
			case f.CanSet():
				forgetAddresses(f)
			}
		}
	}
}

// aboutAddresses says whether a setting's value is one with addresses, or nothing.
func aboutAddresses(v reflect.Value) bool {
	text, ok := v.Interface().(*string)
	return ok && text != nil && (*text == "" || hostPort.MatchString(*text))
}

// holdRecords compares the records, without what is another each time, with the golden file.
func (p *player) holdRecords(golden string) {
	var lines []string
	for _, r := range p.all() {
		r.Journal, r.Seq, r.Id, r.Session, r.Time, r.EndTime, r.LoggedTime = "", 0, "", "", nil, nil, nil
		r.Source, r.Peer, r.Upstream, r.CommunityId, r.UpstreamCommunityId = "", "", "", "", ""
		r.DurationMs, r.ClientOut, r.ClientAcked, r.BrokerIn, r.BrokerOut = nil, nil, nil, nil, nil
		if r.Partition == nil {
			r.ResponseBytes = nil // our addresses are longer or shorter than the broker's
		}
		if r.Operation == "CLOSE" {
			r.Cause = ""
		}
		lines = append(lines, string(access.AppendJSON(nil, r)))
	}
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			p.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		p.t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		p.t.Errorf("records (-want +got):\n%s", diff)
	}
}
