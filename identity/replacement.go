package identity

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// A part of a replacement is a literal or, if group >= 0, what a group matched.
type part struct {
	literal string
	group   int
}

// parseReplacement reads what Java's Matcher.appendReplacement would: $n and ${name} are groups, a backslash makes the
// next character literal. Before that Kafka makes references to groups that are not there literal.
func parseReplacement(s string, re *regexp.Regexp) ([]part, error) {
	s, err := escapeMissing(s, re.NumSubexp())
	if err != nil {
		return nil, err
	}
	var parts []part
	for i := 0; i < len(s); {
		switch s[i] {
		case '\\':
			if i+1 == len(s) {
				return nil, fmt.Errorf("a backslash at the end of %q", s)
			}
			parts = append(parts, part{literal: s[i+1 : i+2], group: -1})
			i += 2
		case '$':
			group, end, err := reference(s, i+1, re)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part{group: group})
			i = end
		default:
			parts = append(parts, part{literal: s[i : i+1], group: -1})
			i++
		}
	}
	return parts, nil
}

// reference reads what stands behind a "$" at s[at:]. Of a number it takes as many digits as make the number of a group
// that is there.
func reference(s string, at int, re *regexp.Regexp) (group, end int, err error) {
	if at < len(s) && s[at] == '{' {
		name, _, closed := strings.Cut(s[at+1:], "}")
		if group = re.SubexpIndex(name); !closed || group < 0 {
			return 0, 0, fmt.Errorf("no group of the name in %q", s[at-1:])
		}
		return group, at + len(name) + 2, nil
	}
	if at == len(s) || !digit(s[at]) {
		return 0, 0, fmt.Errorf(`a "$" in %q that is followed by no group: \$ is the character itself`, s)
	}
	group, end = int(s[at]-'0'), at+1
	if group > re.NumSubexp() {
		return 0, 0, fmt.Errorf("no group %d in the pattern", group)
	}
	for end < len(s) && digit(s[end]) {
		more := group*10 + int(s[end]-'0')
		if more > re.NumSubexp() {
			break
		}
		group, end = more, end+1
	}
	return group, end, nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

var backReference = regexp.MustCompile(`\$([0-9]+)`)

// escapeMissing puts a backslash before each reference to a group that is not there, as Kafka does (without groups it
// changes nothing). Its positions are those of the original string also after the first insertion: with several such
// references the later backslashes stand too far left. That is Kafka's behaviour, and so it is ours.
func escapeMissing(s string, groups int) (string, error) {
	if groups == 0 {
		return s, nil
	}
	value := s
	for _, at := range backReference.FindAllStringSubmatchIndex(s, -1) {
		number := s[at[2]:at[3]]
		if number[0] == '0' {
			continue
		}
		index, err := strconv.Atoi(number)
		if err != nil || index > math.MaxInt32 {
			return "", fmt.Errorf("a group number of %s", number)
		}
		for index > groups && index >= 10 {
			index /= 10
		}
		if index > groups {
			value = value[:at[0]] + `\` + value[at[0]:]
		}
	}
	return value, nil
}
