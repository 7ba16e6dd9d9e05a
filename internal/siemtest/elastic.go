package siemtest

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// An Elastic stands in for the bulk API of Elasticsearch and OpenSearch: contract, not product.
type Elastic struct {
	standIn
	Index string
}

// NewElastic makes one. rng nil: it is calm.
func NewElastic(rng *rand.Rand, index string, poison func(target string) bool) *Elastic {
	return &Elastic{standIn: newStandIn(rng, poison), Index: index}
}

type bulkItem map[string]map[string]any

func (e *Elastic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.failsBefore(w) {
		return
	}
	if r.URL.Path != "/"+e.Index+"/_bulk" || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-ndjson" {
		http.NotFound(w, r)
		return
	}
	text, err := body(r)
	if err != nil {
		return // the connection broke
	}
	time.Sleep(e.upTo(2 * time.Second))
	all := lines(text)
	if len(all)%2 != 0 || !strings.HasSuffix(string(text), "\n") {
		e.complain("the bulk body has %d lines and does not end with a newline, or not in pairs", len(all))
		answer(w, http.StatusBadRequest, map[string]any{"error": map[string]any{"type": "illegal_argument_exception"}, "status": 400})
		return
	}
	errors := false
	items := []bulkItem{}
	for i := 0; i < len(all); i += 2 {
		item, failed := e.index(all[i], all[i+1])
		items = append(items, item)
		errors = errors || failed
	}
	if e.chance(20) && len(items) > 0 {
		items = items[1:] // garbage: an answer that is not to this request
	}
	if !e.failsAfter(w) {
		answer(w, http.StatusOK, map[string]any{"errors": errors, "items": items})
	}
}

func (e *Elastic) index(action, document string) (item bulkItem, failed bool) {
	var a struct {
		Create struct {
			ID string `json:"_id"`
		} `json:"create"`
	}
	var doc event
	if err := json.Unmarshal([]byte(action), &a); err != nil || a.Create.ID == "" {
		e.complain("%v in the action %s", err, action)
	}
	if err := json.Unmarshal([]byte(document), &doc); err != nil || doc.ID != a.Create.ID {
		e.complain("%v: the document %s is not %s", err, document, a.Create.ID)
	}
	status := func(status int, kind, reason string) (bulkItem, bool) {
		return bulkItem{"create": {"status": status, "error": map[string]any{"type": kind, "reason": reason}}}, true
	}
	e.mu.Lock()
	known := e.took[doc.ID] > 0
	e.mu.Unlock()
	switch {
	case e.poison(doc.Target):
		return status(400, "document_parsing_exception", "[1:17] failed to parse")
	case e.chance(5):
		return status(429, "es_rejected_execution_exception", "rejected execution of coordinating operation")
	case e.chance(40):
		return status(503, "unavailable_shards_exception", "primary shard is not active")
	case known: // create is idempotent: the document is there once
		return status(409, "version_conflict_engine_exception", "document already exists")
	}
	e.take(doc)
	return bulkItem{"create": {"status": 201}}, false
}
