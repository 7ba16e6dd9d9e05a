package api

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestApiVersionsOfABroker narrows what a broker really answers, in every version.
func TestApiVersionsOfABroker(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for v := int16(0); v <= apiVersionsRow.Max; v++ {
		q := kmsg.NewPtrApiVersionsRequest()
		q.SetVersion(v)
		frame := exchangeRaw(t, c.ListenAddrs()[0], q)

		x := highExchange(t, q.Key(), v)
		x.Body = q
		out, err := x.Respond(nil, frame)
		if err != nil {
			t.Fatal(err)
		}
		got, broker := kmsg.NewPtrApiVersionsResponse(), kmsg.NewPtrApiVersionsResponse()
		got.SetVersion(v)
		broker.SetVersion(v)
		if err := got.ReadFrom(out[4:]); err != nil {
			t.Fatal(err)
		}
		if err := broker.ReadFrom(frame[4:]); err != nil {
			t.Fatal(err)
		}
		broker.ApiKeys = expected(broker.ApiKeys)
		if d := cmp.Diff(broker.ApiKeys, got.ApiKeys, cmp.AllowUnexported(kmsg.Tags{})); d != "" {
			t.Errorf("v%d: %s", v, d)
		}
		if want := broker.AppendTo(bytes.Clone(frame[:4])); !bytes.Equal(want, out) {
			t.Errorf("v%d: something else than the keys changed", v)
		}
		x.Free()
	}
}

// expected is the intersection, said another way.
func expected(broker []kmsg.ApiVersionsResponseApiKey) (list []kmsg.ApiVersionsResponseApiKey) {
	for _, k := range broker {
		if a := Lookup(k.ApiKey); a != nil {
			k.MaxVersion = min(k.MaxVersion, a.Max)
			list = append(list, k)
		}
	}
	return list
}

// exchangeRaw sends one request and returns the answer's frame without its length.
func exchangeRaw(t *testing.T, addr string, q kmsg.Request) []byte {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(kmsg.NewRequestFormatter().AppendRequest(nil, q, 7)); err != nil {
		t.Fatal(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c, frame); err != nil {
		t.Fatal(err)
	}
	return frame
}

func TestIntersect(t *testing.T) {
	key := func(k kmsg.Key, low, high int16) kmsg.ApiVersionsResponseApiKey {
		return kmsg.ApiVersionsResponseApiKey{ApiKey: int16(k), MinVersion: low, MaxVersion: high}
	}
	highest := fetchRow.Max
	for _, c := range []struct {
		name    string
		in, out []kmsg.ApiVersionsResponseApiKey
	}{
		{"within ours", []kmsg.ApiVersionsResponseApiKey{key(kmsg.Fetch, 4, 11)}, []kmsg.ApiVersionsResponseApiKey{key(kmsg.Fetch, 4, 11)}},
		{"above ours", []kmsg.ApiVersionsResponseApiKey{key(kmsg.Fetch, 4, highest+1)}, []kmsg.ApiVersionsResponseApiKey{key(kmsg.Fetch, 4, highest)}},
		{"beyond ours", []kmsg.ApiVersionsResponseApiKey{key(kmsg.Fetch, highest+1, highest+2)}, nil},
		{"a minimum that nobody serves", []kmsg.ApiVersionsResponseApiKey{key(kmsg.Produce, 0, 13)}, []kmsg.ApiVersionsResponseApiKey{key(kmsg.Produce, 0, 13)}},
		{"the brokers' own", []kmsg.ApiVersionsResponseApiKey{key(kmsg.Vote, 0, 1), key(kmsg.Envelope, 0, 0)}, nil},
		{"unknown", []kmsg.ApiVersionsResponseApiKey{key(1000, 0, 1), key(-1, 0, 1)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &kmsg.ApiVersionsResponse{ApiKeys: append([]kmsg.ApiVersionsResponseApiKey(nil), c.in...)}
			changed := intersect(r)
			if d := cmp.Diff(c.out, append([]kmsg.ApiVersionsResponseApiKey(nil), r.ApiKeys...), cmp.AllowUnexported(kmsg.Tags{})); d != "" {
				t.Error(d)
			}
			if same := cmp.Equal(c.in, c.out, cmp.AllowUnexported(kmsg.Tags{})); changed == same {
				t.Errorf("changed: %v", changed)
			}
		})
	}
}

// A broker that knows less than the client answers in version 0, whatever was asked.
func TestApiVersionsOfAnOlderBroker(t *testing.T) {
	r := kmsg.NewPtrApiVersionsResponse()
	r.ErrorCode = errUnsupportedVersion
	r.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: 18, MaxVersion: 2}, {ApiKey: 5, MaxVersion: 1}}
	frame := r.AppendTo([]byte{0, 0, 0, 1})
	r.ApiKeys = r.ApiKeys[:1]
	want := r.AppendTo([]byte{0, 0, 0, 1})
	for v := int16(1); v <= apiVersionsRow.Max; v++ {
		x := highExchange(t, 18, v)
		q := kmsg.NewPtrApiVersionsRequest()
		q.SetVersion(v)
		x.Body = q
		got, err := x.Respond(nil, frame)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("v%d: %s", v, d)
		}
		x.Free()
	}
}

// Features are tagged fields: they pass, as do tags that nobody knows.
func TestFeaturesPass(t *testing.T) {
	for v := int16(3); v <= apiVersionsRow.Max; v++ {
		r := kmsg.NewPtrApiVersionsResponse()
		r.SetVersion(v)
		r.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: 18, MaxVersion: 99}}
		r.SupportedFeatures = []kmsg.ApiVersionsResponseSupportedFeature{{Name: "metadata.version", MinVersion: 7, MaxVersion: 29}}
		r.FinalizedFeatures = []kmsg.ApiVersionsResponseFinalizedFeature{{Name: "metadata.version", MaxVersionLevel: 29, MinVersionLevel: 29}}
		r.FinalizedFeaturesEpoch = 42
		r.UnknownTags.Set(77, []byte("later"))
		frame := r.AppendTo([]byte{0, 0, 0, 1})
		r.ApiKeys[0].MaxVersion = apiVersionsRow.Max
		want := r.AppendTo([]byte{0, 0, 0, 1})

		x := highExchange(t, 18, v)
		q := kmsg.NewPtrApiVersionsRequest()
		q.SetVersion(v)
		x.Body = q
		got, err := x.Respond(nil, frame)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("v%d: %s", v, d)
		}
		x.Free()
	}
}

func TestUnsupportedApiVersions(t *testing.T) {
	got := AppendUnsupported(nil, 9)
	want := []byte{0, 0, 0, 9, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, byte(apiVersionsRow.Max)}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSoftware(t *testing.T) {
	for _, c := range []struct {
		version       int16
		name, release string
		ok            bool
	}{
		{3, "apache-kafka-java", "4.3.1", true},
		{5, "kgo", "v1.22.3", true},
		{2, "kgo", "v1.22.3", false},
		{3, "", "1", false},
		{3, "kgo", "", false},
		{3, "-kgo", "1", false},
		{3, "kgo", "1.", false},
		{3, "k\ngo", "1", false},
		{3, "k go", "1", false},
		{3, string(bytes.Repeat([]byte("a"), 256)), "1", false},
	} {
		name, release, ok := Software(&kmsg.ApiVersionsRequest{Version: c.version, ClientSoftwareName: c.name, ClientSoftwareVersion: c.release})
		if ok != c.ok || ok && (name != c.name || release != c.release) || !ok && name+release != "" {
			t.Errorf("v%d %q %q: %q %q %v", c.version, c.name, c.release, name, release, ok)
		}
	}
	if _, _, ok := Software(kmsg.NewPtrMetadataRequest()); ok {
		t.Error("a Metadata request names software")
	}
}
