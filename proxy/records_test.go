package proxy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorkeeper/access"
	"doorkeeper/journal"
	"doorkeeper/relay"
)

// A broken is a journal on a disk that takes no more, until it is mended: its segments' directory is elsewhere.
type broken struct {
	*journal.Journal
	t   *testing.T
	dir string
}

// breaks makes a journal on disk, and a disk that does not work any more. The journal sees it when a segment is nearly
// full.
func breaks(t *testing.T, opt journal.Options) *broken {
	t.Helper()
	opt.SegmentBytes, opt.SyncInterval = 64<<10, 5*time.Millisecond
	dir := t.TempDir()
	j, err := journal.Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return &broken{j, t, filepath.Join(dir, j.ID(), "access")}
}

func (b *broken) fail() {
	b.t.Helper()
	if err := os.Rename(b.dir, b.dir+".away"); err != nil {
		b.t.Fatal(err)
	}
	for end := time.Now().Add(patience); b.Writable() == nil; {
		b.Append(&access.Record{Kind: journal.KindAccess, Target: "fill", Reason: strings.Repeat("x", 1000)})
		if time.Now().After(end) {
			b.t.Fatal("the journal does not notice that its directory is gone")
		}
	}
}

func (b *broken) mend() {
	b.t.Helper()
	if err := os.Rename(b.dir+".away", b.dir); err != nil {
		b.t.Fatal(err)
	}
	for end := time.Now().Add(patience); b.Writable() != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatal("the journal does not notice that its directory is back: ", b.Writable())
		}
	}
}

// find waits for a record.
func (b *broken) find(what string, is func(*access.Record) bool) *access.Record {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for r := range b.Follow(ctx, journal.Position{}) {
		if is(r) {
			return r
		}
	}
	b.t.Fatal("there is no record of " + what)
	return nil
}

var refuseReads = journal.OnFailure{RefuseReads: true}

// TestJournalFails is a row of the failure table: while the journal cannot be written reads are refused and writes pass;
// what was under way comes to its end; and when it can be written again all passes, and what is missing is said.
func TestJournalFails(t *testing.T) {
	for _, version := range []int16{7, 13, 17} {
		t.Run(fmt.Sprint("fetch v", version), func(t *testing.T) {
			j := breaks(t, journal.Options{OnFailure: refuseReads})
			l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) { o.Journal = j.Journal })
			l.cluster.LearnTopics([]access.Topic{orders})
			full := framed(fetching(version, 0, 0, orders), version)
			data := fetched(version, 7, 300, orders)
			l.trip(full, full, data, data)
			inc := framed(fetching(version, 7, 1), version)
			l.ask(inc)
			l.asked(inc)
			j.fail()
			l.answer(frameOf(inc, data)) // it was asked for before
			l.answered(frameOf(inc, data))
			l.trip(framed(fetching(version, 7, 2), version), nil, nil, failed(version, 71, 1000))
			l.trip(full, nil, nil, throttled(fetched(version, 0, 300), 1000))
			refused := j.find("the refusal", func(r *access.Record) bool { return r.Decision == "refuse" })
			if refused.Api != "1" || refused.Resource != "orders" || !strings.HasPrefix(refused.Reason, "journal: ") || refused.Outcome != journal.OutcomeRefused {
				t.Errorf("recorded: %v", refused)
			}
			j.mend()
			again := framed(fetching(version, 7, 2), version)
			l.trip(again, again, data, data) // the session was good all the time
			l.client.Close()
			l.settle()
		})
	}
}

func TestJournalFailsWrites(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		t.Run(fmt.Sprint("refuse ", refuse), func(t *testing.T) {
			j := breaks(t, journal.Options{OnFailure: journal.OnFailure{RefuseReads: true, RefuseWrites: refuse}})
			l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) { o.Journal = j.Journal })
			l.cluster.LearnTopics([]access.Topic{orders})
			ask := framed(producing(9, 1, "", orders), 9)
			passes := func() {
				t.Helper()
				l.ask(ask)
				l.asked(ask)
				l.answer(produced(t, ask, false))
				l.answered(produced(t, ask, false))
			}
			passes()
			j.fail()
			if refuse {
				l.ask(ask)
				if got := readProduced(t, 9, l.frame()); len(got) != 2 || got[0].Error != 6 || got[1].Error != 6 {
					t.Errorf("answered %+v, want NOT_LEADER_OR_FOLLOWER", got)
				}
			} else {
				passes()
			}
			j.mend()
			passes()
			l.client.Close()
			l.settle()
		})
	}
}

// TestJournalFailsForGood: what finds no room at all is counted, and the gap record says it when there is room again. With
// permit, everything goes on.
func TestJournalFailsForGood(t *testing.T) {
	j := breaks(t, journal.Options{Durability: journal.Permit, OnFailure: refuseReads})
	l := newLine(t, relay.ModeAuto, func(_ *ClusterSpec, o *Options) { o.Journal = j.Journal })
	l.cluster.LearnTopics([]access.Topic{orders})
	j.fail()
	for j.Stats().Lost < 10 {
		j.Append(&access.Record{Kind: journal.KindAccess, Target: "fill", Reason: strings.Repeat("x", 1000)})
	}
	full := framed(fetching(13, 0, 0, orders), 13)
	data := fetched(13, 0, 300, orders)
	l.trip(full, full, data, data)
	ask := framed(producing(9, 1, "", orders), 9)
	l.ask(ask)
	l.asked(ask)
	l.answer(produced(t, ask, false))
	l.answered(produced(t, ask, false))
	l.client.Close()
	l.settle()
	lost := j.Stats().Lost
	j.mend()
	j.Tick(time.Now())
	var told int64
	j.find("every loss", func(r *access.Record) bool { // a small record may find room that a large one does not
		if r.Kind != journal.KindGap {
			return false
		}
		if !strings.Contains(r.Cause, "could not be written") || r.FromTime == nil || r.ToTime == nil {
			t.Errorf("recorded: %v", r)
		}
		told += r.Count
		return told >= lost
	})
	if told != lost {
		t.Errorf("%d are lost, and %d recorded as lost", lost, told)
	}
}
