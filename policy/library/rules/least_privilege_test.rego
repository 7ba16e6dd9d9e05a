package doorkeeper_test

import data.doorkeeper.decision

may(principal, asked) if {
	[type, name] := split(principal, ":")
	who := object.union(asked, {"principal": {"type": type, "name": name}})
	decision.allow == true with input as who with data.settings as settings with data.catalog as catalog
}

test_reads_and_writes_what_it_holds if {
	may("User:billing", topic("READ", "orders"))
	may("User:billing", topic("WRITE", "invoices"))
	not may("User:billing", topic("WRITE", "orders"))
	not may("User:billing", topic("READ", "invoices"))
	not may("User:nobody", topic("READ", "orders"))
	not may("Token:billing", topic("READ", "orders"))
}

test_sees_what_it_reads_or_writes if {
	may("User:billing", topic("DESCRIBE", "orders"))
	may("User:billing", topic("DESCRIBE", "invoices"))
	not may("User:billing", topic("DESCRIBE", "customers"))
}

test_every_tag_counts if {
	not may("User:billing", topic("READ", "customers"))
	may("User:audit", topic("READ", "customers"))
}

test_a_topic_without_tags_is_nobodys if {
	not may("User:audit", topic("READ", "scratch"))
	not may("User:audit", topic("READ", "unheard-of"))
}

test_only_data_operations if {
	every operation in ["CREATE", "DELETE", "ALTER", "ALTER_CONFIGS", "DESCRIBE_CONFIGS", "CLUSTER_ACTION"] {
		not may("User:billing", topic(operation, "orders"))
	}
}

test_groups_are_named_in_full if {
	may("User:billing", action("READ", "GROUP", "billing"))
	may("User:billing", action("DESCRIBE", "GROUP", "billing"))
	not may("User:billing", action("DELETE", "GROUP", "billing"))
	not may("User:billing", action("READ", "GROUP", "billing2"))
	not may("User:billing", action("READ", "GROUP", "shop-1"))
}

test_prefixes_are_prefixes if {
	may("User:shop", action("READ", "GROUP", "shop-1"))
	not may("User:shop", action("READ", "GROUP", "bookshop-1"))
	not may("User:shop", action("READ", "GROUP", "shop"))
	may("User:shop", action("WRITE", "TRANSACTIONAL_ID", "shop-tx"))
	not may("User:shop", action("TWO_PHASE_COMMIT", "TRANSACTIONAL_ID", "shop-tx"))
	not may("User:shop", topic("WRITE", "shop-tx"))
	not may("User:billing", action("WRITE", "TRANSACTIONAL_ID", "shop-tx"))
}

test_an_empty_prefix_is_none if {
	open := object.union(settings, {"access": {"User:billing": {"group_prefixes": [""]}}})
	decision.allow == false with input as action("READ", "GROUP", "shop-1")
		with data.settings as open
		with data.catalog as catalog
}

# A group may be named as a topic is.
test_types_do_not_mix if {
	not may("User:billing", action("READ", "GROUP", "orders"))
	not may("User:billing", action("READ", "TOPIC", "billing"))
}

test_idempotent_writes if {
	may("User:shop", action("IDEMPOTENT_WRITE", "CLUSTER", "kafka-cluster"))
	not may("User:audit", action("IDEMPOTENT_WRITE", "CLUSTER", "kafka-cluster"))
}

test_who_writes_does_not_administer if {
	every operation in ["ALTER", "ALTER_CONFIGS", "CREATE", "DESCRIBE", "CLUSTER_ACTION"] {
		not may("User:shop", action(operation, "CLUSTER", "kafka-cluster"))
	}
	not may("User:shop", topic("IDEMPOTENT_WRITE", "orders"))
}
