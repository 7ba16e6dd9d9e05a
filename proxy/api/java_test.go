package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What Java 17 printed.
func TestHashOrder(t *testing.T) {
	for _, c := range []struct {
		add  []string
		want string
	}{
		{nil, ""},
		{[]string{"b", "a", "orders", "payments", "topic-1", "topic-2", "Aa", "BB", "ä", "😀"},
			"Aa BB a b ä payments 😀 orders topic-1 topic-2"},
		{[]string{"b", "a", "orders", "payments", "topic-1", "topic-2", "BB", "Aa", "ä", "😀"},
			"BB Aa a b ä payments 😀 orders topic-1 topic-2"}, // the two share a hash code
		{numbered(12), "topic-6 topic-7 topic-8 topic-9 topic-0 topic-1 topic-2 topic-3 topic-10 topic-4 topic-11 topic-5"},
		{numbered(13), "topic-6 topic-7 topic-8 topic-9 topic-0 topic-1 topic-2 topic-3 topic-10 topic-4 topic-11 topic-5 topic-12"},
		{numbered(100), "topic-6 topic-7 topic-8 topic-9 topic-50 topic-0 topic-51 topic-1 topic-52 topic-2 topic-53 topic-3 " +
			"topic-54 topic-4 topic-55 topic-5 topic-56 topic-46 topic-47 topic-48 topic-49 topic-40 topic-41 topic-42 topic-43 " +
			"topic-44 topic-45 topic-35 topic-36 topic-37 topic-38 topic-39 topic-30 topic-31 topic-32 topic-33 topic-34 topic-24 " +
			"topic-25 topic-26 topic-27 topic-28 topic-29 topic-20 topic-21 topic-22 topic-23 topic-13 topic-14 topic-15 topic-16 " +
			"topic-17 topic-18 topic-19 topic-90 topic-91 topic-92 topic-93 topic-94 topic-95 topic-96 topic-97 topic-10 topic-98 " +
			"topic-11 topic-99 topic-12 topic-80 topic-81 topic-82 topic-83 topic-84 topic-85 topic-86 topic-87 topic-88 topic-89 " +
			"topic-79 topic-70 topic-71 topic-72 topic-73 topic-74 topic-75 topic-76 topic-77 topic-78 topic-68 topic-69 topic-60 " +
			"topic-61 topic-62 topic-63 topic-64 topic-65 topic-66 topic-67 topic-57 topic-58 topic-59"},
	} {
		if d := cmp.Diff(c.want, strings.Join(hashOrder(c.add), " ")); d != "" {
			t.Errorf("%v:\n%s", c.add, d)
		}
	}
	for s, want := range map[string]int32{"": 0, "orders": -1008770331, "😀ä": 54960097} {
		if got := int32(javaHash(s)); got != want {
			t.Errorf("hash code of %q: %d, want %d", s, got, want)
		}
	}
}

func numbered(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("topic-%d", i))
	}
	return names
}

func TestJavaStrings(t *testing.T) {
	const private, emoji = "\ue000", "😀" // in UTF-8 the emoji is behind, in UTF-16 before
	if javaCompare("a", "b") >= 0 || javaCompare("b", "a") <= 0 || javaCompare("ä", "ä") != 0 || javaCompare(emoji, private) >= 0 {
		t.Error("strings are not compared as in Java")
	}
	for s, want := range map[string]int{"": 0, "abc": 3, "äö": 2, emoji: 2} {
		if got := javaLength(s); got != want {
			t.Errorf("length of %q: %d, want %d", s, got, want)
		}
	}
}

// The messages are those of Kafka's Topic.validate.
func TestInvalidTopic(t *testing.T) {
	long := strings.Repeat("x", 249)
	for name, want := range map[string]string{
		"orders.v1_2-x": "", long: "",
		"":         "Topic name is invalid: the empty string is not allowed",
		".":        "Topic name is invalid: '.' is not allowed",
		"..":       "Topic name is invalid: '..' is not allowed",
		"*":        "Topic name is invalid: '*' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
		"ä":        "Topic name is invalid: 'ä' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
		long + "x": "Topic name is invalid: the length of '" + long + "x' is longer than the max allowed length 249",
	} {
		if got := invalidTopic(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]bool{"__consumer_offsets": true, "__transaction_state": true, "__share_group_state": true,
		"__cluster_metadata": false, "_x": false} {
		if internalTopic(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
