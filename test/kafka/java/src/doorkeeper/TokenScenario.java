package doorkeeper;

import static doorkeeper.Clients.say;

import doorkeeper.Clients.Setup;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.CreateDelegationTokenOptions;
import org.apache.kafka.clients.admin.DescribeDelegationTokenOptions;
import org.apache.kafka.clients.admin.ExpireDelegationTokenOptions;
import org.apache.kafka.clients.admin.RenewDelegationTokenOptions;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.token.delegation.DelegationToken;

/** The life of a delegation token, and a client that authenticates with it. */
final class TokenScenario {
    private TokenScenario() { }

    static void run(Setup s) throws Exception {
        try (Admin admin = Admin.create(s.with())) {
            DelegationToken token = admin.createDelegationToken(new CreateDelegationTokenOptions()
                .renewers(List.of(new KafkaPrincipal("User", "bob")))).delegationToken().get();
            say("owner %s", token.tokenInfo().owner());
            long until = later(() -> admin.renewDelegationToken(token.hmac(),
                new RenewDelegationTokenOptions().renewTimePeriodMs(600_000)).expiryTimestamp().get());
            say("renewed: %b", until > 0);
            use(s, token);
            boolean found = false;
            for (DelegationToken t : admin.describeDelegationToken(new DescribeDelegationTokenOptions()
                    .owners(List.of(token.tokenInfo().owner()))).delegationTokens().get()) {
                found |= t.tokenInfo().tokenId().equals(token.tokenInfo().tokenId());
            }
            say("described: %b", found);
            admin.expireDelegationToken(token.hmac(), new ExpireDelegationTokenOptions().expiryTimePeriodMs(-1)).expiryTimestamp().get();
            say("expired");
        }
    }

    private static void use(Setup s, DelegationToken token) throws Exception {
        String jaas = "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"" + token.tokenInfo().tokenId()
            + "\" password=\"" + token.hmacAsBase64String() + "\" tokenauth=\"true\";";
        later(() -> {
            try (Admin user = Admin.create(s.with("client.id", "java-token", "sasl.mechanism", "SCRAM-SHA-256", "sasl.jaas.config", jaas))) {
                say("with the token: %d nodes", user.describeCluster().nodes().get().size());
                return null;
            }
        });
    }

    /** A token reaches the brokers after a moment: until then they do not know it. */
    private static <T> T later(Callable<T> call) throws Exception {
        for (int i = 0; ; i++) {
            try {
                return call.call();
            } catch (ExecutionException e) {
                if (i == 60) {
                    throw e;
                }
                Thread.sleep(500);
            }
        }
    }
}
