# What the tests ask: a whole input, of which each test changes what it is about.
package doorkeeper_test

ask := {
	"cluster": "erp",
	"listener": "plain",
	"principal": {"type": "User", "name": "billing", "source": "observed"},
	"client": {
		"address": "10.1.2.3", "source_from": "tcp", "peer": "10.1.2.3", "id": "billing-1",
		"software": {"name": "apache-kafka-java", "version": "4.3.1"},
		"auth": "SCRAM-SHA-256",
		"tls": {"version": "", "ja4": "", "subject": "", "san": [], "issuer": "", "fingerprint": ""},
		"token": {"iss": "", "sub": "", "azp": "", "scope": [], "groups": []},
	},
	"session": {"id": "01JD0000000000000000000000"},
	"request": {"api": "Fetch", "api_key": 1, "version": 17, "group": "", "transactional_id": "", "replica_id": -1},
	"action": {"operation": "READ", "resource": {"type": "TOPIC", "name": "orders", "pattern": "LITERAL"}},
	"signals": {"state": "ready", "severity": 0, "findings": []},
	"time": {"minute": "2026-11-23T09:30:00Z", "hour": 9, "weekday": "Monday"},
}

action(operation, type, name) := object.union(ask, {"action": {
	"operation": operation,
	"resource": {"type": type, "name": name},
}})

topic(operation, name) := action(operation, "TOPIC", name)

settings := {
	"access": {
		"User:billing": {"read": ["orders"], "write": ["invoices"], "groups": ["billing"]},
		"User:shop": {"write": ["orders"], "group_prefixes": ["shop-"], "transactional_id_prefixes": ["shop-"]},
		"User:audit": {"read": ["orders", "pii", "regulated"]},
	},
	"networks": {},
	"office_hours": {},
	"egress": {},
	"read_from": {"max_age": "24h", "except": []},
	"internal_topics": [],
	"brokers": [],
}

catalog := {
	"topics": {
		"orders": {"owner": "shop", "tags": ["orders"]},
		"invoices": {"owner": "billing", "tags": ["invoices"]},
		"customers": {"owner": "shop", "tags": ["orders", "pii", "regulated"]},
		"scratch": {"owner": "", "tags": []},
	},
	"principals": {"User:billing": {"time_zone": "Europe/Berlin", "tags": []}},
}

grant(operation, topic) := {
	"id": "01JD0000000000000000000001", "operation": operation,
	"resource": {"type": "TOPIC", "name": topic, "pattern": "LITERAL"},
	"until": "2026-11-23T12:00:00Z", "reason": "incident 4711", "actor": "bob",
}

# What some other rule allows.
another := {{"rule": "another", "reason": "a test"}}
