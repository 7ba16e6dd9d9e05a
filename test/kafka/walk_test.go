package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/test/kafka/truth"
	"doorkeeper/test/kafka/walk"
)

// between are the APIs among brokers, which doorkeeper does not advertise (facts of its contract), and which a client
// cannot reach through it.
var between = map[int16]bool{
	4: true, 5: true, 6: true, 7: true, 52: true, 53: true, 54: true, 56: true, 58: true, 59: true, 62: true, 63: true, 67: true,
	70: true, 73: true, 82: true, 83: true, 84: true, 85: true, 86: true, 87: true,
}

// TestWalk asks every API in every version that is advertised, direct and through doorkeeper, and requires the same
// answers, addresses and the like aside.
func TestWalk(t *testing.T) {
	runRows(t, []row{{name: "every API and version", run: walkAll}})
}

func walkAll(t *testing.T, c *client) string {
	conn := c.dial(t, 1)
	versions, err := conn.Versions()
	conn.Close()
	if err != nil {
		t.Fatal(err)
	}
	topic, id := c.topicOn(t, 1, "walked")
	names := walk.Names{
		Prefix: c.prefix, Topic: topic, TopicID: id,
		Group: c.coordinated(t, 0, "group"), Joined: c.coordinated(t, 0, "joined"), TxnID: c.coordinated(t, 1, "txn"),
	}
	var results []string
	for _, key := range slices.Sorted(maps.Keys(versions)) {
		if between[key] {
			if c.path.door != nil {
				t.Errorf("%s is advertised", truth.APIName(key))
			}
			continue
		}
		for version := versions[key][0]; version <= versions[key][1]; version++ {
			if kmsg.RequestForKey(key) == nil || version > kmsg.RequestForKey(key).MaxVersion() {
				t.Logf("kmsg does not know %d v%d", key, version)
				continue
			}
			results = append(results, fmt.Sprintf("%s v%d: %s", truth.APIName(key), version, c.walkOne(t, key, version, names)))
		}
	}
	return strings.Join(results, "\n")
}

// coordinated returns a name of a group (kind 0) or transactional id (kind 1) that node 1 coordinates.
func (c *client) coordinated(t *testing.T, kind int8, base string) string {
	t.Helper()
	for i := 0; c.ctx.Err() == nil; i++ {
		request := kmsg.NewPtrFindCoordinatorRequest()
		request.SetVersion(3)
		request.CoordinatorType, request.CoordinatorKey = kind, fmt.Sprintf("%s%s-%c", c.prefix, base, 'a'+i%26)
		conn := c.dial(t, 1)
		response, err := conn.Ask(request)
		conn.Close()
		if err != nil {
			t.Fatal(err)
		}
		if r := response.(*kmsg.FindCoordinatorResponse); r.ErrorCode == 0 && r.NodeID == 1 {
			return request.CoordinatorKey
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal(c.ctx.Err())
	return ""
}

// walkOne asks on a connection of its own, for some answers are that it ends. What is asked of a coordinator that has
// just been made, or of metadata on its way, is asked again.
func (c *client) walkOne(t *testing.T, key, version int16, names walk.Names) string {
	result := ""
	for range 40 {
		conn := c.dial(t, 1)
		response, err := conn.Ask(walk.Request(key, version, names))
		conn.Close()
		if err != nil {
			return err.Error()
		}
		result = walk.Reduce(response, names)
		if !passing(result) {
			return result
		}
		time.Sleep(250 * time.Millisecond)
	}
	return result
}

// passing says whether an answer has an error that goes away: the coordinator loads, or is not yet found, or a
// topic's change is under way.
func passing(result string) bool {
	plain := strings.ReplaceAll(result, `\\`, "")
	for _, code := range []string{"14", "15", "51", "60"} {
		if strings.Contains(plain, `"ErrorCode":`+code+",") || strings.Contains(plain, `"ErrorCode":`+code+"}") {
			return true
		}
	}
	return false
}
