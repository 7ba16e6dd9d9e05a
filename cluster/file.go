package cluster

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"doorkeeper/internal/disk"
)

// file is what is kept, in the order in which it was learned.
type file struct {
	Version   int         `json:"version"`
	ClusterID string      `json:"cluster_id,omitempty"`
	Nodes     []Node      `json:"nodes,omitempty"`
	Topics    []keptTopic `json:"topics,omitempty"`
	Former    []keptTopic `json:"former,omitempty"` // names under ids that they no longer have
	Tokens    []keptToken `json:"tokens,omitempty"`
}

type keptTopic struct {
	Name string  `json:"name"`
	ID   topicID `json:"id,omitzero"`
}

type keptToken struct {
	ID    string `json:"id"`
	Owner string `json:"owner"`
}

// topicID prints as Kafka prints it: base64 for URLs, without padding.
type topicID [16]byte

func (t topicID) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, t[:]), nil
}

func (t *topicID) UnmarshalText(text []byte) error {
	b, err := base64.RawURLEncoding.DecodeString(string(text))
	if err != nil || len(b) != len(t) {
		return fmt.Errorf("topic id %q", text)
	}
	copy(t[:], b)
	return nil
}

const (
	fileVersion = 1

	// maxFile bounds what is read, in bytes: more than full tables make.
	maxFile = 256 << 20
)

// path is the cluster's file. A name that is none for a file (with a slash in it, say) is escaped.
func (o Options) path() string {
	return filepath.Join(o.Dir, url.PathEscape(o.Name)+".json")
}

// read reads what was kept; nothing, if there is no file. A file that cannot be understood is set aside.
func read(path string) (f file, warning, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return file{}, nil, err
	}
	b, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return file{}, nil, nil
	}
	if err != nil {
		return file{}, nil, err
	}
	if err := json.Unmarshal(b, &f); err == nil && f.Version == fileVersion {
		return f, nil, nil
	} else if err == nil {
		warning = fmt.Errorf("%s: version %d, not %d", path, f.Version, fileVersion)
	} else {
		warning = fmt.Errorf("%s: %w", path, err)
	}
	aside, err := setAside(path)
	if err != nil {
		return file{}, nil, errors.Join(warning, err)
	}
	return file{}, fmt.Errorf("%w; set aside as %s: the cluster's nodes and topics are learned anew", warning, aside), nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// maxAside bounds how many corrupt files are kept; the last is then overwritten.
const maxAside = 100

func setAside(path string) (aside string, err error) {
	for n := 1; n <= maxAside; n++ {
		aside = fmt.Sprintf("%s.corrupt-%d", path, n)
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return aside, os.Rename(path, aside)
}

// write replaces the file in one step: readers, and a crash, find the old one or the new one.
func write(path string, f file) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return disk.Replace(path, b, 0o600)
}

// snapshot is what is to be kept. Interned names are not: nobody has confirmed them.
func (c *Cluster) snapshot() file {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := file{Version: fileVersion, ClusterID: c.ID()}
	s := c.nodes.Load()
	for _, id := range s.order {
		f.Nodes = append(f.Nodes, s.byID[id])
	}
	f.Topics = kept(&c.current)
	f.Former = kept(&c.former)
	owners := c.tokens.Load()
	for _, id := range owners.order {
		f.Tokens = append(f.Tokens, keptToken{ID: id, Owner: owners.owner[id]})
	}
	return f
}

func kept(q *queue) []keptTopic {
	topics := make([]keptTopic, 0, q.order.Len())
	for t := range q.all() {
		topics = append(topics, keptTopic{Name: t.Name, ID: topicID(t.ID)})
	}
	return topics
}
