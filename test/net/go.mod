module doorkeeper/test/net

go 1.26.0

replace doorkeeper => ../..

require github.com/twmb/franz-go/pkg/kmsg v1.15.1

require golang.org/x/sys v0.50.0
