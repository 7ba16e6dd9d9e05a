package equivalence

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/test/kafka/raw"
)

// A side is one of the two ways: to a broker with ACLs, or through doorkeeper with a policy to one without.
type side struct {
	name    string
	admin   string // address at which everything is allowed, past doorkeeper
	clients string // address at which users log in
	host    string // under which clients are told to reach the broker
	port    int32

	master *raw.Conn
	conns  map[string]*raw.Conn
	ids    map[string][16]byte // of topics that the super user made
	names  map[[16]byte]string
}

func (s *side) close() {
	for _, c := range s.conns {
		c.Close()
	}
	if s.master != nil {
		s.master.Close()
	}
}

// asAdmin asks past doorkeeper, as super user.
func (s *side) asAdmin(q kmsg.Request) (kmsg.Response, error) {
	if s.master == nil {
		c, err := raw.Dial(s.admin)
		if err != nil {
			return nil, err
		}
		s.master = c
	}
	s.translate(q)
	r, err := s.master.Ask(q)
	if err != nil {
		return nil, fmt.Errorf("%s: %T as super user: %w", s.name, q, err)
	}
	return r, nil
}

// ask asks as user, on a connection that is kept. In place of an answer it may return closed or silent.
func (s *side) ask(user string, q kmsg.Request, patience time.Duration) (r kmsg.Response, instead string, err error) {
	c := s.conns[user]
	if c == nil {
		var err error
		if c, err = s.login(user); err != nil {
			return nil, "", fmt.Errorf("%s: login of %s: %w", s.name, user, err)
		}
		s.conns[user] = c
	}
	s.translate(q)
	c.Timeout = cmp.Or(patience, 30*time.Second)
	if r, err = answer(c, q); err == nil {
		return r, "", nil
	}
	c.Close()
	delete(s.conns, user)
	var timeout net.Error
	switch {
	case errors.Is(err, raw.ErrClosed):
		return nil, closed, nil
	case patience > 0 && errors.As(err, &timeout) && timeout.Timeout():
		return nil, silent, nil
	}
	return nil, "", fmt.Errorf("%s: %s: %w", s.name, user, err)
}

// answer asks, and after what is not answered asks something that is: the empty answer says that the connection lives.
func answer(c *raw.Conn, q kmsg.Request) (kmsg.Response, error) {
	if produce, ok := q.(*kmsg.ProduceRequest); !ok || produce.Acks != 0 {
		return c.Ask(q)
	}
	if err := c.Send(q); err != nil {
		return nil, raw.ErrClosed
	}
	if _, err := c.Ask(kmsg.NewPtrApiVersionsRequest()); err != nil {
		return nil, err
	}
	return kmsg.NewPtrProduceResponse(), nil
}

func (s *side) login(user string) (*raw.Conn, error) {
	c, err := raw.Dial(s.clients)
	if err != nil {
		return nil, err
	}
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.SetVersion(1)
	handshake.Mechanism = "PLAIN"
	if _, err := c.Ask(handshake); err != nil {
		return nil, err
	}
	token := kmsg.NewPtrSASLAuthenticateRequest()
	token.SetVersion(2)
	token.SASLAuthBytes = []byte("\x00" + user + "\x00" + password(user))
	r, err := c.Ask(token)
	if err != nil {
		return nil, err
	}
	if code := r.(*kmsg.SASLAuthenticateResponse).ErrorCode; code != 0 {
		return nil, fmt.Errorf("error %d", code)
	}
	return c, nil
}

var idType = reflect.TypeFor[[16]byte]()

// translate puts the broker's topic ids in place of those that requests are made with.
func (s *side) translate(q kmsg.Request) {
	byMade := map[[16]byte][16]byte{}
	for name, id := range s.ids {
		byMade[madeID(name)] = id
	}
	walk(reflect.ValueOf(q).Elem(), func(v reflect.Value) {
		if v.Type() != idType {
			return
		}
		if id, ok := byMade[v.Interface().([16]byte)]; ok {
			v.Set(reflect.ValueOf(id))
		}
	})
}

// walk visits every value below v.
func walk(v reflect.Value, visit func(reflect.Value)) {
	visit(v)
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				walk(v.Field(i), visit)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			for i := range v.Len() {
				walk(v.Index(i), visit)
			}
		}
	}
}

// makeTopics makes topics of two partitions and waits until their leader serves them.
func (s *side) makeTopics(names ...string) error {
	q := kmsg.NewPtrCreateTopicsRequest()
	q.SetVersion(7)
	q.TimeoutMillis = 30_000
	for _, name := range names {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = name, 2, 1
		q.Topics = append(q.Topics, t)
	}
	r, err := s.asAdmin(q)
	if err != nil {
		return err
	}
	for _, t := range r.(*kmsg.CreateTopicsResponse).Topics {
		if t.ErrorCode != 0 {
			return fmt.Errorf("%s: topic %s: error %d", s.name, t.Topic, t.ErrorCode)
		}
		s.ids[t.Topic], s.names[t.TopicID] = t.TopicID, t.Topic
	}
	return s.settled(func() (bool, error) { return s.served(names) })
}

func (s *side) served(names []string) (bool, error) {
	q := kmsg.NewPtrListOffsetsRequest()
	q.SetVersion(6)
	q.ReplicaID = -1
	topics(&q.Topics, names, 0, 1)
	for i := range q.Topics {
		for j := range q.Topics[i].Partitions {
			q.Topics[i].Partitions[j].Timestamp = -1
		}
	}
	r, err := s.asAdmin(q)
	if err != nil {
		return false, err
	}
	for _, t := range r.(*kmsg.ListOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return false, nil
			}
		}
	}
	return true, nil
}

// settled tries until f says so.
func (s *side) settled(f func() (bool, error)) error {
	for range 600 {
		if done, err := f(); done || err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("%s: not ready after half a minute", s.name)
}

// askReady asks as super user until no error of the answer is one that goes.
func (s *side) askReady(make func() kmsg.Request) (r kmsg.Response, err error) {
	err = s.settled(func() (bool, error) {
		r, err = s.asAdmin(make())
		return err == nil && !passing(r, nil), err
	})
	return r, err
}

// passing says whether an answer has an error that goes away: a coordinator loads or is not yet known, or an earlier
// change is still under way.
func passing(r kmsg.Response, more []int16) bool {
	found := false
	walk(reflect.ValueOf(r).Elem(), func(v reflect.Value) {
		if v.Kind() != reflect.Struct {
			return
		}
		for _, name := range []string{"ErrorCode", "SecondaryErrorCode"} {
			if f := v.FieldByName(name); f.IsValid() && f.Kind() == reflect.Int16 {
				found = found || slices.Contains(append([]int16{14, 15, 51, 60}, more...), int16(f.Int()))
			}
		}
	})
	return found
}
