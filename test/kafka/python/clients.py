"""What librdkafka's Python client does in the tests: clients.py SCENARIO BOOTSTRAP PREFIX [KEY=VALUE ...].

The pairs are librdkafka properties. Every scenario prints lines that are the same however the brokers are reached.
"""

import json
import sys

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
)

BOOTSTRAP, PREFIX = sys.argv[2], sys.argv[3]
PROPERTIES = dict(pair.split("=", 1) for pair in sys.argv[4:])
# Waiting for less keeps the end of a run short: the broker notices a lost client only at its next answer.
READ = {"auto.offset.reset": "earliest", "enable.auto.commit": False, "fetch.wait.max.ms": 300}


def config(**more):
    all_ = {"bootstrap.servers": BOOTSTRAP, "client.id": "librdkafka"}
    # Only consumers know the group's properties.
    all_.update({k: v for k, v in PROPERTIES.items() if not k.startswith("group.") or "group_id" in more})
    all_.update({key.replace("_", "."): value for key, value in more.items()})
    return all_


def topic(name, partitions=1):
    admin = AdminClient(config())
    for future in admin.create_topics([NewTopic(PREFIX + name, partitions, 1)]).values():
        future.result(60)
    return PREFIX + name


def produce(producer, name, partitions, count, size):
    failures = []

    def done(error, _):
        if error:
            failures.append(error)

    for i in range(count):
        text = (f"record {i} " * (size // 8))[:size]
        producer.produce(name, text.encode(), key=f"k{i}".encode(), partition=i % partitions, on_delivery=done)
        producer.poll(0)
    producer.flush(60)
    if failures:
        raise RuntimeError(failures[0])


def consume(consumer, count):
    seen = {}
    got = 0
    while got < count:
        for message in consumer.consume(500, 1.0):
            if message.error():
                raise RuntimeError(message.error())
            seen.setdefault(f"{message.topic()}-{message.partition()}", []).append(message.offset())
            got += 1
    return "; ".join(f"{k}: {len(v)} records, {min(v)} to {max(v)}" for k, v in sorted(seen.items()))


def records():
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        name = topic(codec, 2)
        producer = Producer({**config(), "compression.type": codec, "linger.ms": 20, "enable.idempotence": codec != "none"})
        produce(producer, name, 2, 300, 5000)
        reader = Consumer({**config(group_id=PREFIX + codec), **READ, "max.partition.fetch.bytes": 60000})
        reader.assign([TopicPartition(name, p, 0) for p in range(2)])
        print(consume(reader, 300))
        reader.close()
    name = topic("acks")
    for acks in ("0", "1"):
        produce(Producer({**config(), "acks": acks}), name, 1, 50, 100)
    reader = Consumer({**config(group_id=PREFIX + "acks"), **READ})
    reader.assign([TopicPartition(name, 0, 0)])
    print(consume(reader, 100))
    reader.close()


def group():
    name = topic("grouped", 4)
    producer = Producer(config())
    produce(producer, name, 4, 400, 300)
    for count in (400, 40):
        reader = Consumer({**config(group_id=PREFIX + "group"), **READ})
        reader.subscribe([name])
        print(consume(reader, count))
        reader.commit(asynchronous=False)
        reader.close()
        produce(producer, name, 4, 40, 300)


def transactions():
    name = topic("txn", 2)
    producer = Producer({**config(), "transactional.id": PREFIX + "txn-id"})
    producer.init_transactions(60)
    for i, end in enumerate((producer.commit_transaction, producer.abort_transaction, producer.commit_transaction)):
        producer.begin_transaction()
        produce(producer, name, 2, 50 * (i + 1), 300)
        end(60)
    for isolation, count in (("read_committed", 200), ("read_uncommitted", 300)):
        reader = Consumer({**config(group_id=PREFIX + isolation), **READ, "isolation.level": isolation})
        reader.assign([TopicPartition(name, p, 0) for p in range(2)])
        print(isolation, consume(reader, count))
        reader.close()


def admin():
    client = AdminClient(config())
    name = topic("admin", 1)
    produce(Producer(config()), name, 1, 20, 100)
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    part = TopicPartition(name, 0)
    acl = (ResourceType.TOPIC, PREFIX + "x", ResourcePatternType.LITERAL, "User:carol", "*", AclOperation.READ, AclPermissionType.ALLOW)

    def result(futures):
        return [future.result(60) for future in futures.values()]

    steps = {
        "create_partitions": lambda: result(client.create_partitions([NewPartitions(name, 2)])),
        "describe_configs": lambda: result(client.describe_configs([resource]))[0]["cleanup.policy"].value,
        "describe_topics": lambda: len(result(client.describe_topics(TopicCollection([name])))),
        "describe_cluster": lambda: len(client.describe_cluster().result(60).nodes),
        "list_offsets": lambda: [r.offset for r in result(client.list_offsets({part: OffsetSpec.latest()}))],
        "delete_records": lambda: [r.low_watermark for r in result(client.delete_records([TopicPartition(name, 0, 3)]))],
        "create_acls": lambda: result(client.create_acls([AclBinding(*acl)])),
        "delete_acls": lambda: len(result(client.delete_acls([AclBindingFilter(*acl)]))),
        "list_groups": lambda: client.list_consumer_groups().result(60).errors,
        "alter_group_offsets": lambda: result(
            client.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(PREFIX + "g", [TopicPartition(name, 0, 5)])])
        )[0].topic_partitions[0].offset,
        "group_offsets": lambda: result(
            client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(PREFIX + "g", [part])])
        )[0].topic_partitions[0].offset,
        "delete_groups": lambda: result(client.delete_consumer_groups([PREFIX + "g"])),
        "scram": lambda: len(result(client.describe_user_scram_credentials(["bob"]))[0].scram_credential_infos),
        "delete_topics": lambda: result(client.delete_topics([name])),
    }
    for step, run in steps.items():
        print(step, json.dumps(run(), default=str))


{"records": records, "group": group, "transactions": transactions, "admin": admin}[sys.argv[1]]()
