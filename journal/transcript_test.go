package journal

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
	"google.golang.org/protobuf/proto"

	"doorkeeper/access"
)

var update = flag.Bool("update", false, "rewrite what the transcripts in testdata expect; read the diff before committing it")

// TestTranscripts plays testdata/*.txt. A transcript is prose and blocks; a block is commands, a line "----" and the
// records that the commands made, one JSON line each. Times start at 03:00:00. Left out of the records, except by the
// command "show all", is what is the same in each: ids, proxy, cluster, session and who.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newStage(t).play(string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(string(text), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A stage is a journal with sessions on it, and the commands' memory.
type stage struct {
	t        *testing.T
	now      time.Time
	journal  *Journal
	logs     map[string]*Log
	sessions map[string]*access.Session
	current  string // session
	seen     Position
	all      bool

	identity    *access.Identity
	client      *access.Client
	decision    *access.Decision
	correlation int32
	span        *access.Span
}

func newStage(t *testing.T) *stage {
	s := &stage{
		t: t, now: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC),
		logs: map[string]*Log{}, sessions: map[string]*access.Session{},
		identity: &access.Identity{Principal: "User:erp", Source: access.Observed, Auth: "SCRAM-SHA-256"},
		client:   &access.Client{ID: "erp-app", SoftwareName: "apache-kafka-java", SoftwareVersion: "4.3.1"},
		decision: &access.Decision{Enforced: true},
	}
	s.journal = New(Options{
		Proxy: "dk-1", Now: func() time.Time { return s.now }, Entropy: rand.NewChaCha8([32]byte{1}),
		ClusterID: func(string) string { return "MkU3OEVBNTcwNTJENDM2Qg" },
		APIName: func(key int16) string {
			return map[int16]string{0: "Produce", 1: "Fetch", 3: "Metadata", 12: "Heartbeat", 19: "CreateTopics", 78: "ShareFetch"}[key]
		},
		ErrorName: func(code int16) string {
			return map[int16]string{6: "NOT_LEADER_OR_FOLLOWER", 29: "TOPIC_AUTHORIZATION_FAILED"}[code]
		},
	})
	return s
}

func (s *stage) play(text string) string {
	var out strings.Builder
	var commands []string
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if line != "----" {
			commands = append(commands, line)
			if i < len(lines)-1 || line != "" {
				out.WriteString(line + "\n")
			}
			continue
		}
		out.WriteString("----\n" + s.block(commands))
		commands = nil
		for i+1 < len(lines) && lines[i+1] != "" { // what was expected
			i++
		}
	}
	return out.String()
}

// block runs the commands and returns the records that came of them.
func (s *stage) block(commands []string) string {
	for _, command := range commands {
		if fields := strings.Fields(command); len(fields) > 0 && fields[0] != "#" {
			s.run(args{s.t, command, fields[0], fields[1:]})
		}
	}
	var out bytes.Buffer
	for _, r := range s.records() {
		out.Write(access.AppendJSON(nil, s.strip(r)))
		out.WriteByte('\n')
	}
	return out.String()
}

// records are those that are new since the last call.
func (s *stage) records() []*access.Record {
	r := reader{journal: s.journal, after: s.seen}
	records, _ := r.next()
	s.seen = r.after
	return records
}

// strip leaves out what is the same in each record.
func (s *stage) strip(r *access.Record) *access.Record {
	if s.all {
		return r
	}
	r = proto.Clone(r).(*access.Record)
	r.Journal, r.Id, r.Proxy, r.Cluster, r.ClusterId, r.Listener, r.LoggedTime = "", "", "", "", "", "", nil
	r.PrincipalSource, r.Auth, r.SourceFrom, r.Peer, r.Upstream, r.Software, r.Broker = "", "", "", "", "", "", nil
	if s.current == "a" && r.Session != "" {
		r.Source, r.Session = "", ""
	}
	if r.Principal == "User:erp" {
		r.Principal = ""
	}
	if r.ClientId == "erp-app" {
		r.ClientId = ""
	}
	return r
}

func (s *stage) run(a args) {
	log := s.logs[s.current]
	switch a.command {
	case "show": // show all
		s.all = a.words[0] == "all"
	case "session": // session a: opens it or turns to it
		s.session(a.words[0])
	case "client": // client NAME: the requests from here on
		s.client = &access.Client{ID: a.words[0]}
	case "user": // user NAME
		s.identity = &access.Identity{Principal: "User:" + a.words[0], Source: access.Observed}
	case "decide": // decide deny reason=x enforced=false record=each rule=x would=deny
		s.decide(a)
	case "event": // event KIND OPERATION
		log.Event(&access.Record{Kind: a.words[0], Operation: a.words[1], Mechanism: a.text("mechanism"), Error: a.text("error")})
	case "fetch": // fetch TOPIC/PARTITION at=OFFSET epoch=n id=n api=78: a request; its batches follow
		s.fetch(a)
	case "batch": // batch FIRST-LAST messages=n bytes=n epoch=n crc=n control cut=HAVE estimated: intended and released
		b := s.batch(a)
		log.Intend(b)
		log.Released(b.Have)
	case "intend": // as batch, intended alone
		log.Intend(s.batch(a))
	case "release": // release BYTES
		log.Released(a.number(a.words[0]))
	case "answered": // answered empty throttle=ms: ends a fetch
		log.Fetched(s.request(1), !a.has("empty"), int32(a.get("throttle", 0)))
	case "acquired": // acquired FIRST-LAST
		first, last := a.span()
		log.Acquired(s.span, first, last)
	case "write": // write TOPIC/PARTITION FIRST-LAST error=n unknown pid=n pepoch=n seq=n, or without offsets messages=n
		s.write(a)
	case "call": // call API OPERATION TYPE NAME each error=n in=n out=n names=n hidden
		s.call(a)
	case "advance": // advance DURATION: and Tick
		d, err := time.ParseDuration(a.words[0])
		if err != nil {
			a.fail(err)
		}
		s.now = s.now.Add(d)
		if log != nil && !a.has("untold") {
			log.Tick(s.now)
		}
	case "tick": // the journal's own
		s.journal.Tick(s.now)
	case "due": // due DURATION or never: fails if Log.Due says otherwise
		s.due(a)
	case "close": // close CAUSE
		log.Close(CloseInfo{Cause: a.words[0], ClientIn: 100, ClientOut: 2000, BrokerIn: 2000, BrokerOut: 100, ClientAcked: 1900})
		delete(s.logs, s.current)
	default:
		a.fail("no such command")
	}
}

func (s *stage) session(name string) {
	s.current = name
	if s.logs[name] != nil {
		return
	}
	id := ulid.ULID{15: name[0]}
	port := 51544 + uint16(name[0]-'a')
	session := &access.Session{
		ID: id, Opened: s.now, Proxy: "dk-1", Cluster: "erp", Listener: "plain",
		Source: netip.AddrPortFrom(netip.MustParseAddr("10.1.2.3"), port), SourceFrom: "tcp",
		Peer:     netip.AddrPortFrom(netip.MustParseAddr("10.1.2.3"), port),
		Local:    netip.MustParseAddrPort("10.9.0.4:9092"),
		Upstream: netip.MustParseAddrPort("10.9.0.4:40112"),
		Remote:   netip.MustParseAddrPort("10.9.0.7:9092"), Broker: 2,
	}
	s.sessions[name] = session
	s.logs[name] = s.journal.Session(session, nil)
}

func (s *stage) decide(a args) {
	d := &access.Decision{Enforced: !a.has("enforced=false"), Reason: a.text("reason"), Rule: a.text("rule"), Policy: a.text("policy")}
	switch {
	case a.has("deny"):
		d.Verdict = access.Deny
	case a.has("refuse"):
		d.Verdict = access.Refuse
	case a.has("would=deny"):
		d.Would = &access.Would{Verdict: access.Deny}
	}
	if a.text("record") == "each" {
		d.Record = access.Each
	}
	s.decision = d
}

func (s *stage) request(api int16) *access.Request {
	return &access.Request{
		Session: s.sessions[s.current], Identity: s.identity, Client: s.client, API: api, Version: 17, ReplicaID: -1,
	}
}

func (s *stage) fetch(a args) {
	s.correlation++
	api := int16(a.get("api", 1))
	s.span = s.newSpan(a, s.request(api))
	s.span.Requested = a.get("at", -1)
	s.span.Isolation = 0
	if api == 78 {
		s.span.Isolation = -1
	}
}

func (s *stage) newSpan(a args, r *access.Request) *access.Span {
	name, partition, _ := strings.Cut(a.words[0], "/")
	topic := &access.Topic{Name: name}
	topic.ID[15] = byte(a.get("id", 0))
	return &access.Span{
		Request: r, Topic: topic, Partition: int32(a.number(partition)), LeaderEpoch: -1, Requested: -1, Isolation: -1,
		Decision: s.decision, Broker: 2, Correlation: int32(a.get("correlation", int64(s.correlation))),
	}
}

func (s *stage) batch(a args) *access.Batch {
	b := &access.Batch{Span: s.span, Epoch: int32(a.get("epoch", -1)), ProducerID: -1, BaseSequence: -1, HasLast: true}
	b.First, b.Last = a.span()
	b.Messages = int32(a.get("messages", b.Last-b.First+1))
	b.Bytes = a.get("bytes", 1000)
	b.Have = b.Bytes
	b.CRC = uint32(a.get("crc", 7))
	b.Control, b.Estimated = a.has("control"), a.has("estimated")
	if have := a.get("cut", 0); have > 0 {
		b.Cut, b.Have, b.HasLast = true, have, have >= 27
	}
	return b
}

func (s *stage) write(a args) {
	s.correlation++
	w := &access.Write{Error: int16(a.get("error", 0)), Unknown: a.has("unknown")}
	w.Span = s.newSpan(a, s.request(0))
	w.Epoch, w.Bytes, w.CRC = -1, a.get("bytes", 1000), 7
	w.ProducerID, w.ProducerEpoch, w.BaseSequence = a.get("pid", -1), int16(a.get("pepoch", 0)), int32(a.get("seq", -1))
	if len(a.words) > 1 && strings.Contains(a.words[1], "-") {
		a.words = a.words[1:]
		w.First, w.Last = a.span()
		w.HasLast = true
	}
	w.Messages = int32(a.get("messages", w.Last-w.First+1))
	s.logs[s.current].Wrote(w)
}

func (s *stage) call(a args) {
	apis := map[string]int16{"Fetch": 1, "Metadata": 3, "Heartbeat": 12, "CreateTopics": 19}
	operations := map[string]access.Operation{"READ": access.OpRead, "DESCRIBE": access.OpDescribe, "CREATE": access.OpCreate, "NONE": access.OpNone}
	types := map[string]access.ResourceType{"TOPIC": access.ResTopic, "GROUP": access.ResGroup, "CLUSTER": access.ResCluster}
	c := &access.Call{
		Request: s.request(apis[a.words[0]]), Decision: s.decision, Each: a.has("each"), Error: int16(a.get("error", 0)),
		Action: access.Action{Operation: operations[a.words[1]], Type: types[a.words[2]], Name: a.words[3]},
		Hidden: a.has("hidden"), BytesIn: a.get("in", 100), BytesOut: a.get("out", 200), Broker: -1, Failed: a.has("failed"),
	}
	if n := a.get("names", 0); n > 0 {
		c.Action.Name, c.Count = "", int(n)
		for i := range min(n, 150) {
			c.Names = append(c.Names, fmt.Sprint("t", i))
		}
	}
	s.logs[s.current].Call(c)
}

func (s *stage) due(a args) {
	due, want := s.logs[s.current].Due(), time.Time{}
	if a.words[0] != "never" {
		d, err := time.ParseDuration(a.words[0])
		if err != nil {
			a.fail(err)
		}
		want = s.now.Add(d)
	}
	if !due.Equal(want) {
		a.fail(fmt.Sprint("due is ", due, ", want ", want))
	}
}

// args are a command's words: positions, flags and name=value.
type args struct {
	t       *testing.T
	line    string
	command string
	words   []string
}

func (a args) fail(reason any) { a.t.Fatalf("%s: %v", a.line, reason) }

func (a args) has(word string) bool {
	for _, w := range a.words {
		if w == word {
			return true
		}
	}
	return false
}

func (a args) text(name string) string {
	for _, w := range a.words {
		if value, ok := strings.CutPrefix(w, name+"="); ok {
			return value
		}
	}
	return ""
}

func (a args) get(name string, otherwise int64) int64 {
	if text := a.text(name); text != "" {
		return a.number(text)
	}
	return otherwise
}

func (a args) number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		a.fail(err)
	}
	return n
}

// span is the first word, FIRST-LAST.
func (a args) span() (first, last int64) {
	from, to, ok := strings.Cut(a.words[0], "-")
	if !ok {
		a.fail("want FIRST-LAST")
	}
	return a.number(from), a.number(to)
}
