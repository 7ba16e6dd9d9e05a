#!/usr/bin/env bash
# Runs every fuzz target of the main module for a while: tools/fuzz.sh 20s
set -euo pipefail
time=${1:-20s}
cd "$(dirname "$0")/.."
for dir in $(grep -rl --include='*_test.go' '^func Fuzz' . --exclude-dir=test --exclude-dir=bench --exclude-dir=tools | xargs -n1 dirname | sort -u); do
  for target in $(grep -h --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' -r "$dir" --exclude-dir=testdata | awk '{print $2}' | sort -u); do
    grep -q "^func $target" "$dir"/*_test.go || continue
    echo "== $dir $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1x "$dir"
  done
done
