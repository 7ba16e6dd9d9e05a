package truth

import (
	"encoding/base64"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Names is what was learned of topics: ids by which requests name them, and their names.
type Names map[[16]byte]string

// Learn takes the topics from every Metadata and CreateTopics answer of the sessions.
func (n Names) Learn(sessions []*Session) {
	for _, s := range sessions {
		for _, c := range s.Calls {
			switch r := c.Response.(type) {
			case *kmsg.MetadataResponse:
				for _, t := range r.Topics {
					if t.Topic != nil {
						n.add(t.TopicID, *t.Topic)
					}
				}
			case *kmsg.CreateTopicsResponse:
				for _, t := range r.Topics {
					n.add(t.TopicID, t.Topic)
				}
			}
		}
	}
}

func (n Names) add(id [16]byte, name string) {
	if id != [16]byte{} && name != "" {
		n[id] = name
	}
}

// Of returns the part's topic name, or its id as Kafka prints it where nobody named it.
func (n Names) Of(p Part) string {
	if p.Topic != "" {
		return p.Topic
	}
	if name, ok := n[p.ID]; ok {
		return name
	}
	return IDText(p.ID)
}

// IDText prints an id as Kafka does.
func IDText(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }
