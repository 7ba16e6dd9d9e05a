package proxy

import (
	"hash/maphash"
	"time"

	"doorkeeper/access"
	"doorkeeper/proxy/api"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Some clients repeat what they are denied at once and for ever: Java's idempotent producer sends a thousand
// InitProducerId a second, its consumer a JoinGroup whenever it is polled. From a broker they get as many answers. Here a
// request that was denied a moment ago, and comes again as it was, is answered when it would have been polite to ask.
// What could not be decided is asked again as clients see fit: what comes behind, a heartbeat say, must not wait with it.
// What comes behind a denial does, so that where a client is denied Metadata, which it asks for beside its work, only one
// that does nothing else on the connection is let wait.

// askAgain is how long after an answer the same request may come and is answered at once.
const askAgain = time.Second

// An unwelcome is a request that was denied.
type unwelcome struct {
	key, version int16
	body         uint64 // its hash
	until        time.Time
	welcome      int // as it was then
}

// unwelcomes are a connection's last ones: clients that turn in circles ask for little.
type unwelcomes struct {
	last    [4]unwelcome
	next    int
	welcome int // how many others there were
}

var bodies = maphash.MakeSeed()

// wait returns how long a request that was decided has to wait, and notes it. here: it is answered here.
func (u *unwelcomes) wait(x *api.Exchange, body []byte, here bool, clock func() time.Time) time.Duration {
	if x.Verdict() != access.Deny || !here && (x.API.Key != int16(kmsg.Metadata) || !x.Futile()) {
		u.welcome++
		return 0
	}
	now := clock()
	is := unwelcome{x.API.Key, x.Version, maphash.Bytes(bodies, body), now.Add(askAgain), u.welcome}
	for i := range u.last {
		was := &u.last[i]
		if was.until.IsZero() || was.key != is.key || was.version != is.version || was.body != is.body {
			continue
		}
		var left time.Duration
		if here || was.welcome == is.welcome {
			left = max(0, was.until.Sub(now))
		}
		is.until = is.until.Add(left)
		*was = is
		return left
	}
	u.last[u.next] = is
	u.next = (u.next + 1) % len(u.last)
	return 0
}
