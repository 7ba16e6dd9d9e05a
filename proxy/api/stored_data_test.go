package api

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What Kafka answered to reads and writes, as test/kafka stores it, is an oracle for what stands in an answer in place of
// the broker's own: of every request those partitions that the broker denied, with its errors, and no others.
func TestStoredDataDenials(t *testing.T) {
	held := 0
	for _, name := range []string{"00_Produce", "01_Fetch"} {
		text, err := os.ReadFile("../../test/kafka/testdata/equivalence/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var s storedAPI
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		for i := range s.Cases {
			c := &s.Cases[i]
			if c.Script == "in a session" && c.Step > 1 || c.Script == "no answer" { // a session is the connection's; acks=0
				continue
			}
			for _, answer := range c.Answers {
				if partial(answer.Response) || partial(c.Request) { // closed, say: the version, or its request, is none
					continue
				}
				for user, versions := range answer.To {
					if user == "all" {
						continue
					}
					for _, v := range storedVersions(t, versions) {
						t.Run(fmt.Sprintf("%s/%s/%s/v%d/%s", s.API, c.Mode, c.Script, v, user), func(t *testing.T) {
							c.holdData(t, s.API, v, user, answer.Response)
						})
						held++
					}
				}
			}
		}
	}
	t.Logf("%d answers are as stored", held)
	if held < 2000 {
		t.Errorf("only %d answers were held against what is stored", held)
	}
}

// holdData holds one answer against what is withheld here.
func (c *storedCase) holdData(t *testing.T, name string, v int16, user string, stored any) {
	t.Helper()
	key := int16(kmsg.Fetch)
	if name == "Produce" {
		key = int16(kmsg.Produce)
	}
	x := highExchange(t, key, v)
	defer x.Free()
	x.Env.Decider = acl(storedRights[user])
	x.Env.Cluster.LearnTopics(storedTopics)
	answer := zero(kmsg.ResponseForKey(key))
	storedInto(t, reflect.ValueOf(answer).Elem(), stored)
	got, want := codesOf{}, codesOf{}
	note := func(into codesOf, name string, id [16]byte, partition int32, code int16) {
		switch code {
		case errTopicAuthorization, errTxnAuthorization, errUnknownTopicID:
			into[at(x, name, id, partition)] = code
		}
	}
	if key == int16(kmsg.Produce) {
		c.produce(t, x)
		r, _ := x.Local().(*kmsg.ProduceResponse)
		if r == nil {
			r = kmsg.NewPtrProduceResponse()
			x.produce.supersede()
			x.addWithheld(r)
		}
		for _, rt := range r.Topics {
			for _, p := range rt.Partitions {
				note(got, rt.Topic, rt.TopicID, p.Partition, p.ErrorCode)
			}
		}
		for _, rt := range answer.(*kmsg.ProduceResponse).Topics {
			for _, p := range rt.Partitions {
				note(want, rt.Topic, rt.TopicID, p.Partition, p.ErrorCode)
			}
		}
	} else {
		c.fetch(t, x)
		for _, w := range x.fetch.withheld {
			for _, p := range w.parts {
				note(got, w.topic.Name, w.topic.ID, p, w.code)
			}
		}
		for _, rt := range answer.(*kmsg.FetchResponse).Topics {
			for _, p := range rt.Partitions {
				note(want, rt.Topic, rt.TopicID, p.Partition, p.ErrorCode)
			}
		}
	}
	for k, code := range want { // a follower that may be one is asked for no topic: the broker says so itself
		if _, here := got[k]; c.Script == "as a follower" && code == errUnknownTopicID && !here {
			delete(want, k)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-stored +here):\n%s", diff)
	}
}

// fetch enforces the case's request.
func (c *storedCase) fetch(t *testing.T, x *Exchange) {
	t.Helper()
	q := kmsg.NewPtrFetchRequest() // with defaults: what is a default is not stored of tagged fields
	q.SessionEpoch = 0
	storedInto(t, reflect.ValueOf(q).Elem(), c.Request)
	for i := range q.Topics {
		for k := range q.Topics[i].Partitions {
			q.Topics[i].Partitions[k].HighWatermark = math.MaxInt64
		}
	}
	if q.SetVersion(x.Version); x.Version >= 12 && x.Version < 15 {
		q.ReplicaState = kmsg.FetchRequestReplicaState{ID: -1, Epoch: -1}
	}
	if err := x.Decode(q.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	if err := x.Derive(); err != nil {
		t.Fatal(err)
	}
	if err := x.Enforce(); err != nil {
		t.Fatal(err)
	}
}

// produce enforces the case's request, with a batch in each of its partitions.
func (c *storedCase) produce(t *testing.T, x *Exchange) {
	t.Helper()
	q := zero(kmsg.RequestForKey(x.API.Key)).(*kmsg.ProduceRequest)
	storedInto(t, reflect.ValueOf(q).Elem(), c.Request)
	q.Version = x.Version
	batch := make([]byte, 61)
	binary.BigEndian.PutUint32(batch[8:], 49)
	batch[16] = 2
	if strings.HasPrefix(c.Script, "transactional") || c.Script == "in a transaction" {
		batch[22] = 0x10
	}
	for i := range q.Topics {
		for k := range q.Topics[i].Partitions {
			q.Topics[i].Partitions[k].Records = batch
		}
	}
	body := q.AppendTo(nil)
	x.BeginProduce(int64(len(body)))
	if n, err := x.ProduceScanner().Scan(body); err != nil || n != len(body) {
		t.Fatal(n, err)
	}
	if err := x.Enforce(); err != nil {
		t.Fatal(err)
	}
}
