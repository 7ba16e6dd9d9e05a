# doorkeeper: a Kafka-protocol proxy with inline monitoring and egress control.
# `make help` lists what there is. Everything is built with the Go toolchain alone; the suites that need more say so.

GO      ?= go
TOOL    := $(GO) tool -modfile=tools/go.mod
BIN     := bin
FUZZ    ?= 20s
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X doorkeeper/app.Version=$(VERSION)

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## one static binary, bin/doorkeeper
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/doorkeeper ./cmd/doorkeeper

.PHONY: demo
demo: ## the product in a minute, nothing installed
	$(GO) run ./cmd/doorkeeper demo

.PHONY: test
test: ## all tests that need only Go: README's test command
	$(GO) test ./...

.PHONY: race
race: ## the same under the race detector
	$(GO) test -race ./...

.PHONY: vet
vet: ## go vet, for Linux and macOS, over every module
	$(GO) vet ./...
	GOOS=darwin CGO_ENABLED=0 $(GO) vet ./...
	cd tools && $(GO) vet ./...
	cd test/kafka && $(GO) vet ./...
	cd test/net && $(GO) vet ./...

.PHONY: lint
lint: ## golangci-lint, and the licences of what is linked
	$(TOOL) golangci-lint run ./...
	$(GO) -C tools run ./licences -C .. ./...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZ (20s)
	./tools/fuzz.sh $(FUZZ)

.PHONY: generate
generate: ## generated files: the record's Go code, metrics.md, the configuration's schema
	$(GO) -C tools tool protogen
	$(GO) generate ./...

.PHONY: test-kafka
test-kafka: ## real Apache Kafka brokers, Java, librdkafka and franz-go clients (needs JDK 17, Maven, Python 3)
	cd test/kafka && $(GO) test -count=1 -p 1 -timeout 45m ./...

.PHONY: test-net
test-net: ## descriptors, users and network namespaces (needs root on Linux)
	cd test/net && $(GO) test -count=1 -timeout 15m ./...

.PHONY: bench
bench: ## doorkeeper beside plain relays, interleaved; see bench/README.md
	$(GO) run ./bench $(BENCH)

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BIN)
