package doorkeeper;

import static doorkeeper.Clients.say;

import doorkeeper.Clients.Setup;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Producers and consumers. */
final class DataScenarios {
    private static final Duration POLL = Duration.ofMillis(500);

    private DataScenarios() { }

    static KafkaProducer<byte[], byte[]> producer(Setup s, Object... pairs) {
        return new KafkaProducer<>(s.with(pairs), new ByteArraySerializer(), new ByteArraySerializer());
    }

    static KafkaConsumer<byte[], byte[]> consumer(Setup s, Object... pairs) {
        Map<String, Object> properties = new HashMap<>(Map.of("auto.offset.reset", "earliest", "enable.auto.commit", "false"));
        properties.putAll(s.with(pairs));
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static void topic(Setup s, String name, int partitions) throws Exception {
        try (Admin admin = Admin.create(s.with())) {
            admin.createTopics(List.of(new NewTopic(s.name(name), partitions, (short) 1))).all().get();
        }
    }

    static byte[] payload(int i, int size) {
        byte[] b = new byte[size];
        long x = i;
        for (int j = 0; j < size; j++) {
            x = x * 6364136223846793005L + 1442695040888963407L;
            b[j] = (byte) ('a' + (x >>> 60));
        }
        return b;
    }

    static void produce(KafkaProducer<byte[], byte[]> p, String topic, int partitions, int n, int size) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            sent.add(p.send(new ProducerRecord<>(topic, i % partitions, ("k" + i).getBytes(), payload(i, size))));
        }
        for (Future<RecordMetadata> f : sent) {
            f.get();
        }
    }

    /** Polls until n records came; says per partition how many, and the first and last offset. */
    static String consume(Consumer<byte[], byte[]> c, int n) {
        TreeMap<String, long[]> seen = new TreeMap<>();
        for (int got = 0; got < n; ) {
            for (ConsumerRecord<byte[], byte[]> r : c.poll(POLL)) {
                long[] of = seen.computeIfAbsent(r.topic() + "-" + r.partition(), k -> new long[] {0, r.offset(), 0});
                of[0]++;
                of[2] = r.offset();
                got++;
            }
        }
        StringBuilder b = new StringBuilder();
        seen.forEach((key, of) -> b.append(key).append(": ").append(of[0]).append(" records, ").append(of[1]).append(" to ")
            .append(of[2]).append("; "));
        return b.toString();
    }

    /** Every compression, big batches and small, acks=1 and acks=0. */
    static void records(Setup s) throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            topic(s, codec, 2);
            try (KafkaProducer<byte[], byte[]> p = producer(s, "compression.type", codec, "linger.ms", "20", "batch.size", "900000")) {
                produce(p, s.name(codec), 2, 300, 9_000);
            }
        }
        topic(s, "acks", 1);
        for (String acks : List.of("1", "0")) {
            try (KafkaProducer<byte[], byte[]> p = producer(s, "acks", acks, "enable.idempotence", "false")) {
                produce(p, s.name("acks"), 1, 50, 100);
            }
        }
        try (KafkaConsumer<byte[], byte[]> c = consumer(s, "max.partition.fetch.bytes", "200000")) {
            for (String t : List.of("none", "gzip", "snappy", "lz4", "zstd", "acks")) {
                List<TopicPartition> parts = new ArrayList<>();
                c.partitionsFor(s.name(t)).forEach(i -> parts.add(new TopicPartition(i.topic(), i.partition())));
                c.assign(parts);
                c.seekToBeginning(parts);
                say("%s", consume(c, t.equals("acks") ? 100 : 300));
            }
        }
    }

    static void transactions(Setup s) throws Exception {
        topic(s, "txn", 2);
        topic(s, "txn-out", 1);
        try (KafkaProducer<byte[], byte[]> p = producer(s, "transactional.id", s.name("txn-id"))) {
            p.initTransactions();
            for (int round = 0; round < 3; round++) {
                p.beginTransaction();
                produce(p, s.name("txn"), 2, 50 * (round + 1), 300);
                if (round == 1) {
                    p.abortTransaction();
                } else {
                    p.commitTransaction();
                }
            }
        }
        for (String isolation : List.of("read_committed", "read_uncommitted")) {
            try (KafkaConsumer<byte[], byte[]> c = consumer(s, "isolation.level", isolation, "group.id", s.name("reader-" + isolation))) {
                c.subscribe(List.of(s.name("txn")));
                say("%s: %s", isolation, consume(c, isolation.equals("read_committed") ? 200 : 300));
            }
        }
        moveInTransaction(s);
    }

    /** Reads, writes and commits the offsets in one transaction. */
    private static void moveInTransaction(Setup s) throws Exception {
        try (KafkaProducer<byte[], byte[]> p = producer(s, "transactional.id", s.name("mover"));
             KafkaConsumer<byte[], byte[]> c = consumer(s, "isolation.level", "read_committed", "group.id", s.name("mover-group"))) {
            p.initTransactions();
            c.subscribe(List.of(s.name("txn")));
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
            for (int moved = 0; moved < 200; ) {
                var records = c.poll(POLL);
                if (records.isEmpty()) {
                    continue;
                }
                p.beginTransaction();
                for (ConsumerRecord<byte[], byte[]> r : records) {
                    p.send(new ProducerRecord<>(s.name("txn-out"), r.value()));
                    offsets.put(new TopicPartition(r.topic(), r.partition()), new OffsetAndMetadata(r.offset() + 1));
                    moved++;
                }
                p.sendOffsetsToTransaction(offsets, c.groupMetadata());
                p.commitTransaction();
            }
        }
        try (KafkaConsumer<byte[], byte[]> c = consumer(s, "isolation.level", "read_committed")) {
            c.assign(List.of(new TopicPartition(s.name("txn-out"), 0)));
            c.seekToBeginning(c.assignment());
            int n = 0;
            while (n < 200) {
                n += c.poll(POLL).count();
            }
            say("%d records moved", n);
        }
    }

    /** Two members of a group, of the protocol that the properties name; the second after the first has left. */
    static void consumerGroup(Setup s) throws Exception {
        topic(s, "grouped", 4);
        try (KafkaProducer<byte[], byte[]> p = producer(s)) {
            produce(p, s.name("grouped"), 4, 400, 300);
            boolean server = "consumer".equals(s.properties().get("group.protocol"));
            try (KafkaConsumer<byte[], byte[]> c = consumer(s, "group.id", s.name("group"))) {
                if (server) {
                    c.subscribe(new SubscriptionPattern(s.name("group.*")));
                } else {
                    c.subscribe(java.util.regex.Pattern.compile(s.name("group.*")));
                }
                say("%s", consume(c, 400));
                c.commitSync();
            }
            produce(p, s.name("grouped"), 4, 40, 300);
        }
        try (KafkaConsumer<byte[], byte[]> c = consumer(s, "group.id", s.name("group"), "group.instance.id", "static-1")) {
            c.subscribe(List.of(s.name("grouped")));
            say("%s", consume(c, 40));
            c.commitSync();
            say("committed %s", new TreeMap<>(text(c.committed(c.assignment()))));
        }
    }

    private static Map<String, Long> text(Map<TopicPartition, OffsetAndMetadata> offsets) {
        Map<String, Long> all = new HashMap<>();
        offsets.forEach((p, o) -> all.put(p.toString(), o.offset()));
        return all;
    }

    /** What a consumer asks of offsets, seeks in the middle of batches, and a pause. */
    static void offsets(Setup s) throws Exception {
        topic(s, "offsets", 1);
        TopicPartition part = new TopicPartition(s.name("offsets"), 0);
        try (KafkaProducer<byte[], byte[]> p = producer(s, "linger.ms", "50", "batch.size", "100000")) {
            produce(p, part.topic(), 1, 500, 500);
        }
        try (KafkaConsumer<byte[], byte[]> c = consumer(s, "max.partition.fetch.bytes", "50000", "max.poll.records", "100")) {
            c.assign(List.of(part));
            say("begins %s, ends %s", c.beginningOffsets(List.of(part)), c.endOffsets(List.of(part)));
            OffsetAndTimestamp at = c.offsetsForTimes(Map.of(part, 1L)).get(part);
            say("at time 1: %d", at.offset());
            for (long seek : new long[] {250, 17, 499}) {
                c.seek(part, seek);
                say("from %d: %d", seek, c.poll(Duration.ofSeconds(20)).iterator().next().offset());
            }
            c.seek(part, 0);
            c.pause(List.of(part));
            say("paused: %d", c.poll(POLL).count());
            c.resume(List.of(part));
            say("%s", consume(c, 500));
            say("listed: %s", c.listTopics().containsKey(part.topic()));
        }
    }

    /** A share group (KIP-932) with explicit acknowledgements: some records are given back once, some refused. */
    static void share(Setup s) throws Exception {
        topic(s, "shared", 2);
        try (Admin admin = Admin.create(s.with())) {
            admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.GROUP, s.name("sharers")),
                List.of(new AlterConfigOp(new ConfigEntry("share.auto.offset.reset", "earliest"), AlterConfigOp.OpType.SET)))).all().get();
        }
        try (KafkaProducer<byte[], byte[]> p = producer(s)) {
            produce(p, s.name("shared"), 2, 200, 300);
        }
        Map<String, Integer> deliveries = new HashMap<>();
        int accepted = 0;
        try (KafkaShareConsumer<byte[], byte[]> c = new KafkaShareConsumer<>(
                s.with("group.id", s.name("sharers"), "share.acknowledgement.mode", "explicit"),
                new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            c.subscribe(List.of(s.name("shared")));
            while (accepted < 190) {
                for (ConsumerRecord<byte[], byte[]> r : c.poll(POLL)) {
                    int times = deliveries.merge(r.partition() + "/" + r.offset(), 1, Integer::sum);
                    if (r.offset() == 7 && times == 1) {
                        c.acknowledge(r, AcknowledgeType.RELEASE);
                    } else if (r.offset() % 20 == 3) {
                        c.acknowledge(r, AcknowledgeType.REJECT);
                    } else {
                        c.acknowledge(r, AcknowledgeType.ACCEPT);
                        accepted++;
                    }
                }
                c.commitSync();
            }
        }
        say("%d records, %d accepted, at most %d deliveries", deliveries.size(), accepted, Collections.max(deliveries.values()));
    }

    /** Writes and reads for nine seconds over the same connections, so that a SASL session ends several times. */
    static void linger(Setup s) throws Exception {
        topic(s, "linger", 1);
        TopicPartition part = new TopicPartition(s.name("linger"), 0);
        try (KafkaProducer<byte[], byte[]> p = producer(s); KafkaConsumer<byte[], byte[]> c = consumer(s)) {
            c.assign(List.of(part));
            c.seekToBeginning(List.of(part));
            int n = 0;
            for (int i = 0; i < 30; i++) {
                produce(p, part.topic(), 1, 10, 100);
                Thread.sleep(300);
                n += c.poll(Duration.ofMillis(10)).count();
            }
            while (n < 300) {
                n += c.poll(POLL).count();
            }
            say("%d records", n);
        }
    }
}
