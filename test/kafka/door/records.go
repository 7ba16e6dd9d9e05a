package door

import (
	"fmt"
	"time"

	"doorkeeper/test/kafka/truth"
)

// Records are all records so far.
func (d *Door) Records() ([]*truth.Record, error) { return truth.ReadRecords(d.RecordFile()) }

// RecordsOf waits until every session that sent a request has its CLOSE record, and returns the records of those sessions. After
// the limit it returns what there is, with an error.
func (d *Door) RecordsOf(sessions []*truth.Session, limit time.Duration) ([]*truth.Record, error) {
	deadline := time.Now().Add(limit)
	for {
		all, err := d.Records()
		if err != nil {
			return nil, err
		}
		ours, open := recordsOf(sessions, all)
		if open == 0 {
			return ours, nil
		}
		if time.Now().After(deadline) {
			return ours, fmt.Errorf("%d of %d sessions have no CLOSE record after %v", open, len(sessions), limit)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// recordsOf returns the records of the sessions, and how many of these are not closed.
func recordsOf(sessions []*truth.Session, all []*truth.Record) (ours []*truth.Record, open int) {
	ids := truth.SessionIDs(sessions, all)
	wanted, closed := map[string]bool{}, map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	for _, r := range all {
		if !wanted[r.Session] {
			continue
		}
		ours = append(ours, r)
		if r.Kind == "session" && r.Operation == "CLOSE" {
			closed[r.Session] = true
		}
	}
	return ours, len(sessions) - len(closed)
}
