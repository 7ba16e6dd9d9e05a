package api

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"doorkeeper/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// asksNothing are the keys whose requests ask for no action, each with its reason.
var asksNothing = map[kmsg.Key]string{
	kmsg.SASLHandshake:    "nobody has authenticated yet",
	kmsg.ApiVersions:      "asked before anybody authenticates",
	kmsg.SASLAuthenticate: "authenticates: there is nobody yet to decide about",
}

// TestTableAsks: every API that is passed asks for something, in every version, or stands in the list of those that do
// not.
func TestTableAsks(t *testing.T) {
	for _, a := range Table {
		if a == nil || scanned[a.Key] != nil {
			continue
		}
		for v := int16(0); v <= a.Max; v++ {
			x := highExchange(t, a.Key, v)
			q := kmsg.RequestForKey(a.Key)
			fill(reflect.ValueOf(q).Elem(), rand.New(rand.NewPCG(1, uint64(v))))
			tame(q)
			derived(t, x, q)
			_, nothing := asksNothing[kmsg.Key(a.Key)]
			if nothing != (len(x.Actions) == 0) {
				t.Errorf("%s v%d asks %v", a.Name(), v, printed(x.Actions))
			}
			x.Free()
		}
	}
}

// tame makes a random request one that is not an error.
func tame(q kmsg.Request) {
	switch q := q.(type) {
	case *kmsg.MetadataRequest:
		for i := range q.Topics {
			q.Topics[i].TopicID = [16]byte{}
		}
	case *kmsg.DeleteTopicsRequest:
		for i := range q.Topics {
			q.Topics[i].TopicID = [16]byte{}
		}
	case *kmsg.FindCoordinatorRequest:
		q.CoordinatorType = 0
	}
}

// brokersOwn are the keys that are never passed: brokers and controllers speak them among themselves.
var brokersOwn = append([]int16{4, 5, 6, 7}, forbidden...)

func TestTableKnowsEveryKey(t *testing.T) {
	own := make(map[int16]bool)
	for _, k := range brokersOwn {
		own[k] = true
	}
	for k := int16(0); k <= kmsg.MaxKey; k++ {
		if kmsg.RequestForKey(k) == nil {
			continue
		}
		if a := Lookup(k); own[k] != (a == nil) {
			t.Errorf("%s (%d): passed %v, the brokers' own %v", kmsg.Key(k).Name(), k, a != nil, own[k])
		} else if highest, _ := protocol.MaxVersion(k); a != nil && a.Max != highest {
			t.Errorf("%s passes up to v%d, read is v%d", a.Name(), a.Max, highest)
		}
	}
}

// scanned are the APIs with parsers of their own, whose answers do not come through Respond, with what rewrites their
// addresses. at is where a frame's body begins.
var scanned = map[int16]func(x *Exchange, frame []byte, at int) ([]byte, error){
	int16(kmsg.Produce):    func(x *Exchange, frame []byte, at int) ([]byte, error) { return x.rewriteProduce(nil, frame, at) },
	int16(kmsg.Fetch):      readerRewrites,
	int16(kmsg.ShareFetch): readerRewrites,
}

func readerRewrites(x *Exchange, frame []byte, _ int) ([]byte, error) {
	return new(Reader).Rewrite(nil, frame, x)
}

// notBrokers are fields that look like a part of a broker's address and are none, by kmsg's names.
var notBrokers = map[string]string{
	"DescribeGroups.Groups.Members.ClientHost":                    "a client, as the broker sees it",
	"ConsumerGroupDescribe.Groups.Members.ClientHost":             "a client, as the broker sees it",
	"ShareGroupDescribe.Groups.Members.ClientHost":                "a client, as the broker sees it",
	"StreamsGroupDescribe.Groups.Members.ClientHost":              "a client, as the broker sees it",
	"DescribeACLs.Resources.ACLs.Host":                            "the host that an ACL names",
	"DeleteACLs.Results.MatchingACLs.Host":                        "the host that an ACL names",
	"StreamsGroupHeartbeat.EndpointInformationEpoch":              "a number",
	"StreamsGroupHeartbeat.PartitionsByUserEndpoint":              "an application's own address, for its other instances",
	"StreamsGroupHeartbeat.PartitionsByUserEndpoint.UserEndpoint": "an application's own address",
	"StreamsGroupDescribe.Groups.Members.UserEndpoint":            "an application's own address",
	"DescribeCluster.EndpointType":                                "a number",
}

// TestEveryAddressIsRewritten walks all answers that pass for what looks like an address, and rewrites random ones in
// every version. A new field that looks like one fails here until somebody has decided what it is.
func TestEveryAddressIsRewritten(t *testing.T) {
	for k := int16(0); k <= kmsg.MaxKey; k++ {
		a := Lookup(k)
		if a == nil {
			continue
		}
		typ := reflect.TypeOf(kmsg.RequestForKey(k).ResponseKind()).Elem()
		if !looksLikeAddresses(t, kmsg.Key(k).Name(), typ) {
			continue
		}
		for v := int16(0); v <= a.Max; v++ {
			for seed := range uint64(20) {
				t.Run(fmt.Sprintf("%s/v%d/%d", a.Name(), v, seed), func(t *testing.T) { rewriteRandom(t, k, v, seed) })
			}
		}
	}
}

// looksLikeAddresses says whether a type holds addresses of brokers, at any depth: a host with a port. What else sounds
// like one must stand in notBrokers.
func looksLikeAddresses(t *testing.T, path string, typ reflect.Type) (found bool) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		p := path + "." + f.Name
		if notBrokers[p] != "" {
			continue
		}
		if e := structOf(f.Type); e != nil {
			if looksLikeAddresses(t, p, e) {
				found = true
				continue
			}
		}
		if !soundsLikeAddress(f.Name) {
			continue
		}
		if !isAddress(typ) {
			t.Errorf("%s sounds like an address, but there is no host with a port", p)
		}
		found = true
	}
	return found
}

func soundsLikeAddress(name string) bool {
	for _, s := range []string{"Host", "Port", "Endpoint", "Listener", "Address", "Brokers", "Bootstrap", "URL", "URI"} {
		if strings.Contains(name, s) && !strings.Contains(name, "Report") && !strings.Contains(name, "Support") {
			return true
		}
	}
	return false
}

// isAddress says whether a struct is a broker's address.
func isAddress(typ reflect.Type) bool {
	h, host := typ.FieldByName("Host")
	p, port := typ.FieldByName("Port")
	return host && port && h.Type.Kind() == reflect.String && (p.Type.Kind() == reflect.Int32 || p.Type.Kind() == reflect.Uint16)
}

// secret is in every host of a random answer.
const secret = "broker.internal"

// emptied are the answers whose addresses are taken out.
var emptied = map[int16]bool{int16(kmsg.DescribeQuorum): true}

func rewriteRandom(t *testing.T, key, version int16, seed uint64) {
	x := highExchange(t, key, version)
	defer x.Free()
	q := kmsg.RequestForKey(key)
	q.SetVersion(version)
	x.Body = q

	r := q.ResponseKind()
	fill(reflect.ValueOf(r).Elem(), rand.New(rand.NewPCG(seed, uint64(version))))
	tameAnswer(r)
	r.SetVersion(version)
	header := []byte{0, 0, 0, 7}
	if protocol.ResponseHeaderTags(key, version) {
		header = append(header, 1, 90, 2, 'h', 'i') // one tag that nobody knows
	}
	frame := r.AppendTo(bytes.Clone(header))
	original := bytes.Clone(frame)

	respond := func(x *Exchange, frame []byte, _ int) ([]byte, error) { return x.Respond(nil, frame) }
	if s := scanned[key]; s != nil {
		respond = s
	}
	got, err := respond(x, frame, len(header))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(frame, original) {
		t.Error("the broker's frame was changed in place")
	}
	want := kmsg.RequestForKey(key).ResponseKind()
	want.SetVersion(version)
	if err := want.ReadFrom(original[len(header):]); err != nil {
		t.Fatal(err)
	}
	replace(reflect.ValueOf(want).Elem(), emptied[key])
	if d := cmp.Diff(want.AppendTo(bytes.Clone(header)), got); d != "" {
		t.Error(d)
	}
	if bytes.Contains(got, []byte(secret)) {
		t.Error("a broker's own host is in the answer")
	}
}

// tameAnswer makes a random answer one that could be: without records, which are none.
func tameAnswer(r kmsg.Response) {
	switch r := r.(type) {
	case *kmsg.DescribeClusterResponse:
		r.EndpointType, r.ErrorCode = 1, 0
	case *kmsg.FetchResponse:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				r.Topics[i].Partitions[j].RecordBatches = nil
			}
		}
	case *kmsg.ShareFetchResponse:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				r.Topics[i].Partitions[j].Records = nil
			}
		}
	}
}

// replace puts the shift route's addresses in place of all that are there.
func replace(v reflect.Value, empty bool) {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			replace(v.Index(i), empty)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			replace(v.Elem(), empty)
		}
	case reflect.Struct:
		if isAddress(v.Type()) && v.FieldByName("Host").String() != "" {
			host, port := "", int32(0)
			if !empty {
				host, port, _ = shift{}.Advertise(int32(v.FieldByName("NodeID").Int()), "", 0)
			}
			v.FieldByName("Host").SetString(host)
			if p := v.FieldByName("Port"); p.CanInt() {
				p.SetInt(int64(port))
			} else {
				p.SetUint(uint64(port))
			}
		}
		for i := range v.NumField() {
			if structOf(v.Type().Field(i).Type) != nil {
				replace(v.Field(i), empty)
			}
		}
	}
}

// fill makes a random message. No slice is empty, so that whatever can be named is.
func fill(v reflect.Value, r *rand.Rand) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(r.IntN(100)))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(r.IntN(100)))
	case reflect.Float64:
		v.SetFloat(r.Float64())
	case reflect.String:
		v.SetString(fmt.Sprintf("word%d", r.IntN(1000)))
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), r)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+r.IntN(3), 3))
		for i := range v.Len() {
			fill(v.Index(i), r)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), r)
	case reflect.Struct:
		fillStruct(v, r)
	}
}

func fillStruct(v reflect.Value, r *rand.Rand) {
	for i := range v.NumField() {
		switch f := v.Type().Field(i); {
		case f.Name == "Version" || f.Type == reflect.TypeFor[kmsg.Tags]():
		case f.Name == "Host" && f.Type.Kind() == reflect.String:
			v.Field(i).SetString(fmt.Sprintf("%d.%s", r.IntN(1000), secret))
		default:
			fill(v.Field(i), r)
		}
	}
}
