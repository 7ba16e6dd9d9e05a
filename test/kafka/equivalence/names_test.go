package equivalence

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
)

// The resources that are there before the first case. What begins with open- is under somebody's rights, what begins
// with shut- only under those of who may do all (and one READ).
var (
	openTopics = []string{"open-a", "open-b"}
	shutTopics = []string{"shut-a", "shut-b", "open-denied", "open-unread", "shut-read"}
	lostTopics = []string{"open-lost", "shut-lost"} // which nobody makes

	openGroups = []string{"open-g", "open-h"}
	shutGroups = []string{"shut-g", "shut-h", "open-denied"}
	lostGroups = []string{"open-lost", "shut-lost"}

	openTxns = []string{"open-t", "open-u"}
	shutTxns = []string{"shut-t", "shut-u"}
	lostTxns = []string{"open-lost", "shut-lost"}
)

// A mode says which resources a request names.
type mode string

const (
	allowed mode = "allowed" // some that are open
	denied  mode = "denied"  // some that are shut
	mixed   mode = "mixed"   // topics of both; where many groups or transactional ids are named, these too
	missing mode = "missing" // some that are not there among some that are
	crossed mode = "crossed" // open topics with a shut group
	unheld  mode = "unheld"  // open topics with a shut transactional id
)

var (
	everyMode   = []mode{allowed, denied, mixed, missing, crossed, unheld}
	topicModes  = []mode{allowed, denied, mixed, missing}
	groupModes  = []mode{allowed, denied, mixed, missing, crossed}
	txnModes    = []mode{allowed, denied, mixed, missing, unheld}
	clusterMode = []mode{allowed} // the request names nothing that has rights of its own
)

// seed is what all requests are drawn from. What a case draws depends on its API and mode alone, so that all versions and
// users ask the same.
const seed = 20261124

// A gen draws the names of one case.
type gen struct {
	rng     *rand.Rand
	mode    mode
	version int16
	fresh   *int // counts the names that were made
}

func newGen(key, version int16, m mode, fresh *int) *gen {
	sum := sha256.Sum256([]byte(m))
	return &gen{rng: rand.New(rand.NewPCG(seed, uint64(key)<<32|uint64(sum[0])<<8|uint64(sum[1]))), mode: m, version: version, fresh: fresh}
}

func (g *gen) topics() []string { return g.draw(openTopics, shutTopics, lostTopics, false) }
func (g *gen) groups() []string { return g.draw(openGroups, shutGroups, lostGroups, g.mode == crossed) }
func (g *gen) txns() []string   { return g.draw(openTxns, shutTxns, lostTxns, g.mode == unheld) }

// draw returns names in an order of the seed's.
func (g *gen) draw(open, shut, lost []string, closed bool) []string {
	var all []string
	take := func(from []string) {
		from = append([]string(nil), from...)
		g.rng.Shuffle(len(from), func(i, j int) { from[i], from[j] = from[j], from[i] })
		all = append(all, from[:1+g.rng.IntN(len(from))]...)
	}
	switch {
	case closed || g.mode == denied:
		take(shut)
	case g.mode == mixed:
		take(open)
		take(shut)
	case g.mode == missing:
		take(open)
		take(shut)
		all = append(all, lost...)
	default:
		take(open)
	}
	g.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func (g *gen) group() string { return g.one(openGroups, shutGroups, lostGroups, g.mode == crossed) }
func (g *gen) txn() string   { return g.one(openTxns, shutTxns, lostTxns, g.mode == unheld) }

// one draws a single name: a mixture is about the lists, not about who asks.
func (g *gen) one(open, shut, lost []string, closed bool) string {
	from := open
	switch {
	case closed || g.mode == denied:
		from = shut
	case g.mode == missing:
		from = lost[:1]
	}
	return from[g.rng.IntN(len(from))]
}

// made returns names that nothing bore before, for each of names.
func (g *gen) made(names ...string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		*g.fresh++
		all[i] = fmt.Sprintf("%s-f%05d", name, *g.fresh)
	}
	return all
}

// freshName is what made adds. It is left out of what is stored.
var freshName = regexp.MustCompile(`-f\d{5}`)

// madeID is the id that stands for a topic's in requests, until a side puts its own in its place.
func madeID(topic string) (id [16]byte) {
	sum := sha256.Sum256([]byte("topic " + topic))
	copy(id[:], sum[:])
	return id
}

// topics fills a request's list of topics: names, ids, and in each the partitions.
func topics[T any](list *[]T, names []string, partitions ...int32) {
	for _, name := range names {
		v := reflect.New(reflect.TypeFor[T]())
		setDefault(v)
		setName(v.Elem(), name)
		if f := v.Elem().FieldByName("Partitions"); f.IsValid() {
			f.Set(partitionList(f.Type(), partitions))
		}
		*list = append(*list, v.Elem().Interface().(T))
	}
}

func setDefault(v reflect.Value) {
	if d, ok := v.Interface().(interface{ Default() }); ok {
		d.Default()
	}
}

func setName(v reflect.Value, name string) {
	if f := v.FieldByName("TopicID"); f.IsValid() {
		f.Set(reflect.ValueOf(madeID(name)))
	}
	f := v.FieldByName("Topic")
	switch {
	case !f.IsValid():
	case f.Kind() == reflect.Pointer:
		f.Set(reflect.ValueOf(&name))
	default:
		f.SetString(name)
	}
}

func partitionList(typ reflect.Type, partitions []int32) reflect.Value {
	list := reflect.MakeSlice(typ, 0, len(partitions))
	for _, p := range partitions {
		e := reflect.New(typ.Elem())
		if typ.Elem().Kind() == reflect.Struct {
			setDefault(e)
			e.Elem().FieldByName("Partition").SetInt(int64(p))
		} else {
			e.Elem().SetInt(int64(p))
		}
		list = reflect.Append(list, e.Elem())
	}
	return list
}

// baseName is the name without what made added.
func baseName(name string) string { return freshName.ReplaceAllString(name, "-f") }

func hasFresh(s string) bool { return strings.Contains(s, "-f") && freshName.MatchString(s) }
