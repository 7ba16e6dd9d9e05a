package proxy

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// alarmsPerSecond bounds the log lines that clients and brokers can cause. What is left out is counted; metrics and
// access records have all of it.
const alarmsPerSecond = 20

// alarms counts lines within a second.
type alarms struct {
	mu      sync.Mutex
	second  int64
	written int
	lost    int64
}

// take says whether one line more may be written.
func (a *alarms) take(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := now.Unix(); s != a.second {
		a.second, a.written = s, 0
	}
	if a.written >= alarmsPerSecond {
		a.lost++
		return false
	}
	a.written++
	return true
}

// missed returns how many lines were left out since it was last asked, once their second is over.
func (a *alarms) missed(now time.Time) (n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Unix() != a.second {
		n, a.lost = a.lost, 0
	}
	return n
}

// alarm logs what somebody outside has caused.
func (p *Proxy) alarm(level slog.Level, msg string, args ...any) {
	if p.alarms.take(time.Now()) {
		p.log.Log(context.Background(), level, msg, args...)
	}
}
