//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: this needs Linux: it reads other processes' CPU clocks and /proc, and splices")
	os.Exit(1)
}
