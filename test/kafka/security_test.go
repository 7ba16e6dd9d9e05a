package kafka

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"time"

	"doorkeeper/test/kafka/brokers"
)

// login is how a client authenticates.
type login struct {
	mechanism string // of SASL; empty for none
	user      string
	cert      bool // shows the user's certificate
}

func (l login) password() string { return brokers.Users[l.user] }

func tlsEntrance(entrance string) bool {
	return entrances[entrance].Security == "SSL" || entrances[entrance].Security == "SASL_SSL"
}

// javaProperties are the client properties of a login at an entrance.
func javaProperties(entrance string, l login) map[string]string {
	p := map[string]string{"security.protocol": entrances[entrance].Security}
	certificates := shared.cluster.Certificates
	if tlsEntrance(entrance) {
		p["ssl.truststore.type"], p["ssl.truststore.location"] = "PEM", certificates.Path("ca.pem")
	}
	if l.cert {
		p["ssl.keystore.type"], p["ssl.keystore.location"] = "PEM", certificates.Path(l.user+".store.pem")
	}
	if l.mechanism == "" {
		return p
	}
	const modules = "org.apache.kafka.common.security."
	p["sasl.mechanism"] = l.mechanism
	switch l.mechanism {
	case "PLAIN":
		p["sasl.jaas.config"] = fmt.Sprintf("%splain.PlainLoginModule required username=%q password=%q;", modules, l.user, l.password())
	case "OAUTHBEARER":
		p["sasl.jaas.config"] = fmt.Sprintf("%soauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=%q;", modules, l.user)
	default:
		p["sasl.jaas.config"] = fmt.Sprintf("%sscram.ScramLoginModule required username=%q password=%q;", modules, l.user, l.password())
	}
	return p
}

// pairs prints properties as KEY=VALUE, in order.
func pairs(p map[string]string) []string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(p)) {
		all = append(all, key+"="+p[key])
	}
	return all
}

// unsecuredToken is an OAUTHBEARER token without a signature, as the brokers of these tests take them.
func unsecuredToken(user string) string {
	encode := base64.RawURLEncoding.EncodeToString
	now := time.Now().Unix()
	claims := fmt.Sprintf(`{"sub":%q,"iat":%d,"exp":%d,"scope":["kafka"]}`, user, now-10, now+3600)
	return encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + "."
}
