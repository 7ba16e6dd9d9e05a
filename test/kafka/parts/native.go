package parts

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Python returns an interpreter with the packages of python/requirements.txt: librdkafka's client.
func Python(ctx context.Context) (string, error) {
	requirements := filepath.Join(Module(), "python", "requirements.txt")
	sum, err := digest("", requirements)
	if err != nil {
		return "", err
	}
	dir, err := made("python", sum, func(dir string) error {
		env := filepath.Join(dir, "env")
		if err := run(ctx, dir, "python3", "-m", "venv", env); err != nil {
			return err
		}
		return run(ctx, dir, filepath.Join(env, "bin", "python"), "-m", "pip", "install", "-q",
			"--disable-pip-version-check", "-r", requirements)
	})
	return filepath.Join(dir, "env", "bin", "python"), err
}

// Kcat returns kcat's path. Where it is missing it is installed from Debian's packages, which takes root.
func Kcat(ctx context.Context) (string, error) {
	if path, err := exec.LookPath("kcat"); err == nil {
		return path, nil
	}
	if err := run(ctx, "/", "apt-get", "update", "-q"); err != nil {
		return "", err
	}
	if err := run(ctx, "/", "apt-get", "install", "-y", "-q", "kcat"); err != nil {
		return "", fmt.Errorf("kcat is missing: %w", err)
	}
	return exec.LookPath("kcat")
}
