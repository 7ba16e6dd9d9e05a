package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"doorkeeper/access"
	"doorkeeper/journal"
)

// PositionHeader holds the position where an answer of records began: who sees no record before the connection is cut
// goes on from there.
const PositionHeader = "Doorkeeper-Position"

// maxLast bounds how many records wait in memory until it is known that they are the last.
const maxLast = 10000

// A recordsQuery says which records to send. Without After and Last, those that are there; while following, those to
// come; with a since in the filter, those that are there in both cases.
type recordsQuery struct {
	filter *Filter
	follow bool
	after  journal.Position // zero: from the beginning
	last   int              // -1: not asked
	limit  int              // 0: none
}

func parseRecordsQuery(q url.Values, head journal.Position, now time.Time) (*recordsQuery, error) {
	filter, err := parseFilter(q, FilterWords, now)
	if err != nil {
		return nil, err
	}
	if err := leftover(q, append([]string{"follow", "after", "last", "limit"}, FilterWords...)...); err != nil {
		return nil, err
	}
	out := &recordsQuery{filter: filter, last: -1}
	if out.follow, err = boolean(q.Get("follow")); err != nil {
		return nil, err
	}
	if q.Has("last") {
		if out.last, err = strconv.Atoi(q.Get("last")); err != nil || out.last < 0 || out.last > maxLast {
			return nil, fmt.Errorf("last: %q must be 0 to %d", q.Get("last"), maxLast)
		}
	}
	if q.Has("limit") {
		if out.limit, err = strconv.Atoi(q.Get("limit")); err != nil || out.limit < 1 {
			return nil, fmt.Errorf("limit: %q must be 1 or more", q.Get("limit"))
		}
	}
	if q.Has("after") {
		if out.last >= 0 {
			return nil, errors.New("after and last exclude each other")
		}
		out.after, err = journal.ParsePosition(q.Get("after"))
		return out, err
	}
	if out.follow && out.last < 0 && filter.since.IsZero() {
		out.after = head
	}
	return out, nil
}

func boolean(text string) (bool, error) {
	switch text {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	}
	return false, fmt.Errorf("follow: %q must be 1 or 0", text)
}

// records sends records as NDJSON: those there are, and with follow=1 those to come until the caller leaves. That it
// was read is recorded first, so that nobody reads unseen.
func (s *Server) records(w http.ResponseWriter, r *http.Request, actor Actor) {
	head := s.opt.Journal.Head()
	query, err := parseRecordsQuery(r.URL.Query(), head, time.Now())
	if err != nil {
		answerError(w, http.StatusBadRequest, err)
		return
	}
	if query.follow {
		select {
		case s.followers <- struct{}{}:
			defer func() { <-s.followers }()
		default:
			answerError(w, http.StatusServiceUnavailable, fmt.Errorf("%d others follow already: try again later", maxFollowers))
			return
		}
	}
	s.note("QUERY", "records", r.URL.RawQuery, actor)

	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set(PositionHeader, query.start(head).String())
	out := newLines(w, cancel)
	out.flush()
	s.send(ctx, query, head, out)
	out.flush()
}

func (q *recordsQuery) start(head journal.Position) journal.Position {
	if q.last == 0 {
		return head
	}
	if q.after.Journal == "" {
		return journal.Position{Journal: head.Journal}
	}
	return q.after
}

// send writes what the query selects up to head, and then, while following, what comes.
func (s *Server) send(ctx context.Context, q *recordsQuery, head journal.Position, out *lines) {
	sent := 0
	emit := func(r *access.Record) bool {
		out.write(r)
		sent++
		return q.limit == 0 || sent < q.limit
	}
	var last []*access.Record
	take := emit
	if q.last >= 0 {
		take = func(r *access.Record) bool {
			if last = append(last, r); len(last) > q.last {
				last = last[1:]
			}
			return true
		}
	}
	if !s.upTo(ctx, q, head, take) {
		return
	}
	for _, r := range last {
		if !emit(r) {
			return
		}
	}
	out.flush()
	if !q.follow {
		return
	}
	after := head
	if q.after.Journal == head.Journal && q.after.Seq > head.Seq {
		after = q.after
	}
	for r := range out.idle(ctx, s.opt.Journal.Follow(ctx, after)) {
		if q.filter.Record(r) && !emit(r) {
			return
		}
	}
}

// upTo gives take each selected record from the query's beginning to head. It returns false when take has enough.
func (s *Server) upTo(ctx context.Context, q *recordsQuery, head journal.Position, take func(*access.Record) bool) bool {
	if q.after.Journal == head.Journal && q.after.Seq >= head.Seq || q.after.Journal == "" && head.Seq == 0 {
		return true // Follow would wait
	}
	for r := range s.opt.Journal.Follow(ctx, q.after) {
		// A gap beyond head stands for what was pushed out of the journal while this read.
		if (r.Seq <= head.Seq || r.Kind == journal.KindGap) && q.filter.Record(r) && !take(r) {
			return false
		}
		if r.Seq >= head.Seq {
			return true
		}
	}
	return ctx.Err() == nil
}
