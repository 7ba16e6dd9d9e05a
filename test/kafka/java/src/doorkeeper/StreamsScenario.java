package doorkeeper;

import static doorkeeper.Clients.say;

import doorkeeper.Clients.Setup;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Produced;

/** A small Streams application that counts, exactly once, in the group protocol that the properties name. */
final class StreamsScenario {
    private StreamsScenario() { }

    static void run(Setup s) throws Exception {
        DataScenarios.topic(s, "in", 2);
        DataScenarios.topic(s, "out", 1);
        try (var p = DataScenarios.producer(s)) {
            DataScenarios.produce(p, s.name("in"), 2, 200, 50);
        }
        StreamsBuilder b = new StreamsBuilder();
        b.stream(s.name("in"), Consumed.with(Serdes.String(), Serdes.String()))
            .groupBy((k, v) -> "of " + k.length(), Grouped.with(Serdes.String(), Serdes.String()))
            .count()
            .toStream()
            .mapValues(n -> Long.toString(n))
            .to(s.name("out"), Produced.with(Serdes.String(), Serdes.String()));
        Properties properties = new Properties();
        s.with("application.id", s.name("app"), "state.dir", System.getProperty("java.io.tmpdir") + "/" + s.name("state"),
            "processing.guarantee", "exactly_once_v2", "commit.interval.ms", "200", "replication.factor", "1").forEach(
                (key, value) -> properties.put(key, value));
        try (KafkaStreams streams = new KafkaStreams(b.build(), properties)) {
            streams.start();
            say("sum of counts: %d", sum(s));
            streams.close(Duration.ofSeconds(20));
        }
    }

    /** Reads the last count of each key until they add up to all records. */
    private static long sum(Setup s) {
        java.util.Map<String, Long> last = new java.util.TreeMap<>();
        try (KafkaConsumer<byte[], byte[]> c = DataScenarios.consumer(s, "isolation.level", "read_committed", "group.protocol", "classic")) {
            c.assign(List.of(new TopicPartition(s.name("out"), 0)));
            c.seekToBeginning(c.assignment());
            long total = 0;
            while (total < 200) {
                for (var r : c.poll(Duration.ofMillis(300))) {
                    last.put(new String(r.key()), Long.parseLong(new String(r.value())));
                }
                total = last.values().stream().mapToLong(Long::longValue).sum();
            }
            return total;
        }
    }
}
