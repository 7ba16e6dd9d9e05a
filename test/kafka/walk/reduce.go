package walk

import (
	"encoding/json"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Reduce prints an answer without what differs from run to run: addresses, times, ids that brokers hand out, and
// what others of the cluster did.
func Reduce(response kmsg.Response, n Names) string {
	text, err := json.Marshal(reduce(reflect.ValueOf(response).Elem(), "", n))
	if err != nil {
		return err.Error()
	}
	return strings.NewReplacer(n.Group, "GROUP", n.Joined, "JOINED", n.TxnID, "TXN", n.Prefix, "PREFIX-").Replace(string(text))
}

// Fields of which only it is compared whether they are set.
var varying = []string{
	"Host", "Port", "ThrottleMillis", "TopicID", "ProducerID", "MemberID", "LeaderID", "Leader", "ClusterID", "ControllerID",
	"Timestamp", "LogAppendTime", "SubscriptionID", "ClientInstanceID", "PushIntervalMillis", "LogEndOffset", "LogStartOffset",
	"LastFetchTimestamp", "LastTimestamp", "LastCaughtUpTimestamp", "HighWatermark", "Offset", "BaseOffset", "LastStableOffset", "NodeID", "Replicas",
	"ISR", "OfflineReplicas", "EligibleLeaderReplicas", "CoordinatorID", "LeaderEpoch", "Epoch", "FinalizedFeaturesEpoch", "LowWatermark",
	"LogDirs", "RecordBatches", "Dirs", "Size", "StartTimestamp", "TotalBytes", "UsableBytes", "IncarnationID", "ErrorMessage", "Brokers",
	"Nodes", "ApiKeys", "Token", "MemberEpoch", "Members", "ProducerEpoch", "UnknownTags", "Version", "SessionID", "ControllerEpoch",
}

func reduce(v reflect.Value, name string, n Names) any {
	if slices.Contains(varying, name) {
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return reduce(v.Elem(), name, n)
	case reflect.Struct:
		fields := map[string]any{}
		for i := range v.NumField() {
			f := v.Type().Field(i).Name
			if x := reduce(v.Field(i), f, n); x != nil {
				fields[f] = x
			}
		}
		return fields
	case reflect.Slice:
		return reduceList(v, n)
	default:
		return v.Interface()
	}
}

// reduceList keeps of lists of groups, transactions and configurations only the run's own, in a fixed order.
func reduceList(v reflect.Value, n Names) any {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return v.Bytes()
	}
	var all []string
	for i := range v.Len() {
		text, _ := json.Marshal(reduce(v.Index(i), "", n))
		if listed := v.Type().Elem().Name(); foreign(listed) && !strings.Contains(string(text), n.Prefix) {
			continue
		}
		all = append(all, string(text))
	}
	sort.Strings(all)
	return all
}

func foreign(element string) bool {
	switch element {
	case "ListGroupsResponseGroup", "ListTransactionsResponseTransactionState", "ListConfigResourcesResponseConfigResource":
		return true
	}
	return false
}
