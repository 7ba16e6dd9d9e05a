package cluster

import (
	"container/list"
	"iter"

	"doorkeeper/access"
)

// A queue remembers in which order topics came. Each topic is in one queue at most, once.
type queue struct {
	limit int
	order list.List
	at    map[*access.Topic]*list.Element
}

// push puts a topic at the end and returns the one that falls out for it, nil while there is room.
func (q *queue) push(t *access.Topic) (out *access.Topic) {
	if q.at == nil {
		q.at = map[*access.Topic]*list.Element{}
	}
	q.at[t] = q.order.PushBack(t)
	if q.order.Len() <= q.limit {
		return nil
	}
	out = q.order.Front().Value.(*access.Topic)
	q.remove(out)
	return out
}

func (q *queue) remove(t *access.Topic) bool {
	e, ok := q.at[t]
	if ok {
		q.order.Remove(e)
		delete(q.at, t)
	}
	return ok
}

// all are the topics, oldest first.
func (q *queue) all() iter.Seq[*access.Topic] {
	return func(yield func(*access.Topic) bool) {
		for e := q.order.Front(); e != nil && yield(e.Value.(*access.Topic)); e = e.Next() {
		}
	}
}
