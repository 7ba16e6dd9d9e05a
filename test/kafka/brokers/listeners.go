package brokers

// A Listener is one of the listeners that every broker has.
type Listener struct {
	Name     string
	Security string // of Kafka: PLAINTEXT, SASL_PLAINTEXT, SSL, SASL_SSL
	Host     string // advertised: Loopback, or Tapped for what a tap reads
}

// The listeners for clients. Those with Tapped differ from the others only in what they advertise: a client that
// bootstraps there stays on the tap, which passes on to the same port at Loopback.
var (
	Plain      = Listener{"PLAINTEXT", "PLAINTEXT", Loopback}
	SASL       = Listener{"SASL_PLAINTEXT", "SASL_PLAINTEXT", Loopback}
	TLS        = Listener{"SSL", "SSL", Loopback}
	SASLTLS    = Listener{"SASL_SSL", "SASL_SSL", Loopback}
	Reauth     = Listener{"REAUTH", "SASL_PLAINTEXT", Loopback} // sessions end after ReauthMillis (KIP-368)
	TappedOpen = Listener{"TAPPED", "PLAINTEXT", Tapped}
	TappedSASL = Listener{"TAPPED_SASL", "SASL_PLAINTEXT", Tapped}
)

var clientListeners = []Listener{Plain, SASL, TLS, SASLTLS, Reauth, TappedOpen, TappedSASL}

// ReauthMillis is how long a SASL session on the listener Reauth lives before the broker wants to see its
// credentials again.
const ReauthMillis = 3000

// The brokers' own listeners.
const (
	internal   = "INTERNAL"
	controller = "CONTROLLER"
)

// Users and passwords. PLAIN has them all; SCRAM has all of them in both mechanisms.
var Users = map[string]string{
	"admin": "admin-pw", // a super user
	"alice": "alice-pw",
	"bob":   "bob-pw",
	"erp":   "erp-pw",
}
