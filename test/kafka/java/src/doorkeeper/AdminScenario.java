package doorkeeper;

import static doorkeeper.Clients.failure;
import static doorkeeper.Clients.say;

import doorkeeper.Clients.Setup;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.AbortTransactionSpec;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.FeatureUpdate;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListStreamsGroupOffsetsSpec;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RaftVoterEndpoint;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UpdateFeaturesOptions;
import org.apache.kafka.clients.admin.UserScramCredentialDeletion;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** Every call of the Admin interface, once, each with a line on what came of it. */
final class AdminScenario {
    private interface Call {
        Object run() throws Exception;
    }

    private final Setup s;
    private final Admin admin;
    private final String topic;
    private final TopicPartition part;
    private final String group;

    private AdminScenario(Setup s, Admin admin) {
        this.s = s;
        this.admin = admin;
        topic = s.name("topic");
        part = new TopicPartition(topic, 0);
        group = s.name("group");
    }

    static void run(Setup s) throws Exception {
        try (Admin admin = Admin.create(s.with("client.id", "java-admin", "enable.metrics.push", "true"))) {
            AdminScenario a = new AdminScenario(s, admin);
            a.topics();
            a.configs();
            a.cluster();
            a.acls();
            a.quotasAndUsers();
            a.groups();
            a.transactions();
            a.raft();
            a.end();
        }
    }

    private static void call(String name, Call call) {
        try {
            say("%s: %s", name, call.run());
        } catch (Exception e) {
            say("%s: %s", name, failure(e));
        }
    }

    private static <T> T get(KafkaFuture<T> future) throws Exception {
        return future.get(60, TimeUnit.SECONDS);
    }

    private static Collection<String> sorted(Collection<?> all) {
        TreeSet<String> texts = new TreeSet<>();
        all.forEach(x -> texts.add(x.toString()));
        return texts;
    }

    private void topics() {
        call("createTopics", () -> {
            var r = admin.createTopics(List.of(new NewTopic(topic, 2, (short) 1), new NewTopic(s.name("second"), Map.of(0, List.of(2, 3)))));
            return sorted(List.of(get(r.numPartitions(topic)), get(r.replicationFactor(s.name("second")))));
        });
        call("listTopics", () -> get(admin.listTopics().names()).contains(topic));
        call("describeTopics", () -> get(admin.describeTopics(List.of(topic, s.name("second"))).allTopicNames()).get(s.name("second"))
            .partitions().get(0).replicas().size());
        call("describeTopics by id", () -> {
            Uuid id = get(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic).topicId();
            return get(admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds()).get(id).name();
        });
        call("describeTopics that is not", () -> get(admin.describeTopics(List.of(s.name("none"))).allTopicNames()));
        call("createPartitions", () -> get(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all()));
        call("produce", () -> {
            try (var p = DataScenarios.producer(s)) {
                DataScenarios.produce(p, topic, 3, 90, 100);
            }
            return "done";
        });
        call("listOffsets", () -> {
            List<Long> all = new ArrayList<>();
            for (OffsetSpec spec : List.of(OffsetSpec.earliest(), OffsetSpec.latest(), OffsetSpec.forTimestamp(1),
                    OffsetSpec.earliestLocal(), OffsetSpec.latestTiered())) {
                all.add(get(admin.listOffsets(Map.of(part, spec)).partitionResult(part)).offset());
            }
            return all;
        });
        call("listOffsets by time", () -> get(admin.listOffsets(Map.of(part, OffsetSpec.maxTimestamp())).partitionResult(part)).offset() >= 0);
        call("deleteRecords", () -> get(admin.deleteRecords(Map.of(part, RecordsToDelete.beforeOffset(5))).lowWatermarks().get(part)).lowWatermark());
        call("electLeaders", () -> get(admin.electLeaders(ElectionType.PREFERRED, Set.of(part)).partitions()).get(part).map(e -> failure(e)));
        call("alterPartitionReassignments", () -> get(admin.alterPartitionReassignments(
            Map.of(new TopicPartition(s.name("second"), 0), Optional.of(new NewPartitionReassignment(List.of(3, 2))))).all()));
        call("listPartitionReassignments", () -> get(admin.listPartitionReassignments().reassignments()).size() < 2);
        call("describeProducers", () -> get(admin.describeProducers(List.of(part)).all()).get(part).activeProducers().size());
    }

    private void configs() {
        ConfigResource t = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        call("incrementalAlterConfigs", () -> get(admin.incrementalAlterConfigs(Map.of(t,
            List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "7654321"), AlterConfigOp.OpType.SET)))).all()));
        call("describeConfigs", () -> get(admin.describeConfigs(List.of(t)).all()).get(t).get("retention.ms").value());
        call("describeConfigs of a broker", () -> get(admin.describeConfigs(List.of(new ConfigResource(ConfigResource.Type.BROKER, "1"))).all())
            .values().iterator().next().get("num.io.threads").value());
        call("listConfigResources", () -> get(admin.listConfigResources().all()).isEmpty());
        call("client metrics", () -> get(admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.CLIENT_METRICS, s.name("metrics")),
            List.of(new AlterConfigOp(new ConfigEntry("interval.ms", "100000"), AlterConfigOp.OpType.SET)))).all()));
        call("listClientMetricsResources", () -> get(admin.listClientMetricsResources().all()).isEmpty());
        call("clientInstanceId", () -> admin.clientInstanceId(Duration.ofSeconds(20)) != null);
    }

    private void cluster() {
        call("describeCluster", () -> get(admin.describeCluster().nodes()).size() + " nodes, "
            + (get(admin.describeCluster().controller()) != null));
        call("describeLogDirs", () -> get(admin.describeLogDirs(List.of(1, 2, 3)).allDescriptions()).size());
        TopicPartitionReplica replica = new TopicPartitionReplica(s.name("second"), 0, 2);
        call("describeReplicaLogDirs", () -> get(admin.describeReplicaLogDirs(List.of(replica)).all()).size());
        call("alterReplicaLogDirs", () -> get(admin.alterReplicaLogDirs(Map.of(replica, "/no/such/folder")).all()));
        call("describeFeatures", () -> sorted(get(admin.describeFeatures().featureMetadata()).supportedFeatures().keySet()));
        call("updateFeatures", () -> get(admin.updateFeatures(
            Map.of("transaction.version", new FeatureUpdate((short) 1, FeatureUpdate.UpgradeType.SAFE_DOWNGRADE)),
            new UpdateFeaturesOptions().validateOnly(true)).all()));
        call("unregisterBroker", () -> get(admin.unregisterBroker(77).all()));
    }

    private void acls() {
        AclBinding acl = new AclBinding(new ResourcePattern(ResourceType.TOPIC, s.name("secret"), PatternType.LITERAL),
            new AccessControlEntry("User:carol", "*", AclOperation.READ, AclPermissionType.ALLOW));
        call("createAcls", () -> get(admin.createAcls(List.of(acl)).all()));
        call("describeAcls", () -> {
            // An ACL takes a moment to reach the broker that is asked.
            for (int i = 0; i < 100; i++) {
                if (!get(admin.describeAcls(acl.toFilter()).values()).isEmpty()) {
                    return "found";
                }
                Thread.sleep(100);
            }
            return "not found";
        });
        call("describeAcls all", () -> !get(admin.describeAcls(AclBindingFilter.ANY).values()).isEmpty());
        call("deleteAcls", () -> get(admin.deleteAcls(List.of(acl.toFilter())).all()).size());
    }

    private void quotasAndUsers() {
        ClientQuotaEntity entity = new ClientQuotaEntity(Map.of("client-id", s.name("quota")));
        call("alterClientQuotas", () -> get(admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity,
            List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1e9))))).all()));
        call("describeClientQuotas", () -> get(admin.describeClientQuotas(ClientQuotaFilter.all()).entities()) != null);
        call("alterUserScramCredentials", () -> get(admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(s.name("user"),
            new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), "pw"))).all()));
        call("describeUserScramCredentials", () -> get(admin.describeUserScramCredentials(List.of("bob")).all()).get("bob").credentialInfos().size());
        call("alterUserScramCredentials deletion", () -> get(admin.alterUserScramCredentials(List.of(
            new UserScramCredentialDeletion(s.name("user"), ScramMechanism.SCRAM_SHA_256))).all()));
        call("describeDelegationToken", () -> get(admin.describeDelegationToken().delegationTokens()));
        call("createDelegationToken", () -> get(admin.createDelegationToken().delegationToken()));
        call("renewDelegationToken", () -> get(admin.renewDelegationToken(new byte[] {1}).expiryTimestamp()));
        call("expireDelegationToken", () -> get(admin.expireDelegationToken(new byte[] {1}).expiryTimestamp()));
    }

    private void groups() {
        call("classic member", () -> {
            try (var c = DataScenarios.consumer(s, "group.id", group)) {
                c.subscribe(List.of(topic));
                String read = DataScenarios.consume(c, 85);
                c.commitSync();
                describeLive();
                return read;
            }
        });
        call("listConsumerGroupOffsets", () -> sorted(get(admin.listConsumerGroupOffsets(
            Map.of(group, new ListConsumerGroupOffsetsSpec().topicPartitions(List.of(part)))).all()).get(group).values()));
        call("listConsumerGroupOffsets all", () -> get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()).size());
        call("alterConsumerGroupOffsets", () -> get(admin.alterConsumerGroupOffsets(group, Map.of(part, new OffsetAndMetadata(6))).all()));
        call("deleteConsumerGroupOffsets", () -> get(admin.deleteConsumerGroupOffsets(group, Set.of(part)).all()));
        call("removeMembersFromConsumerGroup", () -> get(admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions()).all()));
        call("deleteConsumerGroups", () -> get(admin.deleteConsumerGroups(List.of(group)).all()));
        String shared = s.name("share-group");
        call("describeShareGroups", () -> get(admin.describeShareGroups(List.of(shared)).all()));
        call("alterShareGroupOffsets", () -> get(admin.alterShareGroupOffsets(shared, Map.of(part, 6L)).all()));
        call("listShareGroupOffsets", () -> get(admin.listShareGroupOffsets(Map.of(shared, new ListShareGroupOffsetsSpec())).all()).size());
        call("deleteShareGroupOffsets", () -> get(admin.deleteShareGroupOffsets(shared, Set.of(topic)).all()));
        call("deleteShareGroups", () -> get(admin.deleteShareGroups(List.of(shared)).all()));
        String streams = s.name("streams-group");
        call("describeStreamsGroups", () -> get(admin.describeStreamsGroups(List.of(streams)).all()));
        call("alterStreamsGroupOffsets", () -> get(admin.alterStreamsGroupOffsets(streams, Map.of(part, new OffsetAndMetadata(6))).all()));
        call("listStreamsGroupOffsets", () -> get(admin.listStreamsGroupOffsets(Map.of(streams, new ListStreamsGroupOffsetsSpec())).all()).size());
        call("deleteStreamsGroupOffsets", () -> get(admin.deleteStreamsGroupOffsets(streams, Set.of(part)).all()));
        call("deleteStreamsGroups", () -> get(admin.deleteStreamsGroups(List.of(streams)).all()));
    }

    private void describeLive() throws Exception {
        call("describeConsumerGroups", () -> get(admin.describeConsumerGroups(List.of(group)).all()).get(group).members().size());
        call("describeClassicGroups", () -> get(admin.describeClassicGroups(List.of(group)).all()).get(group).members().size());
        call("listGroups", () -> get(admin.listGroups().all()).stream().anyMatch(g -> g.groupId().equals(group)));
        call("listGroups of a kind", () -> get(admin.listGroups(ListGroupsOptions.forShareGroups()).all()).stream().anyMatch(g -> g.groupId().equals(group)));
    }

    private void transactions() {
        call("fenceProducers", () -> get(admin.fenceProducers(List.of(s.name("fenced"))).all()));
        call("describeTransactions", () -> get(admin.describeTransactions(List.of(s.name("fenced"))).all()).get(s.name("fenced")).state());
        call("listTransactions", () -> get(admin.listTransactions().all()).stream().anyMatch(t -> t.transactionalId().equals(s.name("fenced"))));
        call("hanging transaction", () -> {
            var p = DataScenarios.producer(s, "transactional.id", s.name("hanging"));
            p.initTransactions();
            p.beginTransaction();
            DataScenarios.produce(p, topic, 1, 3, 100);
            String state = get(admin.describeTransactions(List.of(s.name("hanging"))).all()).get(s.name("hanging")).state().toString();
            get(admin.forceTerminateTransaction(s.name("hanging")).result());
            p.close(Duration.ZERO);
            return state;
        });
        call("abortTransaction", () -> get(admin.abortTransaction(new AbortTransactionSpec(part, 987654321L, (short) 3, 0)).all()));
    }

    private void raft() {
        call("describeMetadataQuorum", () -> get(admin.describeMetadataQuorum().quorumInfo()).voters().size());
        call("addRaftVoter", () -> get(admin.addRaftVoter(9, Uuid.ONE_UUID, Set.of(new RaftVoterEndpoint("CONTROLLER", "localhost", 1))).all()));
        call("removeRaftVoter", () -> get(admin.removeRaftVoter(9, Uuid.ONE_UUID).all()));
    }

    private void end() {
        call("metrics", () -> !admin.metrics().isEmpty());
        call("deleteTopics", () -> get(admin.deleteTopics(List.of(s.name("second"))).all()));
        call("deleteTopics by id", () -> {
            Uuid id = get(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic).topicId();
            return get(admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all());
        });
    }
}
