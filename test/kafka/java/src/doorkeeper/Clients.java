package doorkeeper;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What Apache Kafka's own Java clients do in the tests: {@code Clients SCENARIO BOOTSTRAP PREFIX [KEY=VALUE ...]}. The
 * pairs are client properties. Every scenario prints lines that are the same however the brokers are reached.
 */
public final class Clients {
    private interface Scenario {
        void run(Setup setup) throws Exception;
    }

    private static final Map<String, Scenario> SCENARIOS = Map.of(
        "records", DataScenarios::records,
        "transactions", DataScenarios::transactions,
        "consumer-group", DataScenarios::consumerGroup,
        "offsets", DataScenarios::offsets,
        "share", DataScenarios::share,
        "linger", DataScenarios::linger,
        "admin", AdminScenario::run,
        "tokens", TokenScenario::run,
        "streams", StreamsScenario::run);

    /** How a run reaches the brokers, and how it names what it makes. */
    record Setup(String bootstrap, String prefix, Map<String, Object> properties) {
        String name(String s) {
            return prefix + s;
        }

        /** Client properties: the run's own, and pairs of key and value. */
        Map<String, Object> with(Object... pairs) {
            Map<String, Object> all = new HashMap<>(properties);
            all.put("bootstrap.servers", bootstrap);
            all.putIfAbsent("client.id", "java");
            for (int i = 0; i < pairs.length; i += 2) {
                all.put((String) pairs[i], pairs[i + 1]);
            }
            return all;
        }
    }

    private Clients() { }

    public static void main(String[] args) throws Exception {
        Map<String, Object> properties = new HashMap<>();
        for (String pair : List.of(args).subList(3, args.length)) {
            int at = pair.indexOf('=');
            properties.put(pair.substring(0, at), pair.substring(at + 1));
        }
        SCENARIOS.get(args[0]).run(new Setup(args[1], args[2], properties));
        System.exit(0);
    }

    static void say(String format, Object... args) {
        System.out.println(String.format(format, args));
    }

    /** A failure in one line, of which only the class is sure to be the same everywhere. */
    static String failure(Throwable e) {
        List<String> names = new ArrayList<>();
        for (Throwable t = e; t != null && names.size() < 4; t = t.getCause()) {
            names.add(t.getClass().getSimpleName());
        }
        return String.join(" < ", names);
    }
}
