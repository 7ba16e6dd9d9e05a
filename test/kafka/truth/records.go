package truth

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A Record is what these tests read of an access record's JSON form. Pointers are fields for which 0 is a statement.
type Record struct {
	Schema    int       `json:"schema"`
	Journal   string    `json:"journal"`
	Seq       int64     `json:"seq"`
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Operation string    `json:"operation"`
	Time      time.Time `json:"time"`
	EndTime   time.Time `json:"end_time"`
	Cluster   string    `json:"cluster"`
	Listener  string    `json:"listener"`
	Count     int64     `json:"count"`

	Session         string `json:"session"`
	Principal       string `json:"principal"`
	PrincipalSource string `json:"principal_source"`
	Auth            string `json:"auth"`
	Peer            string `json:"peer"`
	ClientID        string `json:"client_id"`
	Software        string `json:"software"`

	API          string `json:"api"`
	APIVersion   *int16 `json:"api_version"`
	ResourceType string `json:"resource_type"`
	Resource     string `json:"resource"`
	Broker       *int32 `json:"broker"`
	TopicID      string `json:"topic_id"`
	Partition    *int32 `json:"partition"`
	LeaderEpoch  *int32 `json:"leader_epoch"`
	Isolation    string `json:"isolation"`

	Requests        *int64 `json:"requests"`
	RequestedOffset *int64 `json:"requested_offset"`
	FirstOffset     *int64 `json:"first_offset"`
	LastOffset      *int64 `json:"last_offset"`
	Messages        *int64 `json:"messages"`
	Batches         *int64 `json:"batches"`
	ControlBatches  int64  `json:"control_batches"`
	Bytes           *int64 `json:"bytes"`
	CutBatches      int64  `json:"cut_batches"`
	CutBytes        int64  `json:"cut_bytes"`
	CutLastOffset   *int64 `json:"cut_last_offset"`
	Estimated       bool   `json:"estimated"`
	BatchDigest     string `json:"batch_digest"`
	Acquired        []struct {
		First         *int64 `json:"first"`
		Last          *int64 `json:"last"`
		DeliveryCount int32  `json:"delivery_count"`
	} `json:"acquired"`

	Decision string `json:"decision"`
	Error    string `json:"error"`
	Outcome  string `json:"outcome"`

	Cause     string `json:"cause"`
	ClientIn  *int64 `json:"client_in"`
	ClientOut *int64 `json:"client_out"`
	Mechanism string `json:"mechanism"`
}

func (r *Record) part() string {
	if r.Partition == nil {
		return r.Resource + " without a partition"
	}
	return fmt.Sprintf("%s-%d", r.Resource, *r.Partition)
}

// ReadRecords reads the whole lines of a file sink's file; a line that is still being written is left out. Missing
// files are empty ones.
func ReadRecords(path string) ([]*Record, error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []*Record
	br := bufio.NewReader(f)
	for {
		line, err := br.ReadBytes('\n')
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		r := new(Record)
		if err := json.Unmarshal(bytes.TrimSpace(line), r); err != nil {
			return nil, fmt.Errorf("%s: record %d: %w\n%s", path, len(all), err, line)
		}
		all = append(all, r)
	}
}

// CheckJournal holds what every journal promises: sequence numbers without a gap, ids that no two records share.
func CheckJournal(records []*Record) []string {
	var wrong []string
	last := map[string]int64{}
	seen := map[string]bool{}
	for _, r := range records {
		if before, ok := last[r.Journal]; ok && r.Seq != before+1 {
			wrong = append(wrong, fmt.Sprintf("journal %s: seq %d follows %d", r.Journal, r.Seq, before))
		}
		last[r.Journal] = r.Seq
		if seen[r.ID] {
			wrong = append(wrong, fmt.Sprintf("two records have the id %s", r.ID))
		}
		seen[r.ID] = true
		if r.Kind == "gap" {
			wrong = append(wrong, "a gap record: "+strings.TrimSpace(r.Cause))
		}
	}
	return wrong
}
