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
	peers := map[string]bool{}
	for _, s := range sessions {
		peers[s.Peer.String()] = true
	}
	deadline := time.Now().Add(limit)
	for {
		all, err := d.Records()
		if err != nil {
			return nil, err
		}
		ours, open := ofPeers(all, peers)
		if open == 0 {
			return ours, nil
		}
		if time.Now().After(deadline) {
			return ours, fmt.Errorf("%d of %d sessions have no CLOSE record after %v", open, len(peers), limit)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// ofPeers returns the records of the sessions from these addresses, and how many of them are not closed. A port may
// be used again: the last session from it counts.
func ofPeers(all []*truth.Record, peers map[string]bool) (ours []*truth.Record, open int) {
	session := map[string]string{}
	closed := map[string]bool{}
	for _, r := range all {
		if r.Kind == "session" && r.Operation == "OPEN" && peers[r.Peer] {
			session[r.Peer] = r.Session
		}
		if r.Kind == "session" && r.Operation == "CLOSE" {
			closed[r.Session] = true
		}
	}
	wanted := map[string]bool{}
	for _, id := range session {
		wanted[id] = true
	}
	for _, r := range all {
		if wanted[r.Session] {
			ours = append(ours, r)
		}
	}
	for peer := range peers {
		if !closed[session[peer]] {
			open++
		}
	}
	return ours, open
}
