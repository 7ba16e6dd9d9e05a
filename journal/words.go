package journal

// The record's kinds (Record.kind).
const (
	KindSession = "session"
	KindAuthn   = "authn"
	KindAccess  = "access"
	KindControl = "control"
	KindFinding = "finding"
	KindGap     = "gap"
)

// Operations of the kinds that have their own (Record.operation); an access has Kafka's.
const (
	OpOpen    = "OPEN"
	OpClose   = "CLOSE"
	OpSuccess = "SUCCESS"
	OpFailure = "FAILURE"
)

// Outcomes (Record.outcome).
const (
	OutcomeReleased = "released" // a write: the broker took it
	OutcomePartial  = "partial"  // the last batch left in part
	OutcomeDenied   = "denied"
	OutcomeRefused  = "refused"
	OutcomeFailed   = "failed"
	OutcomeUnknown  = "unknown" // acks=0, or no answer came
)
