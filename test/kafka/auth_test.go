package kafka

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// kgoLogin are franz-go's options for a login at an entrance.
func kgoLogin(t *testing.T, entrance string, l login) []kgo.Opt {
	t.Helper()
	var opts []kgo.Opt
	if tlsEntrance(entrance) {
		config := &tls.Config{RootCAs: shared.cluster.Certificates.Pool}
		if l.cert {
			pair, err := shared.cluster.Certificates.Pair(l.user)
			if err != nil {
				t.Fatal(err)
			}
			config.Certificates = []tls.Certificate{pair}
		}
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	if l.mechanism == "" {
		return opts
	}
	return append(opts, kgo.SASL(kgoMechanism(l)))
}

func kgoMechanism(l login) sasl.Mechanism {
	switch l.mechanism {
	case "PLAIN":
		return plain.Auth{User: l.user, Pass: l.password()}.AsMechanism()
	case "SCRAM-SHA-256":
		return scram.Auth{User: l.user, Pass: l.password()}.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		return scram.Auth{User: l.user, Pass: l.password()}.AsSha512Mechanism()
	default:
		return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
			return oauth.Auth{Token: unsecuredToken(l.user)}, nil
		})
	}
}

// authRow writes and reads a little under a login.
func authRow(entrance string, l login) row {
	name := fmt.Sprintf("%s %s %s", entrance, l.mechanism, l.user)
	r := row{name: name, entrance: entrance, principal: "User:" + l.user, run: func(t *testing.T, c *client) string {
		opts := append(kgoLogin(t, entrance, l), manual)
		cl := c.kgo(t, opts...)
		defer cl.Close()
		topic := c.topic(t, cl, "auth", 1)
		produce(c.ctx, t, cl, topic, 1, 100, 100)
		reader := c.kgo(t, append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
		defer reader.Close()
		return consume(c.ctx, t, reader, 100)
	}}
	if l.user == "" {
		r.principal = "User:ANONYMOUS"
	}
	return r
}

func TestAuthentication(t *testing.T) {
	var rows []row
	for _, entrance := range []string{"sasl", "sasl-tls", "sasl-tls-tls"} {
		for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"} {
			rows = append(rows, authRow(entrance, login{mechanism: mechanism, user: "erp"}))
		}
	}
	for _, entrance := range []string{"open-tls", "tls-tls"} {
		rows = append(rows, authRow(entrance, login{user: "erp", cert: true}), authRow(entrance, login{}))
	}
	rows = append(rows, row{name: "re-authentication", entrance: "reauth", principal: "User:alice", run: reauthenticate},
		row{name: "wrong password", entrance: "sasl", run: wrongPassword},
		row{name: "delegation token", entrance: "sasl", run: delegationToken, principal: "*"})
	runRows(t, rows)
}

// reauthenticate keeps a client busy over three ends of its SASL session.
func reauthenticate(t *testing.T, c *client) string {
	opts := append(kgoLogin(t, c.entrance, login{mechanism: "SCRAM-SHA-256", user: "alice"}), manual)
	cl := c.kgo(t, opts...)
	defer cl.Close()
	topic := c.topic(t, cl, "reauth", 1)
	reader := c.kgo(t, append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	defer reader.Close()
	for range 20 {
		produce(c.ctx, t, cl, topic, 1, 5, 100)
		consume(c.ctx, t, reader, 5)
		time.Sleep(450 * time.Millisecond)
	}
	return "100 records"
}

func wrongPassword(t *testing.T, c *client) string {
	cl := c.kgo(t, kgo.SASL(scram.Auth{User: "alice", Pass: "guess"}.AsSha256Mechanism()), kgo.RequestRetries(0))
	defer cl.Close()
	_, err := kadm.NewClient(cl).ListBrokers(c.ctx)
	if err == nil {
		t.Fatal("a wrong password was accepted")
	}
	if i := strings.Index(err.Error(), "SASL_AUTHENTICATION_FAILED"); i >= 0 {
		return err.Error()[i:]
	}
	return err.Error()
}

// delegationToken makes a token as bob and uses it.
func delegationToken(t *testing.T, c *client) string {
	bob := c.kgo(t, kgoLogin(t, c.entrance, login{mechanism: "SCRAM-SHA-512", user: "bob"})...)
	defer bob.Close()
	token, err := kadm.NewClient(bob).CreateDelegationToken(c.ctx, kadm.CreateDelegationToken{})
	if err != nil {
		t.Fatal(err)
	}
	mechanism := scram.Auth{User: token.TokenID, Pass: base64.StdEncoding.EncodeToString(token.HMAC), IsToken: true}.AsSha256Mechanism()
	for c.ctx.Err() == nil {
		user := c.kgo(t, kgo.SASL(mechanism), manual)
		topic := c.name("token")
		_, err := kadm.NewClient(user).CreateTopic(c.ctx, 1, 1, nil, topic)
		if err != nil { // the token has not reached this broker
			user.Close()
			time.Sleep(300 * time.Millisecond)
			continue
		}
		produce(c.ctx, t, user, topic, 1, 10, 100)
		user.Close()
		return "10 records"
	}
	t.Fatal(c.ctx.Err())
	return ""
}
