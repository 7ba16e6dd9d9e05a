package brokers

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
)

// format makes every node's data folder as Kafka's storage tool does. The tool takes seconds a run, so it formats the
// first node's, and the others get a copy under their own node and directory ids.
func (c *Cluster) format(ctx context.Context) error {
	args := []string{"-Xshare:auto", "-XX:TieredStopAtLevel=1", "-Dlog4j2.configurationFile=" + c.log4j(), "-cp", c.classPath,
		"kafka.tools.StorageTool", "format", "-t", uuid(), "-c", c.fileOf(1)}
	for _, name := range slices.Sorted(maps.Keys(Users)) {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			args = append(args, "-S", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, name, Users[name]))
		}
	}
	if out, err := exec.CommandContext(ctx, "java", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("format: %w\n%s", err, out)
	}
	for _, id := range c.IDs()[1:] {
		if err := os.CopyFS(c.dataDir(id), os.DirFS(c.dataDir(1))); err != nil {
			return err
		}
		if err := renumber(filepath.Join(c.dataDir(id), "meta.properties"), id); err != nil {
			return err
		}
	}
	return nil
}

var (
	nodeID      = regexp.MustCompile(`(?m)^node\.id=.*$`)
	directoryID = regexp.MustCompile(`(?m)^directory\.id=.*$`)
)

func renumber(metaProperties string, id int32) error {
	content, err := os.ReadFile(metaProperties)
	if err != nil {
		return err
	}
	content = nodeID.ReplaceAll(content, fmt.Appendf(nil, "node.id=%d", id))
	content = directoryID.ReplaceAll(content, []byte("directory.id="+uuid()))
	return os.WriteFile(metaProperties, content, 0o644)
}

// uuid returns a random id as Kafka prints its own. Those that begin with a dash look like an option to the tools.
func uuid() string {
	var id [16]byte
	for {
		rand.Read(id[:])
		if s := base64.RawURLEncoding.EncodeToString(id[:]); s[0] != '-' {
			return s
		}
	}
}
