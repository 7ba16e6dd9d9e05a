package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"doorkeeper/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, o Options) *Cluster {
	t.Helper()
	c, warning, err := Open(o)
	if err != nil || warning != nil {
		t.Fatal(warning, err)
	}
	return c
}

func id(n int) [16]byte {
	return [16]byte{1, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

func TestNodes(t *testing.T) {
	c := open(t, Options{})
	a, b := Node{1, "kafka-1", 9092, "r1"}, Node{2, "kafka-2", 9092, ""}
	steps := []struct {
		learn []Node
		want  []Node
	}{
		{[]Node{b, a}, []Node{b, a}},
		{[]Node{a, b}, nil},
		{[]Node{{1, "kafka-1", 9092, ""}}, nil}, // FindCoordinator knows no racks
		{[]Node{{2, "kafka-2", 9092, "r2"}}, nil},
		{[]Node{{1, "kafka-1", 9093, ""}}, []Node{{1, "kafka-1", 9093, "r1"}}},
		{[]Node{{-1, "", -1, ""}, {3, "", 9092, ""}, {3, "h", 0, ""}, {3, "h", 70000, ""}, {-2, "h", 1, ""}}, nil},
		{[]Node{{3, strings.Repeat("h", maxHost+1), 9092, ""}}, nil},
	}
	for i, step := range steps {
		if diff := cmp.Diff(step.want, c.Learn(step.learn, "")); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}
	want := []Node{{1, "kafka-1", 9093, "r1"}, {2, "kafka-2", 9092, "r2"}}
	if diff := cmp.Diff(want, c.Nodes()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n, ok := c.Node(2); n != want[1] || !ok {
		t.Errorf("node 2: %v, %v", n, ok)
	}
	if _, ok := c.Node(3); ok {
		t.Error("node 3 is known")
	}
}

func TestNodesAreBounded(t *testing.T) {
	c := open(t, Options{})
	var list []Node
	for i := range maxNodes + 5 {
		list = append(list, Node{int32(i), "h", 1, ""})
	}
	c.Learn(list, "")
	if _, ok := c.Node(4); ok || len(c.Nodes()) != maxNodes {
		t.Errorf("%d nodes, the first ones still there: %v", len(c.Nodes()), ok)
	}
}

func TestClusterID(t *testing.T) {
	c := open(t, Options{})
	for _, step := range []struct{ learn, want string }{{"", ""}, {"a", "a"}, {"", "a"}, {"b", "b"}} {
		if c.Learn(nil, step.learn); c.ID() != step.want {
			t.Errorf("after %q: %q", step.learn, c.ID())
		}
	}
}

func TestTokenOwners(t *testing.T) {
	c := open(t, Options{})
	c.LearnTokenOwner("1", "User:a")
	c.LearnTokenOwner("1", "User:b")
	c.LearnTokenOwner("", "User:b")
	c.LearnTokenOwner("x", "")
	if owner, ok := c.TokenOwner("1"); owner != "User:b" || !ok {
		t.Errorf("owner %q, %v", owner, ok)
	}
	if len(c.tokens.Load().order) != 1 {
		t.Errorf("tokens %v", c.tokens.Load().order)
	}
}

func TestTokensAreBounded(t *testing.T) {
	s := &tokens{owner: map[string]string{}}
	for i := range maxTokens {
		s.owner[fmt.Sprint(i)] = "User:a"
		s.order = append(s.order, fmt.Sprint(i))
	}
	s = s.with("new", "User:b")
	if _, first := s.owner["0"]; first || s.owner["new"] != "User:b" || len(s.owner) != maxTokens || len(s.order) != maxTokens {
		t.Errorf("%d owners, the first still there: %v", len(s.owner), first)
	}
}

func TestTopics(t *testing.T) {
	c := open(t, Options{})
	c.LearnTopics([]access.Topic{{Name: "a", ID: id(1)}, {Name: "b", ID: id(2)}, {Name: "old"}, {ID: id(9)}})
	first := c.TopicByName([]byte("a"))
	if first == nil || first.ID != id(1) || c.TopicByID(id(1)) != first {
		t.Fatalf("a is %v", first)
	}
	c.LearnTopics([]access.Topic{{Name: "a", ID: id(1)}, {Name: "a"}})
	if c.TopicByName([]byte("a")) != first {
		t.Error("another value for what is known")
	}
	if old := c.TopicByName([]byte("old")); old == nil || old.ID != [16]byte{} {
		t.Errorf("old is %v", old)
	}
	if c.TopicByID(id(9)) != nil || c.TopicByID([16]byte{}) != nil || c.TopicByName(nil) != nil {
		t.Error("a topic without a name or without an id is found")
	}
	c.LearnTopics([]access.Topic{{Name: "old", ID: id(3)}})
	if old := c.TopicByID(id(3)); old == nil || old.Name != "old" {
		t.Errorf("id 3 is %v", old)
	}
}

func TestRecreatedTopic(t *testing.T) {
	c := open(t, Options{})
	for i := 1; i <= 3; i++ {
		c.LearnTopics([]access.Topic{{Name: "a", ID: id(i)}})
	}
	if a := c.TopicByName([]byte("a")); a.ID != id(3) {
		t.Errorf("a is %v", a)
	}
	for i := 1; i <= 3; i++ {
		if a := c.TopicByID(id(i)); a == nil || a.Name != "a" || a.ID != id(i) {
			t.Errorf("id %d is %v", i, a)
		}
	}
	c.LearnTopics([]access.Topic{{Name: "a", ID: id(1)}}) // an answer that was under way for long
	if a := c.TopicByName([]byte("a")); a.ID != id(1) || c.current.order.Len() != 1 || c.former.order.Len() != 2 {
		t.Errorf("a is %v; %d current, %d former", a, c.current.order.Len(), c.former.order.Len())
	}
}

func TestInternedNamesDisplaceNoLearnedOnes(t *testing.T) {
	c := open(t, Options{})
	c.LearnTopics([]access.Topic{{Name: "a", ID: id(1)}})
	x := c.Intern("x")
	if x == nil || x.Name != "x" || c.Intern("x") != x || c.TopicByName([]byte("x")) != x || c.Intern("a").ID != id(1) {
		t.Errorf("x is %v", x)
	}
	c.LearnTopics([]access.Topic{{Name: "x", ID: id(2)}})
	for i := range maxInterned + 10 {
		c.Intern(fmt.Sprint("none-", i))
	}
	if c.interned.order.Len() != maxInterned || c.TopicByName([]byte("none-9")) != nil || c.TopicByName([]byte("none-10")) == nil {
		t.Errorf("%d interned", c.interned.order.Len())
	}
	for name, want := range map[string][16]byte{"a": id(1), "x": id(2)} {
		if got := c.TopicByName([]byte(name)); got == nil || got.ID != want || c.TopicByID(want) != got {
			t.Errorf("%s is %v", name, got)
		}
	}
	long := strings.Repeat("x", maxName+1)
	if got := c.Intern(long); got.Name != long || c.TopicByName([]byte(long)) != nil {
		t.Error("a name that Kafka does not allow was kept")
	}
}

func TestTopicsAreBounded(t *testing.T) {
	c := open(t, Options{})
	c.current.limit, c.former.limit = 100, 10
	for i := range 150 {
		c.LearnTopics([]access.Topic{{Name: fmt.Sprint("t", i), ID: id(i)}})
	}
	if c.TopicByName([]byte("t49")) != nil || c.TopicByID(id(49)) != nil || c.TopicByName([]byte("t50")) == nil {
		t.Error("not the oldest fell out")
	}
	for i := range 20 {
		c.LearnTopics([]access.Topic{{Name: "t149", ID: id(1000 + i)}})
	}
	if c.TopicByID(id(149)) != nil || c.TopicByID(id(1018)) == nil || c.former.order.Len() != 10 || c.current.order.Len() != 100 {
		t.Errorf("%d current, %d former", c.current.order.Len(), c.former.order.Len())
	}
}

// Against a model of plain maps, whatever comes in whatever order; with readers at work.
func TestTopicsAgainstAModel(t *testing.T) {
	c := open(t, Options{})
	random := rand.New(rand.NewPCG(1, 2))
	names, ids := map[string][16]byte{}, map[[16]byte]string{}
	stop, readers := make(chan struct{}), sync.WaitGroup{}
	for range 2 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if got := c.TopicByName(fmt.Append(nil, "t", i%50)); got != nil && got.Name != fmt.Sprint("t", i%50) {
					t.Errorf("found %v", got)
				}
				if got := c.TopicByID(id(i % 500)); got != nil && got.ID != id(i%500) {
					t.Errorf("found %v", got)
				}
			}
		})
	}
	next := 1
	for range 500 {
		var answer []access.Topic
		for range random.IntN(20) {
			name := fmt.Sprint("t", random.IntN(50))
			if _, known := names[name]; !known || random.IntN(10) == 0 {
				names[name], ids[id(next)] = id(next), name
				next++
			}
			answer = append(answer, access.Topic{Name: name, ID: names[name]})
		}
		c.LearnTopics(answer)
	}
	close(stop)
	readers.Wait()
	for name, want := range names {
		if got := c.TopicByName([]byte(name)); got == nil || got.ID != want {
			t.Errorf("%s is %v, want %x", name, got, want)
		}
	}
	for i, want := range ids {
		if got := c.TopicByID(i); got != nil && got.Name != want {
			t.Errorf("%x is %v, want %s", i, got, want)
		}
	}
}

func TestKeptOverRestarts(t *testing.T) {
	o := Options{Name: "erp", Dir: filepath.Join(t.TempDir(), "clusters")}
	c := open(t, o)
	c.Learn([]Node{{2, "kafka-2", 9092, "r"}, {1, "kafka-1", 9092, ""}}, "MkU3OEVB")
	c.LearnTopics([]access.Topic{{Name: "a", ID: id(1)}, {Name: "b", ID: id(2)}, {Name: "plain"}})
	c.LearnTopics([]access.Topic{{Name: "a", ID: id(3)}})
	c.Intern("asked")
	c.LearnTokenOwner("tok", "User:erp")
	before := c.snapshot()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	info, err := os.Stat(o.path())
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("file %v, %v", info, err)
	}

	c = open(t, o)
	defer c.Close()
	if diff := cmp.Diff(before, c.snapshot()); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if a := c.TopicByName([]byte("a")); a == nil || a.ID != id(3) || c.TopicByID(id(1)).Name != "a" {
		t.Errorf("a is %v", a)
	}
	if c.TopicByName([]byte("asked")) != nil {
		t.Error("a name that nobody confirmed was kept")
	}
	if owner, _ := c.TokenOwner("tok"); owner != "User:erp" || c.ID() != "MkU3OEVB" {
		t.Errorf("owner %q, cluster %q", owner, c.ID())
	}
}

func TestFileForm(t *testing.T) {
	o := Options{Name: "erp", Dir: t.TempDir()}
	c := open(t, o)
	c.Learn([]Node{{1, "kafka-1", 9092, ""}}, "c")
	c.LearnTopics([]access.Topic{{Name: "a", ID: [16]byte{0xFB, 0xFF, 3: 1}}, {Name: "b"}})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(o.path())
	const want = `{"version":1,"cluster_id":"c","nodes":[{"id":1,"host":"kafka-1","port":9092}],` +
		`"topics":[{"name":"a","id":"-_8AAQAAAAAAAAAAAAAAAA"},{"name":"b"}]}`
	if string(got) != want || err != nil {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

func TestCorruptFileIsSetAside(t *testing.T) {
	o := Options{Name: "erp", Dir: t.TempDir()}
	contents := []string{"", "{", `{"version":2}`, `{"version":1,"topics":[{"name":"a","id":"short"}]}`, "\x00\x00\x00\x00"}
	for i, content := range contents {
		if err := os.WriteFile(o.path(), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		c, warning, err := Open(o)
		if err != nil || warning == nil {
			t.Fatalf("%q: warning %v, error %v", content, warning, err)
		}
		aside := fmt.Sprintf("%s.corrupt-%d", o.path(), i+1)
		if got, err := os.ReadFile(aside); string(got) != content || err != nil || !strings.Contains(warning.Error(), aside) {
			t.Errorf("%q: set aside %q, %v; warning %v", content, got, err, warning)
		}
		if len(c.Nodes()) != 0 || c.TopicByName([]byte("a")) != nil {
			t.Errorf("%q: something was learned", content)
		}
		c.Close()
	}
}

func TestNonsenseInTheFileIsLeftOut(t *testing.T) {
	o := Options{Name: "erp", Dir: t.TempDir()}
	const content = `{"version":1,"nodes":[{"id":-1,"host":"h","port":1},{"id":1,"host":"h","port":99999}],
		"topics":[{"name":""},{"name":"a","id":"AQAAAAAAAAAAAAAAAAAAAA"}],"former":[{"name":"","id":"AQAAAAAAAAAAAAAAAAAAAA"},{"name":"b"}],
		"tokens":[{"id":"","owner":"x"}],"later":true}`
	if err := os.WriteFile(o.path(), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, o)
	defer c.Close()
	if len(c.Nodes()) != 0 || c.TopicByName([]byte("a")) == nil || c.former.order.Len() != 0 || len(c.tokens.Load().order) != 0 {
		t.Errorf("learned %+v", c.snapshot())
	}
}

func TestUnusableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(Options{Name: "erp", Dir: filepath.Join(file, "clusters")}); err == nil {
		t.Error("no error")
	}
}

func TestFileNameIsOne(t *testing.T) {
	for name, want := range map[string]string{"erp": "d/erp.json", "../x": "d/..%2Fx.json", "a/b": "d/a%2Fb.json"} {
		if got := (Options{Name: name, Dir: "d"}).path(); got != want {
			t.Errorf("%q: %s", name, got)
		}
	}
}

// Writing is delayed, and one write takes all that came in between.
func TestDebounce(t *testing.T) {
	o := Options{Name: "erp", Dir: t.TempDir(), Debounce: time.Minute}
	synctest.Test(t, func(t *testing.T) {
		c := open(t, o)
		for i := range 10 {
			c.LearnTopics([]access.Topic{{Name: fmt.Sprint("t", i), ID: id(i)}})
			time.Sleep(time.Second)
		}
		if _, err := os.Stat(o.path()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("written at once: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := topicsIn(t, o.path()); got != 10 {
			t.Errorf("%d topics in the file", got)
		}
		c.LearnTopics([]access.Topic{{Name: "t0", ID: id(0)}})
		os.Remove(o.path())
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, err := os.Stat(o.path()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("written with nothing new: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

func topicsIn(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	return len(f.Topics)
}

// A write that fails is reported and tried again.
func TestFailedWriteIsRepeated(t *testing.T) {
	failures := 0
	o := Options{Name: "erp", Dir: t.TempDir(), Failed: func(error) { failures++ }}
	synctest.Test(t, func(t *testing.T) {
		c := open(t, o)
		block := o.path() + ".new"
		if err := os.MkdirAll(filepath.Join(block, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		c.LearnTopics([]access.Topic{{Name: "a", ID: id(1)}})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if failures == 0 {
			t.Error("no failure reported")
		}
		if err := os.RemoveAll(block); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if got := topicsIn(t, o.path()); got != 1 {
			t.Errorf("%d topics in the file", got)
		}
	})
}

func answer(n int) []access.Topic {
	topics := make([]access.Topic, n)
	for i := range topics {
		topics[i] = access.Topic{Name: fmt.Sprintf("some.company.topic-%05d", i), ID: id(i)}
	}
	return topics
}

func TestNothingNewCostsNothing(t *testing.T) {
	c := open(t, Options{})
	topics, list := answer(5000), []Node{{1, "kafka-1", 9092, "r"}, {2, "kafka-2", 9092, ""}}
	c.LearnTopics(topics)
	c.Learn(list, "id")
	name := []byte(topics[77].Name)
	c.mu.Lock() // whoever took it now would wait for ever
	defer c.mu.Unlock()
	checks := map[string]func(){
		"LearnTopics": func() { c.LearnTopics(topics) },
		"Learn":       func() { c.Learn(list, "id") },
		"TopicByName": func() { c.TopicByName(name) },
		"TopicByID":   func() { c.TopicByID(id(77)) },
		"a miss":      func() { c.TopicByName([]byte("none")) },
		"Intern":      func() { c.Intern(topics[77].Name) },
		"Node":        func() { c.Node(1) },
		"Nodes":       func() { c.Nodes() },
		"ID":          func() { c.ID() },
	}
	for what, f := range checks {
		if n := testing.AllocsPerRun(10, f); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"nodes":[{"id":1,"host":"h","port":1}],"topics":[{"name":"a","id":"AQAAAAAAAAAAAAAAAAAAAA"}]}`))
	f.Add([]byte(`{"version":1,"former":[{"name":"a","id":"AQAAAAAAAAAAAAAAAAAAAA"}],"tokens":[{"id":"t","owner":"User:a"}]}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		o := Options{Name: "c", Dir: dir}
		if err := os.WriteFile(o.path(), content, 0o600); err != nil {
			t.Fatal(err)
		}
		c, warning, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if warning != nil {
			os.Remove(o.path() + ".corrupt-1")
		}
		for _, n := range c.Nodes() {
			if !n.usable() {
				t.Errorf("node %v", n)
			}
		}
	})
}

func BenchmarkTopicByName(b *testing.B) {
	c := open(b, Options{})
	topics := answer(5000)
	c.LearnTopics(topics)
	name := []byte(topics[77].Name)
	b.ReportAllocs()
	for b.Loop() {
		if c.TopicByName(name) == nil {
			b.Fatal("a miss")
		}
	}
}

func BenchmarkLearnNothingNew(b *testing.B) {
	c := open(b, Options{})
	topics := answer(5000)
	c.LearnTopics(topics)
	b.ReportAllocs()
	for b.Loop() {
		c.LearnTopics(topics)
	}
}

func BenchmarkLearnOneOf200000(b *testing.B) {
	c := open(b, Options{})
	c.LearnTopics(answer(maxTopics - 1))
	one := make([]access.Topic, 1)
	n := maxTopics
	b.ReportAllocs()
	for b.Loop() {
		one[0] = access.Topic{Name: "changing", ID: id(n)}
		n++
		c.LearnTopics(one)
	}
}
