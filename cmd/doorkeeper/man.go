package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Man pages are made from the commands, as their --help is. (cobra's own generator goes through Markdown, with a module
// more for it.)

// visible lists a command and all below it that are not hidden.
func visible(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			all = append(all, visible(sub)...)
		}
	}
	return all
}

func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage is the page in roff's man macros. It has no date: the same commands give the same page.
func manPage(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" doorkeeper\n", roff(strings.ToUpper(manName(cmd))))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(manName(cmd)), roff(cmd.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(cmd.UseLine()))
	text := cmd.Long
	if text == "" {
		text = cmd.Short
	}
	b.WriteString(".SH DESCRIPTION\n")
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		b.WriteString(roff(paragraph) + "\n")
	}
	if cmd.HasAvailableFlags() {
		b.WriteString(".SH OPTIONS\n")
		cmd.Flags().VisitAll(func(f *pflag.Flag) { manFlag(&b, f) })
	}
	if cmd.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(cmd.Example))
	}
	manOthers(&b, cmd)
	return b.String()
}

func manFlag(b *strings.Builder, f *pflag.Flag) {
	if f.Hidden {
		return
	}
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	value, usage := pflag.UnquoteUsage(f)
	fmt.Fprintf(b, ".TP\n\\fB%s\\fR", roff(name))
	if value != "" {
		fmt.Fprintf(b, " \\fI%s\\fR", roff(value))
	}
	fmt.Fprintf(b, "\n%s\n", roff(usage))
}

// manOthers ends the root's page with what is the same for all commands, and every page with the others.
func manOthers(b *strings.Builder, cmd *cobra.Command) {
	if !cmd.HasParent() {
		b.WriteString(".SH EXIT STATUS\n" +
			".TP\n0\nok\n.TP\n1\nthe check found something, or the answer is no\n.TP\n2\nwrong usage\n.TP\n3\nfailure\n" +
			".SH ENVIRONMENT\n.TP\nDOORKEEPER_CONFIG\nthe configuration file, where \\-c is not given\n" +
			".TP\nNO_COLOR\nset to anything: no colours\n")
	}
	b.WriteString(".SH SEE ALSO\n")
	var names []string
	for _, other := range visible(cmd.Root()) {
		if other != cmd && (other.Parent() == cmd || other == cmd.Parent()) {
			names = append(names, `\fB`+roff(manName(other))+`\fR(1)`)
		}
	}
	b.WriteString(strings.Join(names, ",\n") + "\n")
}

// roff escapes what troff would read as its own.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
