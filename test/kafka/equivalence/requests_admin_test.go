package equivalence

import "github.com/twmb/franz-go/pkg/kmsg"

// The requests of administrators about topics, configurations and replicas: keys 19, 20, 32 to 35, 37, 43 to 46, 74.

func createsTopics(g *gen) []script {
	names := append(g.made("open-new", "shut-new"), "open-a", "shut-a")
	switch g.mode {
	case allowed:
		names = g.made("open-new", "open-more")
	case denied:
		names = g.made("shut-new", "shut-more")
	}
	make := func(validate bool) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrCreateTopicsRequest()
			q.TimeoutMillis, q.ValidateOnly = 10_000, validate
			topics(&q.Topics, names)
			for i := range q.Topics {
				q.Topics[i].NumPartitions, q.Topics[i].ReplicationFactor = 1, 1
			}
			return q
		}
	}
	all := []script{ask("plain", make(false)).cleaned(removes(names[:2]...))}
	if g.version >= 1 {
		all = append(all, ask("validate", make(true)))
	}
	return all
}

func deletesTopics(g *gen) []script {
	names := g.made("open-old", "shut-old")
	switch g.mode {
	case allowed:
		names = names[:1]
	case denied:
		names = names[1:]
	}
	listed := append([]string(nil), names...)
	if g.mode == missing {
		listed = append(listed, lostTopics...)
	}
	make := func(byID bool) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrDeleteTopicsRequest()
			q.TimeoutMillis, q.TopicNames = 10_000, listed
			topics(&q.Topics, listed)
			for i := range q.Topics {
				if byID {
					q.Topics[i].Topic = nil
				} else {
					q.Topics[i].TopicID = [16]byte{}
				}
			}
			return q
		}
	}
	all := []script{ask("by name", make(false)).prepared(makes(names...)).cleaned(removes(names...))}
	if g.version >= 6 {
		all = []script{ask("by id", make(true)).prepared(makes(names...)), ask("by name", make(false)).cleaned(removes(names...))}
	}
	return all
}

// A configured thing, and a key and a value of its configuration.
type configured struct {
	kind       kmsg.ConfigResourceType
	name       string
	key, value string
}

// configurable draws topics, groups and brokers.
func configurable(g *gen) []configured {
	var all []configured
	for _, name := range g.topics() {
		all = append(all, configured{kmsg.ConfigResourceTypeTopic, name, "segment.bytes", "7654321"})
	}
	for _, name := range g.groups() {
		all = append(all, configured{kmsg.ConfigResourceTypeGroupConfig, name, "consumer.session.timeout.ms", "50000"})
	}
	return all
}

func ofCluster() []configured {
	return []configured{
		{kmsg.ConfigResourceTypeBroker, "1", "log.cleaner.threads", "1"},
		{kmsg.ConfigResourceTypeBroker, "", "log.cleaner.threads", "1"},
		{kmsg.ConfigResourceTypeClientMetrics, "metrics", "interval.ms", "60000"},
		{kmsg.ConfigResourceTypeBrokerLogger, "1", "kafka.server.KafkaConfig", "ERROR"},
	}
}

func describesConfigs(g *gen) []script {
	make := func(list []configured, all bool) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrDescribeConfigsRequest()
			q.IncludeSynonyms, q.IncludeDocumentation = true, true
			for _, c := range list {
				r := kmsg.NewDescribeConfigsRequestResource()
				r.ResourceType, r.ResourceName = c.kind, c.name
				if !all {
					r.ConfigNames = []string{c.key}
				}
				q.Resources = append(q.Resources, r)
			}
			return q
		}
	}
	list := configurable(g)
	all := []script{ask("of topics and groups", make(list, false)), ask("whole", make(list[:1], true))}
	if g.mode == allowed {
		all = append(all, ask("of the cluster", make(append(ofCluster(), list...), false)))
	}
	return all
}

func altersConfigs(g *gen) []script {
	make := func(list []configured, validate bool) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrAlterConfigsRequest()
			q.ValidateOnly = validate
			for _, c := range list {
				r := kmsg.NewAlterConfigsRequestResource()
				r.ResourceType, r.ResourceName = c.kind, c.name
				e := kmsg.NewAlterConfigsRequestResourceConfig()
				e.Name, e.Value = c.key, &c.value
				r.Configs = append(r.Configs, e)
				q.Resources = append(q.Resources, r)
			}
			return q
		}
	}
	list := configurable(g)
	all := []script{ask("of topics and groups", make(list, false))}
	if g.mode == allowed {
		all = append(all, ask("of the cluster", make(append(list, ofCluster()...), true)))
	}
	return all
}

func altersConfigsIncrementally(g *gen) []script {
	make := func(list []configured, validate bool) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrIncrementalAlterConfigsRequest()
			q.ValidateOnly = validate
			for _, c := range list {
				r := kmsg.NewIncrementalAlterConfigsRequestResource()
				r.ResourceType, r.ResourceName = c.kind, c.name
				e := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
				e.Name, e.Value = c.key, &c.value
				r.Configs = append(r.Configs, e)
				q.Resources = append(q.Resources, r)
			}
			return q
		}
	}
	list := configurable(g)
	all := []script{ask("of topics and groups", make(list, false))}
	if g.mode == allowed {
		all = append(all, ask("of the cluster", make(append(list, ofCluster()...), true)))
	}
	return all
}

func listsConfigResources(g *gen) []script {
	list := func(types ...int8) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrListConfigResourcesRequest()
			q.ResourceTypes = types
			return q
		}
	}
	return []script{
		ask("all", list()).lists(), ask("client metrics", list(16)).lists(), ask("topics and groups", list(2, 32)).lists(),
	}
}

func altersLogDirs(g *gen) []script {
	names := g.topics()
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrAlterReplicaLogDirsRequest()
		d := kmsg.NewAlterReplicaLogDirsRequestDir()
		d.Dir = "/nowhere"
		topics(&d.Topics, names, 0)
		q.Dirs = append(q.Dirs, d)
		return q
	})}
}

func describesLogDirs(g *gen) []script {
	names := g.topics()
	all := []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrDescribeLogDirsRequest()
		topics(&q.Topics, names, 0)
		return q
	})}
	if g.mode == allowed {
		all = append(all, ask("of all topics", func() kmsg.Request { return kmsg.NewPtrDescribeLogDirsRequest() }).lists())
	}
	return all
}

func createsPartitions(g *gen) []script {
	names := g.topics()
	return []script{ask("validate", func() kmsg.Request {
		q := kmsg.NewPtrCreatePartitionsRequest()
		q.TimeoutMillis, q.ValidateOnly = 10_000, true
		topics(&q.Topics, names)
		for i := range q.Topics {
			q.Topics[i].Count = 3
		}
		return q
	})}
}

func electsLeaders(g *gen) []script {
	names := g.topics()
	all := []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrElectLeadersRequest()
		q.TimeoutMillis = 5_000
		topics(&q.Topics, names, 0)
		return q
	})}
	if g.mode == allowed {
		all = append(all, ask("of all topics", func() kmsg.Request {
			q := kmsg.NewPtrElectLeadersRequest()
			q.TimeoutMillis = 5_000
			return q
		}).lists())
	}
	return all
}

func reassigns(g *gen) []script {
	names := g.topics()
	make := func(replicas []int32) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrAlterPartitionAssignmentsRequest()
			q.TimeoutMillis = 5_000
			topics(&q.Topics, names, 0)
			for i := range q.Topics {
				q.Topics[i].Partitions[0].Replicas = replicas
			}
			return q
		}
	}
	return []script{ask("to where it is", make([]int32{1})), ask("cancel", make(nil))}
}

func listsReassignments(g *gen) []script {
	names := g.topics()
	make := func(names []string) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrListPartitionReassignmentsRequest()
			q.TimeoutMillis = 5_000
			topics(&q.Topics, names, 0)
			return q
		}
	}
	return []script{ask("plain", make(names)), ask("of all topics", make(nil)).lists()}
}
