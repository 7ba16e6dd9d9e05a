#!/usr/bin/env bash
# Runs every fuzz target of the main module for a while: tools/fuzz.sh 20s
set -euo pipefail
time=${1:-20s}
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Go's fuzzer sometimes ends with its own "context deadline exceeded" when the time is up and the machine is busy; that
# is no finding. A finding names its input and fails again.
fuzz() { # package, target
  for attempt in 1 2 3; do
    if go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" -fuzzminimizetime 1x "$1" 2>&1 | tee "$log"; then
      return 0
    fi
    grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log" || return 1
    echo "== $1 $2: ended late, again ($attempt)"
  done
  return 1
}

for dir in $(grep -rl --include='*_test.go' '^func Fuzz' . --exclude-dir=test --exclude-dir=tools | xargs -n1 dirname | sort -u); do
  for target in $(grep -h -o '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | awk '{print $2}' | sort -u); do
    echo "== $dir $target"
    fuzz "$dir" "$target"
  done
done
