package api

import "doorkeeper/access"

// pairs are topics whose name and id an answer gave together.
type pairs []access.Topic

// add leaves out what is no pair: a broker that may not show a topic empties one of the two.
func (p *pairs) add(name string, id [16]byte) {
	if name != "" && id != ([16]byte{}) {
		*p = append(*p, access.Topic{Name: name, ID: id})
	}
}

func (x *Exchange) learnPairs(p pairs) {
	if len(p) > 0 {
		x.Env.Cluster.LearnTopics(p)
	}
}

// learnToken notes whose a delegation token is. Of the token's HMAC nothing is kept.
func (x *Exchange) learnToken(id, principalType, principalName string) {
	if id != "" && principalName != "" {
		x.Env.Cluster.LearnTokenOwner(id, principalType+":"+principalName)
	}
}
