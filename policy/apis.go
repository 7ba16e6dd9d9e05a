package policy

import "github.com/twmb/franz-go/pkg/kmsg"

// kafkaNames are Kafka's own names where kmsg spells them otherwise.
var kafkaNames = map[int16]string{
	17: "SaslHandshake",
	22: "InitProducerId",
	29: "DescribeAcls",
	30: "CreateAcls",
	31: "DeleteAcls",
	36: "SaslAuthenticate",
	45: "AlterPartitionReassignments",
	50: "DescribeUserScramCredentials",
	51: "AlterUserScramCredentials",
}

// APIName is Kafka's name of an API key, as policies see it.
func APIName(key int16) string {
	if n := kafkaNames[key]; n != "" {
		return n
	}
	return kmsg.NameForKey(key)
}
