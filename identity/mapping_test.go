package identity

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each line of the golden holds rules, a name, and what Kafka 4.3.1's SslPrincipalMapper makes of them on Java 25: "=" and the
// result, or "!" and what went wrong: the rules (parse), no rule (nomatch), the replacement, once a name came (apply).
func TestMappingAsKafka(t *testing.T) {
	golden, err := os.ReadFile("testdata/mapping.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(golden)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		got := mapped(f[0], f[1])
		// What Kafka notices when a name matches we notice when the rules are read, so also with the others.
		if got == "!parse" && strings.Contains(string(golden), f[0]+"\t") && appliesNever(string(golden), f[0]) {
			continue
		}
		if got != f[2] {
			t.Errorf("rules %q, name %q: got %q, Kafka %q", f[0], f[1], got, f[2])
		}
	}
}

// appliesNever says that Kafka failed with some name at these rules.
func appliesNever(golden, rules string) bool {
	for line := range strings.Lines(golden) {
		if strings.HasPrefix(line, rules+"\t") && strings.HasSuffix(line, "\t!apply\n") {
			return true
		}
	}
	return false
}

func mapped(rules, dn string) string {
	m, err := ParseMapping([]string{rules})
	if err != nil {
		return "!parse"
	}
	name, err := m.Name(dn)
	if err != nil {
		return "!nomatch"
	}
	return "=" + name
}

// The cases of Kafka's SslPrincipalMapperTest.
func TestMappingRules(t *testing.T) {
	for _, rules := range []string{
		`DEFAULT`,
		`RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/`,
		`RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L, DEFAULT`,
		`RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/`,
		`RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/L`,
		`RULE:^cn=(.?),ou=(.?),dc=(.?),dc=(.?)$/$1@$2/U`,
		`RULE:^CN=([^,ADEFLTU,]+)(,.*|$)/$1/`,
		`RULE:^CN=([^,DEFAULT,]+)(,.*|$)/$1/`,
	} {
		if _, err := ParseMapping([]string{rules}); err != nil {
			t.Errorf("%s: %v", rules, err)
		}
	}
	for _, rules := range []string{
		`default`, `DEFAUL`, `DEFAULT/L`, `DEFAULT/U`,
		`RULE:CN=(.*?),OU=ServiceUsers.*/$1`,
		`rule:^CN=(.*?),OU=ServiceUsers.*$/$1/`,
		`RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L/U`,
		`RULE:^CN=(.*?),OU=ServiceUsers.*$/L`,
		`RULE:^CN=(.*?),OU=ServiceUsers.*$/U`,
		`RULE:^CN=(.*?),OU=ServiceUsers.*$/LU`,
	} {
		if _, err := ParseMapping([]string{rules}); err == nil {
			t.Errorf("%s: no error", rules)
		}
	}
}

func TestMappingSplitting(t *testing.T) {
	tests := []struct{ rules, want string }{
		{``, ``},
		{`DEFAULT`, `DEFAULT`},
		{`RULE://`, `RULE:/`},
		{`RULE:/.*/`, `RULE:/.*`},
		{`RULE:/.*/L`, `RULE:/.*/L`},
		{`RULE://,DEFAULT`, `RULE:/, DEFAULT`},
		{`  RULE:// ,  DEFAULT  `, `RULE:/, DEFAULT`},
		{`  RULE:   /     / ,  DEFAULT  `, `RULE:   /     , DEFAULT`},
		{`  RULE:  /     /U   ,DEFAULT  `, `RULE:  /     /U, DEFAULT`},
		{`  RULE:([A-Z]*)/$1/U   ,RULE:([a-z]+)/$1/,   DEFAULT  `, `RULE:([A-Z]*)/$1/U, RULE:([a-z]+)/$1, DEFAULT`},
		{`,   , , ,      , , ,   `, ``},
		{`,,RULE://,,,DEFAULT,,`, `RULE:/, DEFAULT`},
		{`,  , RULE: /   /    ,,,   DEFAULT, ,   `, `RULE: /   , DEFAULT`},
		{`     ,  , RULE:   /  /U    ,,  ,DEFAULT, ,`, `RULE:   /  /U, DEFAULT`},
		{`RULE:\/\\\(\)\n\t/\/\/\//,DEFAULT`, `RULE:\/\\\(\)\n\t/\/\/\/, DEFAULT`},
		{`RULE:,RULE:,/,RULE:,\//U,RULE:,/RULE:,/,RULE:,RULE:,/L,RULE:,/L,RULE:, DEFAULT, /DEFAULT/,DEFAULT`,
			`RULE:,RULE:,/,RULE:,\//U, RULE:,/RULE:,, RULE:,RULE:,/L,RULE:,/L, RULE:, DEFAULT, /DEFAULT, DEFAULT`},
	}
	for _, test := range tests {
		m, err := ParseMapping([]string{test.rules})
		if err != nil {
			t.Errorf("%q: %v", test.rules, err)
			continue
		}
		if diff := cmp.Diff(test.want, printed(m)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.rules, diff)
		}
	}
}

// printed is Kafka's toString of a mapper. The backslashes of a replacement are those of its literal slashes here.
func printed(m *Mapping) string {
	var all []string
	for _, r := range m.rules {
		if r.pattern == nil {
			all = append(all, "DEFAULT")
			continue
		}
		s := "RULE:" + r.pattern.find.String() + "/"
		for _, p := range r.replacement {
			switch {
			case p.group >= 0:
				s += "$" + string(rune('0'+p.group))
			case p.literal == "/":
				s += `\/`
			default:
				s += p.literal
			}
		}
		if r.lower {
			s += "/L"
		}
		if r.upper {
			s += "/U"
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func TestMappingRefusesWhatRE2HasNot(t *testing.T) {
	tests := map[string]string{
		`RULE:^CN=(?=a)(.*)$/$1/`:      "lookahead",
		`RULE:^CN=(?!a)(.*)$/$1/`:      "lookahead",
		`RULE:(?<=CN=)(.*)/$1/`:        "lookbehind",
		`RULE:(?<!CN=)(.*)/$1/`:        "lookbehind",
		`RULE:(?>a)(.*)/$1/`:           "atomic",
		`RULE:^CN=(.)\1.*/$1/`:         "backreference",
		`RULE:^CN=(.)\12.*/$1/`:        "backreference",
		`RULE:^CN=(?<n>.)\k<n>/$1/`:    "backreference",
		`RULE:^CN=([^,]*+).*$/$1/`:     "possessive",
		`RULE:^CN=([^,]{1,2}+).*$/$1/`: "possessive",
		`RULE:[a-z&&[^b]]*/x/`:         "class inside a class",
		`RULE:[a[b]]*/x/`:              "class inside a class",
		`RULE:(?x)a b/x/`:              "flag",
		`RULE:(?U)a*/x/`:               "flag",
		`RULE:(?u)a*/x/`:               "flag",
		`RULE:(?i)ä.*/x/`:              "beyond ASCII",
		`RULE:\h*/x/`:                  `\h`,
		`RULE:a{1001}/x/`:              "in common",
		`RULE:^CN=(.*)$/$2$x/`:         `followed by no group`,
		`RULE:^CN=(.*)$/${x}/`:         `no group`,
		`RULE:^CN=.*$/$1/`:             `no group 1`,
		`RULE:^CN=([^,]*)*.*$/$1/`:     "what it captures",
		`RULE:(?:,|(a)?)+/$1/`:         "what it captures",
		`RULE:(?:(a|)b*){1,2}/$1/`:     "what it captures",
		`RULE:[]a]/x/`:                 `first character`,
	}
	for rules, want := range tests {
		_, err := ParseMapping([]string{rules})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", rules, err, want)
		}
	}
}

func TestMappingRefusesNames(t *testing.T) {
	m, err := ParseMapping([]string{`RULE:(?i)^cn=([^,]*).*$/$1/`, "DEFAULT"})
	if err != nil {
		t.Fatal(err)
	}
	for _, dn := range []string{"CN=a\nb", "CN=a\u2028", "CN=\u212A", "CN=\u017F", strings.Repeat("x", maxDN+1)} {
		if name, err := m.Name(dn); err == nil {
			t.Errorf("%q: mapped to %q", dn, name)
		}
	}
	if none, err := ParseMapping(nil); err != nil {
		t.Error(err)
	} else if name, err := none.Name("CN=a"); name != "CN=a" || err != nil {
		t.Errorf("no rules: %q, %v", name, err)
	}
}

func FuzzMapping(f *testing.F) {
	f.Add(`RULE:^CN=(.*?),OU=(.*?)$/$1@$2/L, DEFAULT`, "CN=a,OU=b")
	f.Add(`RULE:.*/x/`, "CN=a,OU=b")
	f.Add(`RULE:\p{Lower}*(?i:x)[^\s\]]/\$$1/U`, "ß")
	f.Fuzz(func(t *testing.T, rules, dn string) {
		if m, err := ParseMapping([]string{rules}); err == nil {
			m.Name(dn)
		}
	})
}
