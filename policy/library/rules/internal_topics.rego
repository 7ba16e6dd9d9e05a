# No internal topics, no replicas.
#
# Kafka's internal topics begin with "__": __consumer_offsets says who reads what, __transaction_state who writes.
# Nobody touches them but the principals named in settings.internal_topics. A fetch that says it is a broker's
# replica gets data that no consumer may see yet; such requests, and all of the cluster's own actions, are for the
# principals named in settings.brokers, which usually is nobody: brokers do not come through doorkeeper.
package doorkeeper

deny contains {"rule": "internal_topics", "reason": "internal topics are for named principals only"} if {
	input.action.resource.type == "TOPIC"
	startswith(input.action.resource.name, "__")
	not insider
}

deny contains {"rule": "replicas", "reason": "only brokers fetch as replicas"} if {
	input.request.replica_id != -1
	not broker
}

deny contains {"rule": "replicas", "reason": "only brokers act for the cluster"} if {
	input.action.operation == "CLUSTER_ACTION"
	not broker
}

allow contains {"rule": "replicas", "reason": "a broker"} if {
	input.action.operation == "CLUSTER_ACTION"
	broker
}

allow contains {"rule": "internal_topics", "reason": "named for internal topics"} if {
	input.action.resource.type == "TOPIC"
	startswith(input.action.resource.name, "__")
	input.action.operation in {"READ", "DESCRIBE"}
	insider
}

# Names of their own, because of a trap: `not x in data.settings.y` is undefined, and no denial, where y is not there.
insider if principal in data.settings.internal_topics

broker if principal in data.settings.brokers
