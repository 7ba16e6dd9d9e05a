package truth

import "time"

// Records have their times in microseconds.
const timeUnit = time.Microsecond

// SessionIDs finds doorkeeper's session of each connection, by its OPEN record. Ports are used again in a long run: the
// session's peer is the tap's address, and it was opened after the tap began to connect, and before any later one.
func SessionIDs(sessions []*Session, records []*Record) map[*Session]string {
	opened := map[string][]*Record{}
	for _, r := range records {
		if r.Kind == "session" && r.Operation == "OPEN" {
			opened[r.Peer] = append(opened[r.Peer], r)
		}
	}
	ids := map[*Session]string{}
	for _, s := range sessions {
		for _, r := range opened[s.Peer.String()] {
			if !r.Time.Before(s.Opened.Truncate(timeUnit)) {
				ids[s] = r.Session
				break
			}
		}
	}
	return ids
}
