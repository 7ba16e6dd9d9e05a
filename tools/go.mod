// The tools that generate and check doorkeeper's code. A module of its own, so that scanners of the product see only
// what it ships.
module doorkeeper/tools

go 1.26.0

tool (
	doorkeeper/tools/protogen
	google.golang.org/protobuf/cmd/protoc-gen-go
)

require (
	github.com/bufbuild/protocompile v0.14.1
	google.golang.org/protobuf v1.36.12
)

require golang.org/x/sync v0.8.0 // indirect
