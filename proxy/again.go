package proxy

import (
	"hash/maphash"
	"time"

	"doorkeeper/proxy/api"
)

// Some clients repeat what they are denied at once and for ever: Java's idempotent producer sends a thousand
// InitProducerId a second, its consumer a JoinGroup whenever it is polled. From a broker they get as many answers. Here a
// request that was stopped a moment ago, and comes again as it was, is answered when it would have been polite to ask.

// askAgain is how long after an answer the same request may come and is answered at once.
const askAgain = time.Second

// An unwelcome is a request that was denied or refused and answered here.
type unwelcome struct {
	key, version int16
	body         uint64 // its hash
	until        time.Time
}

// unwelcomes are a connection's last ones: clients that turn in circles ask for little.
type unwelcomes struct {
	last [4]unwelcome
	next int
}

var bodies = maphash.MakeSeed()

// wait returns how long a request that is answered here has to wait, and notes it.
func (u *unwelcomes) wait(x *api.Exchange, body []byte, now time.Time) time.Duration {
	is := unwelcome{key: x.API.Key, version: x.Version, body: maphash.Bytes(bodies, body)}
	for i := range u.last {
		was := &u.last[i]
		if was.key == is.key && was.version == is.version && was.body == is.body && !was.until.IsZero() {
			left := max(0, was.until.Sub(now))
			was.until = now.Add(left + askAgain)
			return left
		}
	}
	is.until = now.Add(askAgain)
	u.last[u.next] = is
	u.next = (u.next + 1) % len(u.last)
	return 0
}
