package evidence

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"doorkeeper/access"
)

// bigJournal is one of so many bytes, in segments of 64 MiB, with a checkpoint over all.
func bigJournal(b *testing.B, size int64) *testJournal {
	b.Helper()
	j := newTestJournal(b)
	r := &access.Record{
		Kind: "access", Operation: "READ", Proxy: "dk-1", Cluster: "erp", ClusterId: "MkU3OEVBNTcwNTJENDM2Qg", Listener: "plain", Session: "01JD7Z3Q3M0000000000000000",
		Principal: "User:erp", PrincipalSource: "observed", Auth: "SCRAM-SHA-256", Source: "10.1.2.3:51544", SourceFrom: "tcp", Peer: "10.1.2.3:51544", Upstream: "10.9.0.4:40112",
		ClientId: "erp-app", Software: "apache-kafka-java/4.3.1", Api: "Fetch", ResourceType: "TOPIC", Resource: "purchasing", TopicId: "w5J2nTnGQX6ySjhdM0RTzA", Decision: "allow",
		Outcome: "released", BatchDigest: "3f5a0d9c7b1e4f6a8d2c0b9e7f5a3d1c3f5a0d9c7b1e4f6a8d2c0b9e7f5a3d1c", Policy: "sha256:3f5a0d9c7b1e4f6a",
	}
	for total := int64(0); total < size; {
		stream := "access"
		if j.seq%50 == 9 {
			stream = "control"
		}
		j.append(stream, r)
		if g := j.open[stream]; len(g.buf) > 64<<20 {
			total += int64(len(g.buf))
			j.seal(stream)
		}
	}
	for _, stream := range streams {
		j.seal(stream)
	}
	return j
}

// benchSize is of the journal in benchmarks: EVIDENCE_MB, or 64 MiB.
func benchSize(b *testing.B) int64 {
	if text := os.Getenv("EVIDENCE_MB"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		return n << 20
	}
	return 64 << 20
}

// BenchmarkVerify verifies a journal with each kind of damage in it. EVIDENCE_MB=1024 is the figure that is promised.
func BenchmarkVerify(b *testing.B) {
	j := bigJournal(b, benchSize(b))
	l := j.log()
	checkpoint(b, l)
	closeLog(b, l)
	path, err := filepath.Glob(filepath.Join(j.dir, "access", "*"+sealedEnd))
	if err != nil || len(path) == 0 {
		b.Fatal("no segment", err)
	}
	victim := path[len(path)/2]
	data, err := os.ReadFile(victim)
	if err != nil {
		b.Fatal(err)
	}
	tail := func(p *parsed) []byte { p.payloads = p.payloads[:len(p.payloads)/3]; return p.bytes() }
	for _, how := range []struct {
		name string
		do   func(p *parsed) []byte
	}{
		{"whole", nil},
		{"flipped", func(p *parsed) []byte { p.payloads[len(p.payloads)/3][20] ^= 1; return p.bytes() }},
		{"deleted", func(p *parsed) []byte {
			p.payloads = append(p.payloads[:len(p.payloads)/3], p.payloads[len(p.payloads)/3+1:]...)
			return p.bytes()
		}},
		{"swapped", func(p *parsed) []byte {
			i := len(p.payloads) / 3
			p.payloads[i], p.payloads[i+1] = p.payloads[i+1], p.payloads[i]
			return p.bytes()
		}},
		{"cut", tail},
	} {
		b.Run(how.name, func(b *testing.B) {
			if how.do != nil {
				if err := os.WriteFile(victim, how.do(parse(victim, data)), 0o600); err != nil {
					b.Fatal(err)
				}
			}
			var report *Report
			for b.Loop() {
				report = verifyDir(b, j.dir)
			}
			if report.Proved != (how.do == nil) {
				b.Fatal(list(allFindings(report)))
			}
			b.ReportMetric(float64(report.Journals[0].Records), "records")
			if all := allFindings(report); len(all) > 0 {
				b.Log(fmt.Sprint(len(all)), all[0])
			}
			if err := os.WriteFile(victim, data, 0o600); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkFollow hashes a journal as it is written: what evidence costs beside it.
func BenchmarkFollow(b *testing.B) {
	j := bigJournal(b, 64<<20)
	b.SetBytes(64 << 20)
	for b.Loop() {
		if err := os.RemoveAll(filepath.Join(j.dir, logDir)); err != nil {
			b.Fatal(err)
		}
		l := j.log()
		checkpoint(b, l)
		closeLog(b, l)
	}
}
