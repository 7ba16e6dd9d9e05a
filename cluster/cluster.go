package cluster

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"doorkeeper/access"
)

// Bounds of what is kept of one cluster.
const (
	maxNodes    = 10_000
	maxTopics   = 200_000 // topics with the id they have now
	maxFormer   = 50_000  // ids that a deleted topic had, or a topic before it was created anew
	maxInterned = 20_000  // names that somebody asked for and no answer has confirmed
	maxTokens   = 10_000
)

// maxName is the length of the longest topic name that Kafka allows.
const maxName = 249

// Options of Open.
type Options struct {
	Name     string        // of the cluster in the configuration
	Dir      string        // where <name>.json is kept: state_dir/clusters; "": nothing is kept
	Debounce time.Duration // from a change to its writing; 0: 1 s
	Failed   func(error)   // told of each write that failed, from a goroutine of the cluster's own; nil: nobody
}

// A Cluster is safe for concurrent use.
//
// Writers take mu, change copies and store them; readers take what is stored. So a reader may see a topic by its id an
// instant before it sees it by its name.
type Cluster struct {
	id     atomic.Pointer[string]
	nodes  atomic.Pointer[nodes]
	tokens atomic.Pointer[tokens]
	byName *table[string]
	byID   *table[[16]byte]

	mu       sync.Mutex
	current  queue // topics with their id, oldest first
	former   queue // topics under ids they no longer have
	interned queue // topics of which only the name is known, and that from somebody who asked

	keeper *keeper // nil: nothing is kept
}

// Open reads what was kept. A file that cannot be understood is set aside as <name>.json.corrupt-<n> and reported as
// the warning; the cluster then starts from nothing. err means that the folder or the file cannot be used.
func Open(o Options) (c *Cluster, warning, err error) {
	c = &Cluster{
		byName:   newTable(maphash.String),
		byID:     newTable(hashID),
		current:  queue{limit: maxTopics},
		former:   queue{limit: maxFormer},
		interned: queue{limit: maxInterned},
	}
	empty := ""
	c.id.Store(&empty)
	c.nodes.Store(&nodes{byID: map[int32]Node{}})
	c.tokens.Store(&tokens{owner: map[string]string{}})
	if o.Dir == "" {
		return c, nil, nil
	}
	kept, warning, err := read(o.path())
	if err != nil {
		return nil, nil, err
	}
	c.load(kept)
	c.keeper = keep(o, c.snapshot)
	return c, warning, nil
}

// load learns what was kept, in the order in which it was learned at first.
func (c *Cluster) load(f file) {
	c.Learn(f.Nodes, f.ClusterID)
	c.loadFormer(f.Former)
	topics := make([]access.Topic, len(f.Topics))
	for i, t := range f.Topics {
		topics[i] = access.Topic{Name: t.Name, ID: t.ID}
	}
	c.LearnTopics(topics)
	for _, t := range f.Tokens {
		c.LearnTokenOwner(t.ID, t.Owner)
	}
}

// ID is the cluster's own id, "" before it was learned.
func (c *Cluster) ID() string { return *c.id.Load() }

// Learn takes the nodes of an answer, and the cluster's id unless it is empty. A node that is not among them stays: it
// may be restarting. A node without a host or a port (Kafka's "none": -1, "", -1) is left out; one without a rack keeps
// the rack that is known, since not every answer has it. Learn returns the nodes that are new or have a new address.
func (c *Cluster) Learn(list []Node, clusterID string) (changed []Node) {
	if !c.nodes.Load().news(list) && (clusterID == "" || clusterID == c.ID()) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if clusterID != "" && clusterID != c.ID() {
		own := strings.Clone(clusterID)
		c.id.Store(&own)
	}
	next, changed := c.nodes.Load().with(list)
	c.nodes.Store(next)
	c.dirty()
	return changed
}

// Node finds a node.
func (c *Cluster) Node(id int32) (Node, bool) {
	n, ok := c.nodes.Load().byID[id]
	return n, ok
}

// Nodes are all nodes, by id. The slice is shared: not to be changed.
func (c *Cluster) Nodes() []Node { return c.nodes.Load().list }

// TokenOwner is a delegation token's owner, as "User:name".
func (c *Cluster) TokenOwner(id string) (owner string, ok bool) {
	owner, ok = c.tokens.Load().owner[id]
	return owner, ok
}

// LearnTokenOwner notes a delegation token's owner, as "User:name". The id is not the secret; the HMAC is.
func (c *Cluster) LearnTokenOwner(id, owner string) {
	if known, ok := c.TokenOwner(id); id == "" || owner == "" || (ok && known == owner) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens.Store(c.tokens.Load().with(strings.Clone(id), strings.Clone(owner)))
	c.dirty()
}

// Close writes what is unwritten. It reports the write's error; a second call does nothing.
func (c *Cluster) Close() error {
	if c.keeper == nil {
		return nil
	}
	return c.keeper.close()
}

func (c *Cluster) dirty() {
	if c.keeper != nil {
		c.keeper.dirty()
	}
}
