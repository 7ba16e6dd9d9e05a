package journal

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"

	"google.golang.org/protobuf/proto"

	"doorkeeper/access"
)

// This file puts the vocabulary's values into a record's fields. What is set already stays.

// consumer is the replica id of who is none.
const consumer = -1

// place says on which connection it happened.
func (l *Log) place(r *access.Record) {
	s := l.session
	set(&r.Proxy, s.Proxy)
	set(&r.Cluster, s.Cluster)
	set(&r.Listener, s.Listener)
	set(&r.Session, s.ID.String())
	set(&r.Source, endpoint(s.Source))
	set(&r.SourceFrom, s.SourceFrom)
	set(&r.Peer, endpoint(s.Peer))
	set(&r.Upstream, endpoint(s.Upstream))
	if r.Broker == nil && s.Broker >= 0 {
		r.Broker = proto.Int32(s.Broker)
	}
}

// nameConnections says which two connections a session consists of, so that others' records of them can be found.
func (l *Log) nameConnections(r *access.Record) {
	s := l.session
	r.CommunityId = communityID(s.Peer, s.Local)
	r.UpstreamCommunityId = communityID(s.Upstream, s.Remote)
}

func set(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// endpoint is "" for an address that nobody knows.
func endpoint(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String()
}

func nameIdentity(r *access.Record, who *access.Identity) {
	if who == nil {
		return
	}
	if r.Principal == "" {
		r.Principal, r.PrincipalSource = who.Principal, who.Source
	}
	set(&r.Auth, who.Auth)
	if r.Credential == nil && who.Credential.Type != "" {
		r.Credential = &access.Record_Credential{Type: who.Credential.Type, Id: who.Credential.ID}
	}
	if who.TLS != nil {
		set(&r.Ja4, who.TLS.JA4)
		set(&r.TlsSubject, who.TLS.Subject)
	}
}

func nameClient(r *access.Record, client *access.Client) {
	if client == nil {
		return
	}
	set(&r.ClientId, client.ID)
	software := client.SoftwareName
	if client.SoftwareVersion != "" {
		software += "/" + client.SoftwareVersion
	}
	set(&r.Software, software)
}

// nameWho says who asked, and on which connection.
func (l *Log) nameWho(r *access.Record, who *access.Identity, client *access.Client) {
	l.place(r)
	nameIdentity(r, who)
	nameClient(r, client)
}

// nameCall says through which API it was asked.
func (l *Log) nameCall(r *access.Record, q *access.Request) {
	set(&r.Group, q.Group)
	set(&r.TransactionalId, q.TransactionalID)
	if q.ReplicaID != consumer {
		r.ReplicaId = proto.Int32(q.ReplicaID)
	}
	r.Api = l.journal.opt.APIName(q.API)
	r.ApiVersion = proto.Int32(int32(q.Version))
	nameTrace(r, q.Trace)
}

// nameTrace writes a trace id as W3C Trace Context does. Of several requests in one record the first that is traced
// counts.
func nameTrace(r *access.Record, id [16]byte) {
	if id != ([16]byte{}) && r.TraceId == "" {
		r.TraceId = hex.EncodeToString(id[:])
	}
}

// nameTopicID writes an id as Kafka's own tools print it. The zero id is none.
func nameTopicID(r *access.Record, id [16]byte) {
	if id != ([16]byte{}) {
		r.TopicId = base64.RawURLEncoding.EncodeToString(id[:])
	}
}

// judge writes the verdict. Labels are shared with the decision, which nobody changes.
func judge(r *access.Record, d *access.Decision) {
	if d == nil {
		return
	}
	r.Decision = d.Verdict.String()
	r.Enforced = proto.Bool(d.Enforced)
	r.Rule = d.Rule
	r.Reason = d.Reason
	r.Policy = d.Policy
	r.Cached = d.Cached
	r.Labels = d.Labels
	if w := d.Would; w != nil {
		r.Would = &access.Record_Would{Decision: w.Verdict.String(), Limit: w.Limit, Rule: w.Rule}
	}
	if c := d.Candidate; c != nil {
		r.Candidate = &access.Record_Candidate{Decision: c.Verdict.String(), Rule: c.Rule, Reason: c.Reason, Policy: c.Policy}
	}
}

// hostOf is an endpoint without its port.
func hostOf(endpoint string) string {
	if a, err := netip.ParseAddrPort(endpoint); err == nil {
		return a.Addr().String()
	}
	return endpoint
}
