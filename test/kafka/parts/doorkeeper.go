package parts

import (
	"context"
	"path/filepath"
)

// Doorkeeper builds the proxy into dir and returns the binary's path.
func Doorkeeper(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "doorkeeper")
	main := filepath.Dir(filepath.Dir(Module()))
	return binary, run(ctx, main, "go", "build", "-o", binary, "./cmd/doorkeeper")
}
