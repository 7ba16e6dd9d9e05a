package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync/atomic"
)

// An Actor is who called: what a control record says of its author.
type Actor struct {
	Name   string // the token's name, or the user's
	Role   Role
	Source string // "unix", or the peer's address
	Method string // "peer_uid", "token", "signal", "watch"
}

// A right is what a caller wants to do: the least role that may.
type right Role

const (
	toRead    = right(Viewer)
	toRespond = right(Responder) // to quarantine
	toOperate = right(Operator)  // to change how the proxy runs, and to grant
)

// may says whether the actor has a right. Every role may read.
func (a Actor) may(want right) bool {
	switch want {
	case toRead:
		return true
	case toRespond:
		return a.Role == Responder || a.Role == Operator
	}
	return a.Role == Operator
}

// A Role says what a caller may do.
type Role string

// The roles: a viewer reads, a responder also quarantines, an operator also reloads, grants and drains; payload reads,
// and alone may see payloads.
const (
	Viewer    Role = "viewer"
	Responder Role = "responder"
	Operator  Role = "operator"
	Payload   Role = "payload"
)

// A Token is one that callers may show: Sum is its SHA-256.
type Token struct {
	Name string
	Role Role
	Sum  [32]byte
}

// auth knows who may call.
type auth struct {
	uids   map[uint32]Role
	own    uint32
	tokens atomic.Pointer[[]Token]
}

func newAuth(uids map[uint32]Role, tokens []Token) *auth {
	a := &auth{uids: uids, own: uint32(os.Geteuid())}
	a.tokens.Store(&tokens)
	return a
}

// identify finds the caller. A token that is shown counts before the uid, so that a root shell can try one out.
func (a *auth) identify(r *http.Request) (Actor, error) {
	peer, onSocket := r.Context().Value(peerKey{}).(peerID)
	if header := r.Header.Get("Authorization"); header != "" {
		source := r.RemoteAddr
		if onSocket {
			source = "unix"
		}
		return a.byToken(header, source)
	}
	if !onSocket {
		return Actor{}, fmt.Errorf("no token: send it as Authorization: Bearer TOKEN (--token-file FILE)")
	}
	if peer.err != nil {
		return Actor{}, fmt.Errorf("no token, and the peer is not known: %w", peer.err)
	}
	role, ok := a.uids[peer.uid]
	if peer.uid == 0 || peer.uid == a.own {
		role, ok = Operator, true
	}
	if !ok {
		return Actor{}, fmt.Errorf("uid %d has no role: give it one in admin.uids, or send a token (--token-file FILE)", peer.uid)
	}
	return Actor{Name: userName(peer.uid), Role: role, Source: "unix", Method: "peer_uid"}, nil
}

// byToken compares with every token in constant time, so that neither which one matched nor how much of it shows in
// the time taken.
func (a *auth) byToken(header, source string) (Actor, error) {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return Actor{}, fmt.Errorf("the Authorization header must be: Bearer TOKEN")
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	var found *Token
	tokens := *a.tokens.Load()
	for i := range tokens {
		if subtle.ConstantTimeCompare(tokens[i].Sum[:], sum[:]) == 1 {
			found = &tokens[i]
		}
	}
	if found == nil {
		return Actor{}, fmt.Errorf("the token is not in the tokens file (admin.tokens_file holds its SHA-256)")
	}
	return Actor{Name: found.Name, Role: found.Role, Source: source, Method: "token"}, nil
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid:" + id
}

type peerKey struct{}

// peerID is what the kernel says of a socket's other end, asked once per connection.
type peerID struct {
	uid uint32
	err error
}

// withPeer remembers the peer's uid in the context of a connection's requests.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	if counted, ok := c.(*counted); ok {
		c = counted.Conn
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	uid, err := peerUID(u)
	return context.WithValue(ctx, peerKey{}, peerID{uid, err})
}
