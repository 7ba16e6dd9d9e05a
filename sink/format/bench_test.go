package format

import (
	"testing"

	"doorkeeper/access"
)

// exampleRecord is the contract's example: a read with nothing unusual about it.
func exampleRecord(b *testing.B) *access.Record {
	r := contractRecord(b)
	r.Labels, r.TraceId, r.GroupInferred, r.GroupBasis = nil, "", "", ""
	return r
}

func BenchmarkAppend(b *testing.B) {
	for _, name := range Names {
		f, _ := Lookup(name, "1.0.0")
		b.Run(name, func(b *testing.B) {
			r := exampleRecord(b)
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst = f.Append(dst[:0], r)
			}
			b.ReportMetric(float64(len(dst)), "bytes/record")
		})
	}
	b.Run("otlp", func(b *testing.B) {
		r := exampleRecord(b)
		b.ReportAllocs()
		for b.Loop() {
			for _, v := range Attributes(r) {
				_ = v
			}
		}
	})
}
