package api

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"doorkeeper/access"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// referring lets an exchange refer to records R1, R2, … and notes what each is about.
func referring(x *Exchange) (about map[string]string) {
	about = map[string]string{}
	known := map[string]*access.Reference{}
	x.Env.Refer = func(c *access.Call) *access.Reference {
		s := printed([]Ask{{Action: c.Action}})[0]
		if c.Names != nil {
			s += " " + strings.Join(c.Names, ",")
		}
		if known[s] == nil {
			known[s] = &access.Reference{ID: fmt.Sprint("R", len(known)+1)}
			about[known[s].ID] = s
		}
		return known[s]
	}
	return about
}

// messagesIn are all that stand in an answer.
func messagesIn(v reflect.Value) (all []string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && v.Elem().Kind() == reflect.Struct {
			return messagesIn(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, messagesIn(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); v.Type().Field(i).Name == "ErrorMessage" {
				if !f.IsNil() {
					all = append(all, f.Elem().String())
				}
			} else if v.Type().Field(i).IsExported() {
				all = append(all, messagesIn(f)...)
			}
		}
	}
	return all
}

// A denial of ours says under which record it is found; the messages of the broker's own errors stay as they are.
func TestDenialsNameTheirRecord(t *testing.T) {
	for _, c := range []struct {
		name    string
		version int16
		rights  acl
		q       kmsg.Request
		r       kmsg.Response
		want    []string
	}{
		{name: "of the whole", version: 3, q: &kmsg.DescribeACLsRequest{},
			want: []string{"Request Request(api=DescribeAcls) needs DESCRIBE permission. (doorkeeper why R1: DESCRIBE CLUSTER kafka-cluster)"}},
		{name: "where Kafka says nothing", version: 6, rights: "DESCRIBE GROUP a", q: &kmsg.FindCoordinatorRequest{CoordinatorKeys: []string{"a", "b"}},
			r:    &kmsg.FindCoordinatorResponse{Coordinators: []kmsg.FindCoordinatorResponseCoordinator{{Key: "a", ErrorCode: 15, ErrorMessage: ptr("The broker's."), NodeID: -1}}},
			want: []string{"The broker's.", "doorkeeper why R1: DESCRIBE GROUP b"}},
		{name: "of one of the broker's entries", version: 5, rights: "CREATE TOPIC a", q: &kmsg.CreateTopicsRequest{Topics: []kmsg.CreateTopicsRequestTopic{{Topic: "a"}, {Topic: "b"}}},
			r:    &kmsg.CreateTopicsResponse{Topics: []kmsg.CreateTopicsResponseTopic{{Topic: "a", ErrorCode: 29, ErrorMessage: ptr("The broker's own.")}}},
			want: []string{"The broker's own.", "Authorization failed. (doorkeeper why R1: CREATE TOPIC b)"}},
		{name: "not what anybody would be told", version: 5, rights: "CREATE TOPIC a", q: &kmsg.CreateTopicsRequest{Topics: []kmsg.CreateTopicsRequestTopic{{Topic: "a"}, {Topic: "b"}, {Topic: "b"}}},
			r: &kmsg.CreateTopicsResponse{}, want: []string{"Duplicate topic name."}},
		{name: "beside partitions", q: &kmsg.DescribeProducersRequest{Topics: []kmsg.DescribeProducersRequestTopic{{Topic: "a", Partitions: []int32{0, 1}}}},
			want: []string{"Topic authorization failed. (doorkeeper why R1: READ TOPIC a)", "Topic authorization failed. (doorkeeper why R1: READ TOPIC a)"}},
		{name: "of a group that shows a topic too many", version: 1, rights: "DESCRIBE GROUP g,DESCRIBE GROUP h", q: &kmsg.ConsumerGroupDescribeRequest{Groups: []string{"g", "h"}},
			r: &kmsg.ConsumerGroupDescribeResponse{Groups: []kmsg.ConsumerGroupDescribeResponseGroup{
				{Group: "h", ErrorCode: 29, ErrorMessage: ptr("The broker's own.")},
				{Group: "g", Members: []kmsg.ConsumerGroupDescribeResponseGroupMember{{Assignment: kmsg.Assignment{TopicPartitions: []kmsg.AssignmentTopicPartition{{Topic: "a"}, {Topic: "b"}}}}}},
			}},
			want: []string{"The broker's own.", *hiddenGroup + " (doorkeeper why R1: DESCRIBE TOPIC a,b)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := highExchange(t, c.q.Key(), c.version)
			x.Env.Decider = c.rights
			about := referring(x)
			derived(t, x, c.q)
			if err := x.Enforce(); err != nil {
				t.Fatal(err)
			}
			got := x.Local()
			if got == nil {
				c.r.SetVersion(c.version)
				if _, err := x.Respond(nil, frameOf(c.r)); err != nil {
					t.Fatal(err)
				}
				got = x.Answer
			}
			says := messagesIn(reflect.ValueOf(got))
			for i := range says {
				for id, what := range about {
					says[i] = strings.ReplaceAll(says[i], "why "+id, "why "+id+": "+what)
				}
			}
			if d := cmp.Diff(c.want, says); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Over a hundred resources are one record, which each of their messages names; and it is accounted under that name.
func TestManyDenialsNameOneRecord(t *testing.T) {
	x := highExchange(t, int16(kmsg.CreateTopics), 5)
	x.Env.Decider = acl("")
	ref := &access.Reference{ID: "R"}
	named := 0
	x.Env.Refer = func(*access.Call) *access.Reference { named++; return ref }
	q := &kmsg.CreateTopicsRequest{}
	for i := range 150 {
		q.Topics = append(q.Topics, kmsg.CreateTopicsRequestTopic{Topic: fmt.Sprintf("t%03d", i)})
	}
	derived(t, x, q)
	if err := x.Enforce(); err != nil {
		t.Fatal(err)
	}
	says := messagesIn(reflect.ValueOf(x.Local()))
	if len(says) != 150 || named != 1 || says[149] != "Authorization failed. (doorkeeper why R)" {
		t.Errorf("%d records are named, in %d messages, the last %q", named, len(says), says[len(says)-1])
	}
	x.calls(0, false, func(c *access.Call) {
		if c.Ref != ref || c.Count != 150 {
			t.Errorf("accounted under %v: %d", c.Ref, c.Count)
		}
	})
}
