package format

import "testing"

func BenchmarkAppend(b *testing.B) {
	for _, name := range Names {
		f, _ := Lookup(name, "1.0.0")
		b.Run(name, func(b *testing.B) {
			r := contractRecord(b)
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst = f.Append(dst[:0], r)
			}
			b.ReportMetric(float64(len(dst)), "bytes/record")
		})
	}
	b.Run("otlp", func(b *testing.B) {
		r := contractRecord(b)
		b.ReportAllocs()
		for b.Loop() {
			for _, v := range Attributes(r) {
				_ = v
			}
		}
	})
}
