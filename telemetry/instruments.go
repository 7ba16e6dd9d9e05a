package telemetry

import (
	"runtime"

	"go.opentelemetry.io/otel/attribute"

	"doorkeeper/access"
	"doorkeeper/proxy"
	"doorkeeper/relay"
)

// What an instrument counts.
type kind string

const (
	counter   kind = "counter" // grows from the process's start
	gauge     kind = "gauge"   // of the moment
	histogram kind = "histogram"
)

// An instrument is one row of docs/metrics.md. Its name is OpenTelemetry's; the Prometheus page shows it with
// underscores, its unit, and _total where it is a counter.
type instrument struct {
	name   string
	prom   string // as the Prometheus page names it
	kind   kind
	unit   string // UCUM: "By", "s", or "{thing}"
	help   string
	labels []string // "name: its values"
	read   func(s *snapshot, see see)
}

// see observes a value with its labels.
type see func(value int64, labels ...attribute.KeyValue)

var label = attribute.String

// movedLabels are those of what moved. What was denied or refused and moved all the same is there while a policy, or one
// rule of it, is only watched.
var movedLabels = []string{"direction: read, written", "decision: allow; deny, refuse: of a policy, or a rule, that is only watched"}

// recordData shows one figure of what moved, by direction and decision.
func recordData(of func(proxy.Moved) int64) func(*snapshot, see) {
	return func(s *snapshot, see see) {
		for v := range access.Verdicts {
			decision := label("decision", access.Verdict(v).String())
			see(of(s.proxy.Read[v]), label("direction", "read"), decision)
			see(of(s.proxy.Written[v]), label("direction", "written"), decision)
		}
	}
}

// instruments are all but the histograms, in the order of docs/metrics.md.
var instruments = []instrument{
	{"doorkeeper.build.info", "doorkeeper_build_info", gauge, "", "Always 1: which doorkeeper this is.",
		[]string{"version", "go: version of the toolchain"}, func(s *snapshot, see see) {
			see(1, label("version", s.version), label("go", runtime.Version()))
		}},

	{"doorkeeper.sessions", "doorkeeper_sessions", gauge, "{session}", "Client connections that are open.", nil,
		func(s *snapshot, see see) { see(int64(s.proxy.Sessions)) }},
	{"doorkeeper.sessions.opened", "doorkeeper_sessions_opened_total", counter, "{session}", "Client connections that were accepted.", nil,
		func(s *snapshot, see see) { see(s.proxy.SessionsTotal) }},
	{"doorkeeper.sessions.turned_away", "doorkeeper_sessions_turned_away_total", counter, "{session}", "Client connections that a limit turned away.", nil,
		func(s *snapshot, see see) { see(s.proxy.TurnedAway) }},
	{"doorkeeper.authentication.failures", "doorkeeper_authentication_failures_total", counter, "{failure}", "Logins that the broker, or the TLS handshake, refused.", nil,
		func(s *snapshot, see see) { see(s.proxy.AuthFailures) }},
	{"doorkeeper.quarantines", "doorkeeper_quarantines", gauge, "{quarantine}", "Quarantines that are in force.", nil,
		func(s *snapshot, see see) { see(int64(s.proxy.Quarantines)) }},
	{"doorkeeper.sessions.cut", "doorkeeper_sessions_cut_total", counter, "{session}", "Client connections that a quarantine cut.", nil,
		func(s *snapshot, see see) { see(s.proxy.SessionsCut) }},
	{"doorkeeper.logins.refused", "doorkeeper_logins_refused_total", counter, "{login}", "Logins that the broker accepted and a quarantine did not; and connections without a login that one ended when they said who they are.", nil,
		func(s *snapshot, see see) { see(s.proxy.LoginsRefused) }},
	{"doorkeeper.grants", "doorkeeper_grants", gauge, "{grant}", "Break-glass grants that hold.", nil,
		func(s *snapshot, see see) { see(int64(s.policy.Grants)) }},
	{"doorkeeper.sessions.faults", "doorkeeper_sessions_faults_total", counter, "{session}", "Connections that ended with a warning in the log: broken frames, timeouts, what cannot be understood.", nil,
		func(s *snapshot, see see) { see(s.proxy.Faults) }},

	{"doorkeeper.requests", "doorkeeper_requests_total", counter, "{request}", "Kafka requests.",
		[]string{"api: Kafka's name, as in Fetch", "decision: allow, deny, refuse (of some action that it asks for)"}, func(s *snapshot, see see) {
			for api, n := range s.proxy.Requests {
				denied, refused := s.proxy.Denied[api], s.proxy.Refused[api]
				see(max(n-denied-refused, 0), label("api", api), label("decision", "allow"))
				see(denied, label("api", api), label("decision", "deny"))
				see(refused, label("api", api), label("decision", "refuse"))
			}
		}},
	{"doorkeeper.messages", "doorkeeper_messages_total", counter, "{message}", "Kafka records in whole batches that were handed to clients, or that brokers took from them.",
		movedLabels, recordData(func(m proxy.Moved) int64 { return m.Messages })},
	{"doorkeeper.transferred", "doorkeeper_transferred_bytes_total", counter, "By", "Bytes of those batches, before TLS.",
		movedLabels, recordData(func(m proxy.Moved) int64 { return m.Bytes })},
	{"doorkeeper.socket.bytes", "doorkeeper_socket_bytes_total", counter, "By", "Bytes from and to clients and brokers.",
		[]string{"peer: client, broker", "direction: in, out (as seen from the proxy)"}, func(s *snapshot, see see) {
			see(s.proxy.ClientIn, label("peer", "client"), label("direction", "in"))
			see(s.proxy.ClientOut, label("peer", "client"), label("direction", "out"))
			see(s.proxy.BrokerIn, label("peer", "broker"), label("direction", "in"))
			see(s.proxy.BrokerOut, label("peer", "broker"), label("direction", "out"))
		}},

	{"doorkeeper.relay.bytes", "doorkeeper_relay_bytes_total", counter, "By", "Bytes moved, by the mover that moved them.",
		[]string{"mode: user (read and written), kernel (spliced)", "direction: request, response"}, func(s *snapshot, see see) {
			moves(s, func(direction attribute.KeyValue, c relay.Counts) {
				see(c.UserBytes, label("mode", "user"), direction)
				see(c.KernelBytes, label("mode", "kernel"), direction)
			})
		}},
	{"doorkeeper.relay.calls", "doorkeeper_relay_calls_total", counter, "{call}", "System calls of the movers.",
		[]string{"call: read, write, peek, splice", "direction: request, response"}, func(s *snapshot, see see) {
			moves(s, func(direction attribute.KeyValue, c relay.Counts) {
				see(c.Reads, label("call", "read"), direction)
				see(c.Writes, label("call", "write"), direction)
				see(c.Peeks, label("call", "peek"), direction)
				see(c.Splices, label("call", "splice"), direction)
			})
		}},

	{"doorkeeper.buffers.used", "doorkeeper_buffers_used_bytes", gauge, "By", "Memory in buffers.", nil,
		func(s *snapshot, see see) { see(s.proxy.BuffersInUse) }},
	{"doorkeeper.buffers.limit", "doorkeeper_buffers_limit_bytes", gauge, "By", "limits.buffers.", nil,
		func(s *snapshot, see see) { see(s.proxy.BuffersLimit) }},
	{"doorkeeper.pipes", "doorkeeper_pipes", gauge, "{pipe}", "Kernel pipes that are open.",
		[]string{"state: idle, lent"}, func(s *snapshot, see see) {
			see(int64(s.proxy.Pipes.Idle), label("state", "idle"))
			see(int64(s.proxy.Pipes.Open-s.proxy.Pipes.Idle), label("state", "lent"))
		}},
	{"doorkeeper.pipes.refused", "doorkeeper_pipes_refused_total", counter, "{time}", "Times that no pipe was to be had, and bytes went through the process instead.", nil,
		func(s *snapshot, see see) { see(s.proxy.Pipes.Refused) }},

	{"doorkeeper.journal.records", "doorkeeper_journal_records_total", counter, "{record}", "Records that were made.",
		[]string{"kind: session, authn, access, control, finding, gap"}, func(s *snapshot, see see) {
			for kind, n := range s.journal.Kinds {
				see(n, label("kind", kind))
			}
		}},
	{"doorkeeper.journal.kept", "doorkeeper_journal_kept", gauge, "{record}", "Records that the journal still holds for readers.", nil,
		func(s *snapshot, see see) {
			if s.journal.Oldest > 0 {
				see(s.journal.Head - s.journal.Oldest + 1)
			} else {
				see(0)
			}
		}},
	{"doorkeeper.journal.used", "doorkeeper_journal_used_bytes", gauge, "By", "Memory that those need, roughly.", nil,
		func(s *snapshot, see see) { see(s.journal.Bytes) }},
	{"doorkeeper.journal.readers", "doorkeeper_journal_readers", gauge, "{reader}", "Sinks and followers that read the journal.", nil,
		func(s *snapshot, see see) { see(int64(s.journal.Readers)) }},

	{"doorkeeper.sink.lag", "doorkeeper_sink_lag", gauge, "{record}", "Records of the journal that the sink has not delivered yet.", sinkLabel,
		sinks(func(s *Sink) int64 { return s.Lag })},
	{"doorkeeper.sink.records", "doorkeeper_sink_records_total", counter, "{record}", "Records that the sink has delivered.", sinkLabel,
		sinks(func(s *Sink) int64 { return s.Records })},
	{"doorkeeper.sink.written", "doorkeeper_sink_written_bytes_total", counter, "By", "Bytes that the sink has delivered, before compression.", sinkLabel,
		sinks(func(s *Sink) int64 { return s.Bytes })},
	{"doorkeeper.sink.newest", "doorkeeper_sink_newest_seconds", gauge, "s", "When the newest record that is delivered was logged, in seconds since 1970.", sinkLabel,
		func(s *snapshot, see see) {
			for i := range s.sinks {
				if at := s.sinks[i].Newest; !at.IsZero() {
					see(at.Unix(), label("sink", s.sinks[i].Name))
				}
			}
		}},
	{"doorkeeper.sink.filtered", "doorkeeper_sink_filtered_total", counter, "{record}", "Records that the sink's filter left out.", sinkLabel,
		sinks(func(s *Sink) int64 { return s.Filtered })},
	{"doorkeeper.sink.dead_letters", "doorkeeper_sink_dead_letters_total", counter, "{record}", "Records that the far side refused for good. They are in state_dir/deadletter.", sinkLabel,
		sinks(func(s *Sink) int64 { return s.Dead })},
	{"doorkeeper.sink.rotations", "doorkeeper_sink_rotations_total", counter, "{rotation}", "New files begun by a sink of type file.", sinkLabel,
		sinks(func(s *Sink) int64 { return s.Rotations })},
	{"doorkeeper.sink.errors", "doorkeeper_sink_errors_total", counter, "{error}", "Failed attempts to deliver. They are repeated.", sinkLabel,
		sinks(func(s *Sink) int64 { return s.Errors })},
	{"doorkeeper.sink.failing", "doorkeeper_sink_failing", gauge, "", "1: the last attempt to deliver failed, and records wait in the journal.", sinkLabel,
		sinks(func(s *Sink) int64 { return number(s.Failing) })},

	{"doorkeeper.policy.info", "doorkeeper_policy_info", gauge, "", "Always 1: which policy decides.",
		[]string{"mode: enforce, monitor, none (no policy: everything is allowed)", "revision: SHA-256 of rules and data", "candidate: the candidate's revision"}, func(s *snapshot, see see) {
			mode := s.policy.Mode.String()
			if s.policy.Revision == "" {
				mode = "none"
			}
			see(1, label("mode", mode), label("revision", s.policy.Revision), label("candidate", s.policy.Status.Candidate))
		}},
	{"doorkeeper.policy.loaded", "doorkeeper_policy_loaded_seconds", gauge, "s", "When that policy came into force, in seconds since 1970.", nil,
		func(s *snapshot, see see) { see(s.policy.Loaded.Unix()) }},
	{"doorkeeper.policy.reloads", "doorkeeper_policy_reloads_total", counter, "{reload}", "Changes of the policy's or the catalog's files.",
		[]string{"result: done, refused (the old one stays in force)"}, func(s *snapshot, see see) {
			see(s.policy.Reloads.Done, label("result", "done"))
			see(s.policy.Reloads.Refused, label("result", "refused"))
		}},
	{"doorkeeper.policy.refused", "doorkeeper_policy_refused", gauge, "", "1: the files hold a policy that does not load, and the one before decides.", nil,
		func(s *snapshot, see see) { see(number(s.policy.Refused)) }},
	{"doorkeeper.policy.bundle.failing", "doorkeeper_policy_bundle_failing", gauge, "", "1: the last try to fetch the policy's bundle failed, and the one before decides.", nil,
		func(s *snapshot, see see) { see(number(s.policy.BundleFailing)) }},
	{"doorkeeper.policy.bundle.outdated", "doorkeeper_policy_bundle_outdated", gauge, "", "1: the bundle in force is older than policy.bundle.max_age.", nil,
		func(s *snapshot, see see) { see(number(s.policy.BundleOutdated)) }},
	{"doorkeeper.catalog.stale", "doorkeeper_catalog_stale", gauge, "", "1: the catalog file cannot be read, and the one before is used.", nil,
		func(s *snapshot, see see) { see(number(s.policy.Stale)) }},
	{"doorkeeper.policy.evaluations", "doorkeeper_policy_evaluations_total", counter, "{evaluation}", "Decisions that a policy was evaluated for.",
		[]string{"policy: running, candidate"}, func(s *snapshot, see see) {
			see(int64(s.policy.Evaluations), label("policy", "running"))
			see(int64(s.policy.Stats.Candidate.Evaluations), label("policy", "candidate"))
		}},
	{"doorkeeper.policy.cache.hits", "doorkeeper_policy_cache_hits_total", counter, "{decision}", "Decisions that a cache had.", nil,
		func(s *snapshot, see see) { see(int64(s.policy.Hits)) }},
	{"doorkeeper.policy.errors", "doorkeeper_policy_errors_total", counter, "{evaluation}", "Evaluations that gave no decision: the request was refused, and the client tries again. Of a candidate nobody is refused.",
		[]string{"policy: running, candidate", "reason: deadline, error (of a rule, or a decision of the wrong form; the candidate's are all here)"}, func(s *snapshot, see see) {
			see(int64(s.policy.Deadlines), label("policy", "running"), label("reason", "deadline"))
			see(int64(s.policy.Errors-s.policy.Deadlines), label("policy", "running"), label("reason", "error"))
			see(int64(s.policy.Stats.Candidate.Errors), label("policy", "candidate"), label("reason", "error"))
		}},
	{"doorkeeper.policy.epoch", "doorkeeper_policy_epoch", gauge, "", "Grows with every change of rules, data, catalog or grants: decisions made before are made anew.", nil,
		func(s *snapshot, see see) { see(int64(s.policy.Stats.Epoch)) }},

	{"doorkeeper.limits.waits", "doorkeeper_limits_waits_total", counter, "{time}", "Times that a client waited for a rate of its principal.",
		[]string{"direction: read, written"}, func(s *snapshot, see see) {
			see(s.proxy.ReadWaits, label("direction", "read"))
			see(s.proxy.WriteWaits, label("direction", "written"))
		}},
	{"doorkeeper.limits.accounts", "doorkeeper_limits_accounts", gauge, "{account}", "Principals, or sources where nobody logged in, of which is known what they used of their rates.", nil,
		func(s *snapshot, see see) { see(int64(s.policy.Accounts.Principals)) }},
	{"doorkeeper.limits.budgets", "doorkeeper_limits_budgets", gauge, "{budget}", "Budgets of which something is used in their window.",
		[]string{"state: open, spent (nothing is left: reads or writes are denied)"}, func(s *snapshot, see see) {
			see(int64(s.policy.Accounts.Budgets-s.policy.Accounts.Spent), label("state", "open"))
			see(int64(s.policy.Accounts.Spent), label("state", "spent"))
		}},

	{"doorkeeper.principal.transferred", "doorkeeper_principal_transferred_bytes_total", counter, "By", "Bytes of whole batches that a principal read or wrote, counted from its records. Only the busiest have a name (telemetry.top).",
		[]string{"principal: Kafka's Type:name, or other", "direction: read, written"}, busiest("principal", bytesMoved)},
	{"doorkeeper.principal.messages", "doorkeeper_principal_messages_total", counter, "{message}", "Kafka records in those batches.",
		[]string{"principal", "direction: read, written"}, busiest("principal", messagesMoved)},
	{"doorkeeper.principal.denials", "doorkeeper_principal_denials_total", counter, "{action}", "Actions of a principal that were denied.",
		[]string{"principal"}, busiest("principal", denials)},
	{"doorkeeper.topic.transferred", "doorkeeper_topic_transferred_bytes_total", counter, "By", "Bytes of whole batches that were read from a topic or written to it. Only the busiest have a name (telemetry.top).",
		[]string{"topic: its name, or other", "direction: read, written"}, busiest("topic", bytesMoved)},
	{"doorkeeper.topic.messages", "doorkeeper_topic_messages_total", counter, "{message}", "Kafka records in those batches.",
		[]string{"topic", "direction: read, written"}, busiest("topic", messagesMoved)},
	{"doorkeeper.topic.denials", "doorkeeper_topic_denials_total", counter, "{action}", "Actions on a topic that were denied.",
		[]string{"topic"}, busiest("topic", denials)},
	{"doorkeeper.traces", "doorkeeper_traces_total", counter, "{request}", "Requests that were traced.",
		[]string{"result: shown (spans were made of it), dropped (there was no room)"}, func(s *snapshot, see see) {
			see(s.traces.Shown, label("result", "shown"))
			see(s.traces.Dropped, label("result", "dropped"))
		}},

	{"doorkeeper.config.reloads", "doorkeeper_config_reloads_total", counter, "{reload}", "Reloads of the configuration.",
		[]string{"result: done, refused (the old one stays in force)"}, func(s *snapshot, see see) {
			see(s.reloads.Done, label("result", "done"))
			see(s.reloads.Refused, label("result", "refused"))
		}},
	{"doorkeeper.certificate.expiry", "doorkeeper_certificate_expiry_seconds", gauge, "s", "When a certificate in use expires, in seconds since 1970.",
		[]string{"file"}, func(s *snapshot, see see) {
			for _, c := range s.certificates {
				see(c.Expires.Unix(), label("file", c.File))
			}
		}},
	{"doorkeeper.certificate.stale", "doorkeeper_certificate_stale", gauge, "", "1: the files have changed into something that does not load, and the certificate or CAs before are still in use.",
		[]string{"file"}, func(s *snapshot, see see) {
			for _, c := range s.certificates {
				see(number(c.Stale), label("file", c.File))
			}
		}},
}

var sinkLabel = []string{"sink: its name"}

func sinks(value func(*Sink) int64) func(*snapshot, see) {
	return func(s *snapshot, see see) {
		for i := range s.sinks {
			see(value(&s.sinks[i]), label("sink", s.sinks[i].Name))
		}
	}
}

func moves(s *snapshot, each func(direction attribute.KeyValue, c relay.Counts)) {
	each(label("direction", "request"), s.proxy.RequestMoves)
	each(label("direction", "response"), s.proxy.ResponseMoves)
}

// busiest observes one kind of traffic of each principal, or each topic.
func busiest(by string, each func(*Traffic, see, attribute.KeyValue)) func(*snapshot, see) {
	return func(s *snapshot, see see) {
		list := s.principals
		if by == "topic" {
			list = s.topics
		}
		for i := range list {
			each(&list[i], see, label(by, list[i].Name))
		}
	}
}

func bytesMoved(t *Traffic, see see, name attribute.KeyValue) {
	see(t.BytesRead, name, label("direction", "read"))
	see(t.BytesWritten, name, label("direction", "written"))
}

func messagesMoved(t *Traffic, see see, name attribute.KeyValue) {
	see(t.MessagesRead, name, label("direction", "read"))
	see(t.MessagesWritten, name, label("direction", "written"))
}

func denials(t *Traffic, see see, name attribute.KeyValue) { see(t.Denied, name) }

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
