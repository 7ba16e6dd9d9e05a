package doorkeeper_test

import data.doorkeeper.decision

test_internal_topics_are_nobodys if {
	every operation in ["READ", "WRITE", "DESCRIBE", "DELETE"] {
		decision.rule == "internal_topics" with input as topic(operation, "__consumer_offsets")
			with data.settings as settings
			with data.doorkeeper.allow as another
	}
}

test_internal_topics_without_settings if {
	decision.rule == "internal_topics" with input as topic("READ", "__consumer_offsets")
		with data.settings as {}
		with data.doorkeeper.allow as another
}

test_internal_topics_of_named_principals if {
	monitoring := object.union(settings, {"internal_topics": ["User:billing"]})
	every operation in ["READ", "DESCRIBE"] {
		decision.allow == true with input as topic(operation, "__consumer_offsets")
			with data.settings as monitoring
	}
	every operation in ["WRITE", "DELETE"] {
		decision.allow == false with input as topic(operation, "__consumer_offsets")
			with data.settings as monitoring
	}
}

test_one_underscore_is_not_internal if {
	decision.rule == "another" with input as topic("READ", "_schemas")
		with data.settings as settings
		with data.doorkeeper.allow as another
}

test_only_topics_are_internal if {
	decision.rule == "another" with input as action("READ", "GROUP", "__mirror")
		with data.settings as settings
		with data.doorkeeper.allow as another
}

test_named_principals_get_nothing_else if {
	trusted := object.union(settings, {"internal_topics": ["User:billing"], "brokers": ["User:billing"]})
	every asked in [topic("READ", "payroll"), action("READ", "GROUP", "__mirror"), action("ALTER", "CLUSTER", "kafka-cluster")] {
		decision.allow == false with input as asked with data.settings as trusted with data.catalog as catalog
	}
}

test_no_replica_fetches if {
	every id in [0, 1, -2] {
		decision.rule == "replicas" with input as object.union(ask, {"request": {"replica_id": id}})
			with data.settings as settings
			with data.doorkeeper.allow as another
	}
}

test_no_cluster_actions if {
	decision.rule == "replicas" with input as action("CLUSTER_ACTION", "CLUSTER", "kafka-cluster")
		with data.settings as settings
		with data.doorkeeper.allow as another
}

test_named_brokers if {
	mirror := object.union(settings, {"brokers": ["User:billing"]})
	decision.allow == true with input as action("CLUSTER_ACTION", "CLUSTER", "kafka-cluster")
		with data.settings as mirror
	decision.rule == "another" with input as object.union(ask, {"request": {"replica_id": 4}})
		with data.settings as mirror
		with data.doorkeeper.allow as another
}
