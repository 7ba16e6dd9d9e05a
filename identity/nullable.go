package identity

import (
	"errors"
	"regexp/syntax"
	"slices"
)

// errEmptyRound: Java goes round once more with nothing and then the group is empty, RE2 keeps what it matched before.
// The principals would differ, silently.
var errEmptyRound = errors.New("a group in a repetition of what can match nothing, such as (a*)*: Java and RE2 disagree about what it captures")

// checkRepetitions refuses patterns in which a group is captured inside of a repetition whose body may be empty.
func checkRepetitions(pattern string) error {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return err
	}
	if emptyRound(re) {
		return errEmptyRound
	}
	return nil
}

func emptyRound(re *syntax.Regexp) bool {
	repeats := re.Op == syntax.OpStar || re.Op == syntax.OpPlus || re.Op == syntax.OpRepeat && re.Max != 1
	if repeats && nullable(re.Sub[0]) && re.Sub[0].MaxCap() > 0 {
		return true
	}
	return slices.ContainsFunc(re.Sub, emptyRound)
}

// nullable says whether an expression can match the empty string.
func nullable(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpNoMatch, syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return false
	case syntax.OpLiteral:
		return len(re.Rune) == 0
	case syntax.OpCapture, syntax.OpPlus:
		return nullable(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min == 0 || nullable(re.Sub[0])
	case syntax.OpConcat:
		return !slices.ContainsFunc(re.Sub, func(s *syntax.Regexp) bool { return !nullable(s) })
	case syntax.OpAlternate:
		return slices.ContainsFunc(re.Sub, nullable)
	}
	return true // stars, question marks, and what looks at a place without taking a character
}
