package cluster

import (
	"strings"

	"doorkeeper/access"
)

// TopicByID is nil when nobody knows. An id that a topic no longer has still finds its name.
func (c *Cluster) TopicByID(id [16]byte) *access.Topic { return c.byID.get(id) }

// TopicByName is nil when nobody knows. It does not allocate.
func (c *Cluster) TopicByName(name []byte) *access.Topic { return find(c.byName, name) }

// Intern is TopicByName that makes an entry (without an id) where there is none. Such entries have room of their own:
// whoever asks for names that do not exist displaces none that does.
func (c *Cluster) Intern(name string) *access.Topic {
	if t := c.byName.get(name); t != nil {
		return t
	}
	t := &access.Topic{Name: strings.Clone(name)}
	if name == "" || len(name) > maxName {
		return t
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.byName.get(name); known != nil {
		return known
	}
	e := c.edit()
	e.names.put(t.Name, t)
	e.push(&c.interned, t)
	e.commit()
	return t
}

// LearnTopics takes names and ids as a Metadata answer pairs them. A pair without a name is left out; one without an id
// (an old broker's) adds the name, and nothing to a name that has an id. A new id for a name (the topic was deleted and
// created again) becomes its id, and the old one still leads to the name.
func (c *Cluster) LearnTopics(topics []access.Topic) {
	for i := range topics {
		if t := &topics[i]; isNews(t, c.byName.get(t.Name)) {
			c.learn(topics[i:])
			return
		}
	}
}

// isNews says whether a pair holds anything that is not known of its name.
func isNews(t, known *access.Topic) bool {
	if t.Name == "" || len(t.Name) > maxName {
		return false
	}
	return known == nil || (t.ID != [16]byte{} && known.ID != t.ID)
}

func (c *Cluster) learn(topics []access.Topic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.edit()
	for i := range topics {
		if t := &topics[i]; isNews(t, e.names.get(t.Name)) {
			e.add(&access.Topic{Name: strings.Clone(t.Name), ID: t.ID})
		}
	}
	if e.commit() {
		c.dirty()
	}
}

// loadFormer restores ids that topics no longer have.
func (c *Cluster) loadFormer(topics []keptTopic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.edit()
	for _, k := range topics {
		t := &access.Topic{Name: k.Name, ID: k.ID}
		if isNews(t, nil) && t.ID != [16]byte{} && e.ids.get(t.ID) == nil {
			e.ids.put(t.ID, t)
			e.push(&e.former, t)
		}
	}
	e.commit()
}

// An edit changes both tables and the queues; the tables change for readers at commit.
type edit struct {
	*Cluster
	names *tableEdit[string]
	ids   *tableEdit[[16]byte]
}

func (c *Cluster) edit() *edit {
	return &edit{Cluster: c, names: c.byName.edit(), ids: c.byID.edit()}
}

func (e *edit) commit() bool {
	changed := e.ids.commit()
	return e.names.commit() || changed
}

// add puts a topic in the place of what had its name or its id.
func (e *edit) add(t *access.Topic) {
	if known := e.names.get(t.Name); known != nil {
		e.supersede(known)
	}
	if t.ID != [16]byte{} {
		// An id that another entry had: a topic's former one, or a name that it no longer has.
		if known := e.ids.get(t.ID); known != nil {
			e.current.remove(known)
			e.former.remove(known)
			e.names.drop(known.Name, known)
		}
		e.ids.put(t.ID, t)
	}
	e.names.put(t.Name, t)
	e.push(&e.current, t)
}

// supersede moves the entry that had the name to the former ones, if it has an id by which somebody may ask.
func (e *edit) supersede(known *access.Topic) {
	if e.interned.remove(known) {
		return
	}
	e.current.remove(known)
	if known.ID != [16]byte{} {
		e.push(&e.former, known)
	}
}

// push puts a topic at a queue's end. What falls out at the other end is forgotten, in both tables.
func (e *edit) push(q *queue, t *access.Topic) {
	out := q.push(t)
	if out == nil {
		return
	}
	e.names.drop(out.Name, out)
	if out.ID != [16]byte{} {
		e.ids.drop(out.ID, out)
	}
}
