package api

import "doorkeeper/access"

// How a Reader counts what it announces.

// due is what one partition brought and was not charged yet.
type due struct{ bytes, messages int64 }

// chargeStep is how many bytes are charged in one go: small batches one by one would cost more than they do themselves.
const chargeStep = 64 << 10

// meter begins a partition: what came before it is charged, and what its records cost is found out.
func (r *Reader) meter() {
	r.charge()
	if r.tariff = r.x.tariff(r.decision, r.topic); r.tariff != nil && r.x.claim.waits {
		r.decision = r.tariff.WouldWait()
	}
}

// count adds a batch, and returns how many messages it is charged for: those that the records count.
func (r *Reader) count(b *access.Batch) (messages int64) {
	if r.tariff == nil && r.x.claim.plan == nil {
		return 0
	}
	if !b.Cut && !b.Control {
		messages = int64(b.Messages)
	}
	r.due.bytes += b.Have
	r.due.messages += messages
	if r.due.bytes >= chargeStep {
		r.charge()
	}
	return messages
}

// charge takes what is due from the budgets of its partition, and from the bucket of its request.
func (r *Reader) charge() {
	if r.due == (due{}) {
		return
	}
	if r.tariff != nil {
		r.charged = r.tariff.Charge(r.due.bytes, r.due.messages)
	}
	r.x.spend(r.due.bytes)
	r.due = due{}
}

// Forfeit gives back what was charged for and will not be released: the connection has ended.
func (r *Reader) Forfeit() {
	if r.x != nil {
		r.charge()
	}
	r.ledger.forfeit(r.charged)
}
