package access

import "time"

// Operation is Kafka's AclOperation, with its codes.
type Operation int8

// The operations of org.apache.kafka.common.acl.AclOperation. OpNone marks an API without an action.
const (
	OpNone            Operation = 0
	OpRead            Operation = 3
	OpWrite           Operation = 4
	OpCreate          Operation = 5
	OpDelete          Operation = 6
	OpAlter           Operation = 7
	OpDescribe        Operation = 8
	OpClusterAction   Operation = 9
	OpDescribeConfigs Operation = 10
	OpAlterConfigs    Operation = 11
	OpIdempotentWrite Operation = 12
	OpCreateTokens    Operation = 13
	OpDescribeTokens  Operation = 14
	OpTwoPhaseCommit  Operation = 15
)

var operationNames = [...]string{
	OpNone: "NONE", OpRead: "READ", OpWrite: "WRITE", OpCreate: "CREATE", OpDelete: "DELETE", OpAlter: "ALTER",
	OpDescribe: "DESCRIBE", OpClusterAction: "CLUSTER_ACTION", OpDescribeConfigs: "DESCRIBE_CONFIGS",
	OpAlterConfigs: "ALTER_CONFIGS", OpIdempotentWrite: "IDEMPOTENT_WRITE", OpCreateTokens: "CREATE_TOKENS",
	OpDescribeTokens: "DESCRIBE_TOKENS", OpTwoPhaseCommit: "TWO_PHASE_COMMIT",
}

// String returns Kafka's name, as the ACL tools print it.
func (o Operation) String() string {
	if o < 0 || int(o) >= len(operationNames) || operationNames[o] == "" {
		return "UNKNOWN"
	}
	return operationNames[o]
}

// ResourceType is Kafka's ResourceType, with its codes.
type ResourceType int8

// The types of org.apache.kafka.common.resource.ResourceType.
const (
	ResNone            ResourceType = 0
	ResTopic           ResourceType = 2
	ResGroup           ResourceType = 3
	ResCluster         ResourceType = 4
	ResTransactionalID ResourceType = 5
	ResDelegationToken ResourceType = 6
	ResUser            ResourceType = 7
)

var resourceNames = [...]string{
	ResNone: "", ResTopic: "TOPIC", ResGroup: "GROUP", ResCluster: "CLUSTER",
	ResTransactionalID: "TRANSACTIONAL_ID", ResDelegationToken: "DELEGATION_TOKEN", ResUser: "USER",
}

// String returns Kafka's name.
func (r ResourceType) String() string {
	if r < 0 || int(r) >= len(resourceNames) {
		return "UNKNOWN"
	}
	return resourceNames[r]
}

// ClusterResource is the name of the one resource of type CLUSTER.
const ClusterResource = "kafka-cluster"

// AllResources stands as an action's name for "all topics" or "all groups" of a request that names none.
const AllResources = "*"

// An Action is an operation on a resource: what Kafka's authorizer would be asked.
type Action struct {
	Operation Operation
	Type      ResourceType
	Name      string
	TopicID   [16]byte // of a topic named by id; Name is empty while nobody knows its name
}

// A Request is what a decision is about, beside the action. It belongs to one request and is not kept: who needs
// something of it longer copies the strings and pointers, which are immutable.
type Request struct {
	Session         *Session
	Identity        *Identity
	Client          *Client
	API             int16
	Version         int16
	Group           string
	TransactionalID string
	ReplicaID       int32 // -1: a consumer

	Trace [16]byte // W3C trace id of a request that is traced; zero: it is not
}

// Verdict is what a decision says.
type Verdict uint8

// Allow lets pass; Deny answers the broker's authorization error for good; Refuse answers what a client retries.
const (
	Allow Verdict = iota
	Deny
	Refuse
)

var verdictNames = [...]string{Allow: "allow", Deny: "deny", Refuse: "refuse"}

// String returns the word of the access record's decision field.
func (v Verdict) String() string { return verdictNames[v] }

// A Decision is the answer to one action. It is immutable and may be shared by many requests.
type Decision struct {
	Verdict  Verdict
	Enforced bool // false only where a denial was not carried out
	Rule     string
	Reason   string
	Policy   string // revision
	Cached   bool
	Labels   map[string]string
	Record   RecordMode
	NotAfter time.Time // it must be asked for again then; zero: no end

	Limits    *Limits    // nil: none
	Would     *Would     // in monitor mode: what enforce mode would have done, nil: the same
	Candidate *Candidate // what the candidate policy says, nil: there is none
}

// Stops says whether the action may not go on: it was denied or refused, and that is carried out.
func (d *Decision) Stops() bool { return d.Verdict != Allow && d.Enforced }

// Said is what the policy says, carried out or not. Without a decision nobody said no.
func (d *Decision) Said() Verdict {
	switch {
	case d == nil:
		return Allow
	case d.Would != nil:
		return max(d.Verdict, d.Would.Verdict)
	}
	return d.Verdict
}

// Verdicts is how many there are.
const Verdicts = int(Refuse) + 1

// Would is what was not carried out because the policy is only watched.
type Would struct {
	Verdict Verdict
	Limit   string // the limit that would have been applied, e.g. "fetch_bytes_per_second"; "": none
	Rule    string
}

// Candidate is what a policy that is tried out beside the running one says.
type Candidate struct {
	Verdict Verdict
	Rule    string
	Reason  string
	Policy  string
}

// Limits are how much an allowed action may move (contracts: policy, field limits). Zero fields set no limit.
type Limits struct {
	FetchBytesPerSecond   int64
	ProduceBytesPerSecond int64
	BurstBytes            int64
	Budgets               []Budget
	ReadFrom              *ReadFrom // nil: any offset
	Watched               bool      // counted, and what they would do is recorded (Would), but nothing is held up or denied
}

// A Budget is an amount per fixed window, aligned to UTC.
type Budget struct {
	Bytes    int64 // one of the two is set
	Messages int64
	Window   time.Duration
	Key      string // "principal", "source", "certificate", "topic", or a label's name
}

// ReadFrom is how far back a read may reach.
type ReadFrom struct {
	MaxBehind int64         // messages behind the high watermark last seen; 0: no bound
	MaxAge    time.Duration // by the producers' timestamps; 0: no bound
}

// RecordMode says how an access is recorded (contracts: policy, field record).
type RecordMode uint8

// Coalesced folds contiguous reads into flows; Each records every request; Hashed adds a digest of the content.
const (
	Coalesced RecordMode = iota
	Each
	Hashed
)
