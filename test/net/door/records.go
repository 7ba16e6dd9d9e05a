//go:build linux

package door

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// A Record is what these tests look at of an access record.
type Record struct {
	Seq         int64
	Kind        string
	Operation   string
	Session     string
	Source      string
	Upstream    string
	API         string
	Resource    string
	TopicID     string `json:"topic_id"`
	Requests    int64
	First       int64 `json:"first_offset"`
	Last        int64 `json:"last_offset"`
	Messages    int64
	Batches     int64
	Bytes       int64
	CutBatches  int64  `json:"cut_batches"`
	CutBytes    int64  `json:"cut_bytes"`
	Digest      string `json:"batch_digest"`
	Outcome     string
	Cause       string
	ClientIn    int64 `json:"client_in"`
	ClientOut   int64 `json:"client_out"`
	ClientAcked int64 `json:"client_acked"`
	Count       int64
}

// RecordFile is where records go.
func (d *Door) RecordFile() string { return filepath.Join(d.State, "access.jsonl") }

// Records are all that were written so far. Every line must be one.
func (d *Door) Records() []*Record {
	d.t.Helper()
	text, err := os.ReadFile(d.RecordFile())
	if err != nil {
		d.t.Fatal(err)
	}
	var all []*Record
	if i := bytes.LastIndexByte(text, '\n'); i < len(text)-1 {
		text = text[:i+1] // a line is being written
	}
	for line := range bytes.Lines(text) {
		r := new(Record)
		if err := json.Unmarshal(line, r); err != nil {
			d.t.Fatalf("%v: %s", err, line)
		}
		all = append(all, r)
	}
	return all
}

// Session is the records of one session: the one that came from source.
type Session struct {
	Reads, Writes []*Record
	Others        []*Record
	Close         *Record // nil while it is open
}

// Sessions groups records by the client's address: clients see to it that no two sessions share one.
func (d *Door) Sessions() map[string]*Session {
	d.t.Helper()
	all := map[string]*Session{}
	for _, r := range d.Records() {
		if r.Source == "" {
			continue
		}
		s := all[r.Source]
		if s == nil {
			s = new(Session)
			all[r.Source] = s
		}
		switch {
		case r.Kind == "session" && r.Operation == "CLOSE":
			s.Close = r
		case r.Kind == "access" && r.Operation == "READ":
			s.Reads = append(s.Reads, r)
		case r.Kind == "access" && r.Operation == "WRITE":
			s.Writes = append(s.Writes, r)
		default:
			s.Others = append(s.Others, r)
		}
	}
	return all
}

// Closed waits until every one of these sources' sessions is closed and recorded, and returns all sessions.
func (d *Door) Closed(sources ...string) map[string]*Session {
	d.t.Helper()
	var all map[string]*Session
	d.Until(patience, "all sessions closed and recorded", func() bool {
		all = d.Sessions()
		for _, source := range sources {
			if s := all[source]; s == nil || s.Close == nil {
				time.Sleep(100 * time.Millisecond)
				return false
			}
		}
		return true
	})
	return all
}
