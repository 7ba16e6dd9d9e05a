package sink

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"doorkeeper/access"
)

// ElasticOptions are what the configuration says of a sink of type elasticsearch.
type ElasticOptions struct {
	HTTPOptions
	Index  string // an index or a data stream
	Encode Encoder
}

// An Elastic sends to the bulk API of Elasticsearch or OpenSearch. Each record is a create of the document whose id is the
// record's: one that comes again is answered 409, which is as good as created.
type Elastic struct {
	*web
	opt  ElasticOptions
	bulk string
}

// NewElastic fails where the address is none or a secret cannot be read.
func NewElastic(opt ElasticOptions) (*Elastic, error) {
	w, err := newWeb(opt.HTTPOptions, "ApiKey")
	if err != nil {
		return nil, err
	}
	bulk := w.at("/"+url.PathEscape(opt.Index)+"/_bulk", "filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason")
	return &Elastic{web: w, opt: opt, bulk: bulk}, nil
}

// Append makes the two lines of one create. Ids are ULIDs: nothing in them needs escaping.
func (e *Elastic) Append(dst []byte, r *access.Record) []byte {
	dst = append(dst, `{"create":{"_id":"`...)
	dst = append(dst, r.Id...)
	dst = append(dst, "\"}}\n"...)
	return append(e.opt.Encode(dst, r), '\n')
}

type bulkAnswer struct {
	Errors *bool `json:"errors"`
	Items  []map[string]struct {
		Status int `json:"status"`
		Error  struct {
			Type   string `json:"type"`
			Reason string `json:"reason"`
		} `json:"error"`
	} `json:"items"`
}

// Send is in Sender.
func (e *Elastic) Send(ctx context.Context, b *Batch) error {
	a, err := e.doZipped(ctx, e.bulk, "application/x-ndjson", b.Body, http.Header{})
	if err != nil {
		return err
	}
	if !a.ok() {
		return a.failure("check the sink's url and index")
	}
	var said bulkAnswer
	if err := json.Unmarshal(a.body, &said); err != nil || said.Errors == nil || len(said.Items) != b.Len() {
		return fmt.Errorf("the answer is not the bulk API's for %d records%s: check the sink's url", b.Len(), a.excerpt())
	}
	return said.judge(a)
}

// judge goes through the items, which stand in the order of the request.
func (said *bulkAnswer) judge(a *answer) error {
	var dead []Dead
	var again []int
	var first error
	for i, item := range said.Items {
		op, ok := item["create"]
		switch {
		case ok && (op.Status >= 200 && op.Status < 300 || op.Status == http.StatusConflict):
			continue
		case ok && op.Status == http.StatusBadRequest:
			dead = append(dead, Dead{i, fmt.Sprintf("%s: %s", op.Error.Type, op.Error.Reason)})
		default:
			again = append(again, i)
		}
		if first == nil {
			first = fmt.Errorf("item %d of %d: status %d, %s: %q", i, len(said.Items), op.Status, op.Error.Type, short(op.Error.Reason))
		}
	}
	if first == nil {
		return nil
	}
	return Partial(first, dead, again, a.retryAfter())
}

// short is the beginning of what a far side says, for an error.
func short(text string) string {
	const most = 200
	if len(text) > most {
		return text[:most]
	}
	return text
}
