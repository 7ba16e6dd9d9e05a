package config

import "time"

// Config is a configuration with every default filled in and every path absolute. It is not changed after Load.
type Config struct {
	ProxyID   string    `yaml:"proxy_id" jsonschema_description:"Name of this proxy in every record. Default: the host name."`
	StateDir  string    `yaml:"state_dir" jsonschema_description:"Directory (0700) for what must survive a restart, the admin socket and the lock. Default: /var/lib/doorkeeper if that is writable, else doorkeeper in $XDG_STATE_HOME."`
	Watch     bool      `yaml:"watch" jsonschema_description:"Reload when this file, a certificate, a key, a CA file, the tokens file, a policy or the catalog changes. SIGHUP reloads in any case."`
	Catalog   string    `yaml:"catalog_file" jsonschema_description:"YAML file that says who owns topics and principals, how they are tagged, and where access is asked for: docs/policy.md. Policies see it as data.catalog."`
	Clusters  []Cluster `yaml:"clusters" jsonschema:"required" jsonschema_description:"The Kafka clusters that this proxy stands in front of."`
	Policy    Policy    `yaml:"policy" jsonschema_description:"What decides whether an action may pass: docs/policy.md. Without paths everything is allowed, and recorded."`
	Records   Records   `yaml:"records" jsonschema_description:"How accesses become records."`
	Sinks     []Sink    `yaml:"sinks" jsonschema_description:"Where records go. Default: one file sink named local, access.jsonl in state_dir. An empty list: nowhere."`
	Telemetry Telemetry `yaml:"telemetry" jsonschema_description:"Metrics and traces by OTLP, and whom metrics name."`
	Limits    Limits    `yaml:"limits" jsonschema_description:"Bounds on what clients can make the proxy hold."`
	Timeouts  Timeouts  `yaml:"timeouts" jsonschema_description:"How long the proxy waits for what. Idle connections are the broker's to close."`
	Log       Log       `yaml:"log" jsonschema_description:"The proxy's own log, on standard error."`
	Admin     Admin     `yaml:"admin" jsonschema_description:"The admin API: health, metrics, sessions, records, reload, drain."`

	source *source // where each value stands in the file
}

// A Cluster is one Kafka cluster and the listeners through which clients reach it.
type Cluster struct {
	Name      string       `yaml:"name" jsonschema:"required" jsonschema_description:"Name of the cluster in records, and of its file in state_dir/clusters."`
	Bootstrap []string     `yaml:"bootstrap" jsonschema:"required" jsonschema_description:"Brokers to dial before the cluster's nodes are known: host:port each."`
	TLS       *UpstreamTLS `yaml:"tls" jsonschema_description:"TLS toward the brokers. Absent: plaintext. An empty mapping: TLS with the system's CAs."`
	Listeners []Listener   `yaml:"listeners" jsonschema:"required" jsonschema_description:"Where clients connect."`
}

// UpstreamTLS is TLS toward the brokers.
type UpstreamTLS struct {
	CAFile     string `yaml:"ca_file" jsonschema_description:"PEM file of the CAs that may sign the other side's certificate. Default: the system's."`
	CertFile   string `yaml:"cert_file" jsonschema_description:"PEM file of the certificate that the proxy shows to it."`
	KeyFile    string `yaml:"key_file" jsonschema_description:"PEM file of that certificate's key."`
	ServerName string `yaml:"server_name" jsonschema_description:"Name to send as SNI and to expect in the other side's certificate. Default: the host that is dialled."`
}

// A Listener is one address that clients bootstrap at, and the ports of the brokers behind it.
type Listener struct {
	Name             string       `yaml:"name" jsonschema:"required" jsonschema_description:"Name of the listener in records; unique within its cluster."`
	Address          string       `yaml:"address" jsonschema:"required" jsonschema_description:"Clients bootstrap here: host:port. Port 0 takes any free one."`
	AdvertisedHost   string       `yaml:"advertised_host" jsonschema_description:"Host that clients are told to connect to. Default: the address that the client connected to."`
	Routing          string       `yaml:"routing" jsonschema:"enum=ports" jsonschema_description:"How a connection finds its broker. ports: every broker has a port of its own, first_port plus its node id."`
	FirstPort        int          `yaml:"first_port" jsonschema_description:"Broker n is at first_port + n. Required with routing ports."`
	TLS              *ListenerTLS `yaml:"tls" jsonschema_description:"TLS toward clients. Absent: plaintext."`
	PrincipalMapping []string     `yaml:"principal_mapping" jsonschema_description:"Kafka's ssl.principal.mapping.rules, for clients that show a certificate. Default: the whole distinguished name."`
	OAuth            OAuth        `yaml:"oauth" jsonschema_description:"What is read from an OAUTHBEARER token once the broker has accepted it."`
	AllowUnverified  bool         `yaml:"allow_unverified" jsonschema_description:"Let SASL mechanisms pass whose user name cannot be read (GSSAPI, custom ones); the principal is then User:?."`
}

// Words of ListenerTLS.ClientAuth.
const (
	ClientAuthNone    = "none"
	ClientAuthRequest = "request"
	ClientAuthRequire = "require"
)

// ListenerTLS is TLS toward clients.
type ListenerTLS struct {
	CertFile     string `yaml:"cert_file" jsonschema:"required" jsonschema_description:"PEM file of the certificate (and its chain) that clients see."`
	KeyFile      string `yaml:"key_file" jsonschema:"required" jsonschema_description:"PEM file of its key."`
	ClientCAFile string `yaml:"client_ca_file" jsonschema_description:"PEM file of the CAs that may sign a client's certificate."`
	ClientAuth   string `yaml:"client_auth" jsonschema:"enum=none,enum=request,enum=require" jsonschema_description:"Client certificates: none, request (verified if shown) or require. Default: require if client_ca_file is given, else none."`
}

// OAuth says which claims of an OAUTHBEARER token matter.
type OAuth struct {
	PrincipalClaim string   `yaml:"principal_claim" jsonschema_description:"The claim that holds the user name."`
	Claims         []string `yaml:"claims" jsonschema_description:"The claims that policies and records may see."`
}

// Words of Policy.Mode and Policy.Input.
const (
	ModeEnforce     = "enforce"
	ModeMonitor     = "monitor"
	InputDoorkeeper = "doorkeeper"
	InputOPAKafka   = "opa-kafka"
)

// The entry points that are asked where Policy.Decision is not given.
const (
	decisionDoorkeeper = "data.doorkeeper.decision"
	decisionOPAKafka   = "data.kafka.authz.allow"
)

// Policy says which rules decide, and how far they bite.
type Policy struct {
	Mode      string        `yaml:"mode" jsonschema:"enum=enforce,enum=monitor" jsonschema_description:"enforce: what the policy denies does not pass. monitor: everything passes unchanged, and records say what would have been."`
	Paths     []string      `yaml:"paths" jsonschema_description:"Files and directories with the rules (.rego) and their data (.json, .yaml). Tests (_test.rego) are left out."`
	Decision  string        `yaml:"decision" jsonschema_description:"The rule that is asked. With input opa-kafka the default is data.kafka.authz.allow."`
	Input     string        `yaml:"input" jsonschema:"enum=doorkeeper,enum=opa-kafka" jsonschema_description:"What the rules get to see. opa-kafka: the document of the opa-kafka-plugin, so that its policies run unchanged."`
	Deadline  time.Duration `yaml:"deadline" jsonschema_description:"A decision that takes longer is refused: the client is told to try again."`
	MaxGrant  time.Duration `yaml:"max_grant" jsonschema_description:"The longest time that a grant (break-glass) may hold."`
	Protected []string      `yaml:"protected" jsonschema_description:"Principals, as in User:payments, that are quarantined only with --force."`
	Bundle    *Bundle       `yaml:"bundle" jsonschema_description:"An OPA bundle over HTTP, instead of paths. What is new is verified and compiled before it decides; the last good one is kept in state_dir/policies. These keys are read at start alone."`
	Candidate *Candidate    `yaml:"candidate" jsonschema_description:"A second policy that is decided beside the one in force. Records say what it would have decided; it is never carried out."`
}

// A Candidate is a policy that is tried out. What else it needs to know it has from the one in force.
type Candidate struct {
	Paths []string `yaml:"paths" jsonschema:"required" jsonschema_description:"Its files and directories."`
}

// A Bundle says where an OPA bundle is fetched from, and which ones are good.
type Bundle struct {
	URL              string        `yaml:"url" jsonschema:"required" jsonschema_description:"Where it is, http or https: a tar archive as opa build makes it."`
	PublicKeyFile    string        `yaml:"public_key_file" jsonschema_description:"PEM file of the key that signs bundles, RSA or ECDSA. Required, unless insecure_unsigned says otherwise."`
	TokenFile        string        `yaml:"token_file" jsonschema_description:"File with a bearer token for the server, read anew for each request."`
	Poll             time.Duration `yaml:"poll" jsonschema_description:"How often the server is asked."`
	MaxAge           time.Duration `yaml:"max_age" jsonschema_description:"A bundle whose metadata.issued is older, or that the server has not confirmed for so long, makes the proxy not ready; it decides on all the same."`
	InsecureUnsigned bool          `yaml:"insecure_unsigned" jsonschema_description:"Take bundles without a signature: whoever can answer for the server makes the policy."`
	AllowRollback    bool          `yaml:"allow_rollback" jsonschema_description:"Take a bundle whose metadata.version is lower than that of the one in force."`
}

// Configured says whether there are rules: without any, everything is allowed and recorded.
func (p *Policy) Configured() bool { return len(p.Paths) > 0 || p.Bundle != nil }

// Records says how accesses become records, and what the journal of them promises.
type Records struct {
	Durability      string        `yaml:"durability" jsonschema:"enum=bounded,enum=permit" jsonschema_description:"What the journal promises. bounded: a crash of the process loses no finished record (of an open flow up to flow_interval, of sums up to summary_interval), a power cut what came after the last sync. permit: as bounded, and where the journal cannot be written everything goes on and is counted. strict is not built yet."`
	OnFailure       OnFailure     `yaml:"on_failure" jsonschema_description:"What happens to accesses while the journal cannot be written. Not with durability permit."`
	SyncInterval    time.Duration `yaml:"sync_interval" jsonschema_description:"How often the journal is brought to disk: what a power cut can take at most."`
	FlowInterval    time.Duration `yaml:"flow_interval" jsonschema_description:"A flow is closed, and so recorded, this long after its first release even while more comes."`
	SummaryInterval time.Duration `yaml:"summary_interval" jsonschema_description:"Calls that are not recorded one by one are summed over this long."`
	Segment         Segment       `yaml:"segment" jsonschema_description:"The files that the journal consists of."`
}

// OnFailure says whether accesses go on that cannot be recorded.
type OnFailure struct {
	Read  string `yaml:"read" jsonschema:"enum=refuse,enum=allow" jsonschema_description:"Reads. Default: refuse; with durability permit: allow."`
	Write string `yaml:"write" jsonschema:"enum=refuse,enum=allow" jsonschema_description:"Writes. Default: allow; what is not recorded is counted in a gap record."`
}

// What a journal promises, and what it does about accesses when it fails.
const (
	DurabilityStrict  = "strict"
	DurabilityBounded = "bounded"
	DurabilityPermit  = "permit"

	FailureRefuse = "refuse"
	FailureAllow  = "allow"
)

// A Segment is one of the journal's files. Each of the two streams has one that is written and one that is made ahead.
type Segment struct {
	MaxBytes Size          `yaml:"max_bytes" jsonschema_description:"Size of the access stream's segments; the control stream's are a quarter of it. Disk for two of each is taken ahead."`
	MaxAge   time.Duration `yaml:"max_age" jsonschema_description:"A segment is sealed after this time at the latest."`
}

// Telemetry says where metrics and traces are sent, and what they name.
type Telemetry struct {
	OTLPEndpoint    string  `yaml:"otlp_endpoint" jsonschema_description:"OTLP over gRPC: host:port (plaintext), or https://host:port for TLS. Absent: nothing is sent, and no request is traced. The standard OTEL_EXPORTER_OTLP_ variables add headers, certificates, compression."`
	TracesPerSecond float64 `yaml:"traces_per_second" jsonschema_description:"Requests to trace, of each principal, topic and API. Denials, errors and findings are traced always. 0: those alone."`
	Top             int     `yaml:"top" jsonschema_description:"So many principals, and so many topics, have a name in the metrics: the busiest. The rest is other."`
}

// Limits bounds what clients can make the proxy hold.
type Limits struct {
	Connections          int  `yaml:"connections" jsonschema_description:"Client connections at a time. Lowered, with a warning, to (RLIMIT_NOFILE - 512) / 2. 0: no limit but that."`
	ConnectionsPerSource int  `yaml:"connections_per_source" jsonschema_description:"Client connections at a time from one address. 0: no limit."`
	ProduceFrame         Size `yaml:"produce_frame" jsonschema_description:"A produce request up to this size is held until every topic in it is decided; a larger one is decided as it streams."`
	Buffers              Size `yaml:"buffers" jsonschema_description:"Memory for all buffers together."`
	InFlight             int  `yaml:"in_flight" jsonschema_description:"Requests that one connection may have unanswered before the proxy stops reading from it."`
}

// Timeouts says how long the proxy waits for what.
type Timeouts struct {
	Handshake time.Duration `yaml:"handshake" jsonschema_description:"A client's TLS handshake."`
	Dial      time.Duration `yaml:"dial" jsonschema_description:"Connecting to a broker, TLS included."`
	Frame     time.Duration `yaml:"frame" jsonschema_description:"An open request must move 64 KiB in this time while the proxy is reading."`
	Stall     time.Duration `yaml:"stall" jsonschema_description:"No byte moved in this time while a frame is open in either direction: the connection is closed."`
	Drain     time.Duration `yaml:"drain" jsonschema_description:"After SIGTERM, connections have this long to finish what is in flight."`
}

// Log is the proxy's own log.
type Log struct {
	Level  string `yaml:"level" jsonschema:"enum=debug,enum=info,enum=warn,enum=error" jsonschema_description:"The least severe lines to write."`
	Format string `yaml:"format" jsonschema:"enum=auto,enum=text,enum=json" jsonschema_description:"auto: text on a terminal, JSON otherwise."`
}

// Admin is the admin API.
type Admin struct {
	Socket     string          `yaml:"socket" jsonschema_description:"Unix socket, relative to state_dir. Peers are known by their uid. For other users than root and the proxy's own, name a directory that they can enter: state_dir is 0700."`
	UIDs       map[uint32]Role `yaml:"uids" jsonschema_description:"Roles of other uids on the socket. The proxy's own uid and root are operators; everybody else needs a token."`
	Address    string          `yaml:"address" jsonschema_description:"TCP address of the API: host:port. /healthz, /readyz and /metrics are open there, /api/v1 needs a token. Absent: none."`
	TLS        *AdminTLS       `yaml:"tls" jsonschema_description:"TLS on address. Required unless that is a loopback address."`
	TokensFile string          `yaml:"tokens_file" jsonschema_description:"YAML list of {name, sha256, role}: sha256 is the SHA-256 of the token in hex, role is viewer, responder, operator or payload."`
	Pprof      bool            `yaml:"pprof" jsonschema_description:"Serve Go's profiles under /debug/pprof to operators."`
}

// AdminTLS is TLS on the admin API's TCP address.
type AdminTLS struct {
	CertFile     string `yaml:"cert_file" jsonschema:"required" jsonschema_description:"PEM file of the certificate."`
	KeyFile      string `yaml:"key_file" jsonschema:"required" jsonschema_description:"PEM file of its key."`
	ClientCAFile string `yaml:"client_ca_file" jsonschema_description:"PEM file of the CAs that may sign a client's certificate. Given: nobody gets in without one."`
}

// A Role says what a caller of the admin API may do.
type Role string

// The roles: a viewer reads, a responder also quarantines, an operator also reloads, grants and drains; payload reads,
// and alone may see payloads.
const (
	Viewer    Role = "viewer"
	Responder Role = "responder"
	Operator  Role = "operator"
	Payload   Role = "payload"
)

// Valid says whether r is one of the roles.
func (r Role) Valid() bool {
	switch r {
	case Viewer, Responder, Operator, Payload:
		return true
	}
	return false
}

// Default returns the configuration of an empty file, without the defaults that depend on the file or the machine.
func Default() *Config {
	return &Config{
		Watch: true,
		Policy: Policy{
			Mode: ModeEnforce, Decision: decisionDoorkeeper, Input: InputDoorkeeper,
			Deadline: 50 * time.Millisecond, MaxGrant: 4 * time.Hour,
		},
		Records: Records{
			Durability: DurabilityBounded, SyncInterval: 200 * time.Millisecond, FlowInterval: time.Second, SummaryInterval: time.Minute,
			Segment: Segment{MaxBytes: 64 * MiB, MaxAge: time.Minute},
		},
		Telemetry: Telemetry{TracesPerSecond: 1, Top: 200},
		Limits:    Limits{Connections: 20000, ProduceFrame: 4 * MiB, Buffers: 256 * MiB, InFlight: 64},
		Timeouts: Timeouts{
			Handshake: 10 * time.Second, Dial: 10 * time.Second, Frame: 30 * time.Second,
			Stall: 10 * time.Minute, Drain: 30 * time.Second,
		},
		Log:   Log{Level: "info", Format: "auto"},
		Admin: Admin{Socket: "admin.sock"},
	}
}

// defaults of list elements: set on each new element before the file's keys are laid over it.

func (l *Listener) defaults() {
	l.Routing = "ports"
	l.OAuth = OAuth{PrincipalClaim: "sub", Claims: []string{"iss", "sub", "azp", "scope", "groups"}}
}

func (b *Bundle) defaults() {
	b.Poll, b.MaxAge = 30*time.Second, 24*time.Hour
}
