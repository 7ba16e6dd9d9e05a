package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"doorkeeper/policy"
	"doorkeeper/policy/tool"
)

func (c *cli) policyEval() *cobra.Command {
	var paths []string
	var q tool.Question
	var at, output string
	cmd := &cobra.Command{
		Use:   "eval PRINCIPAL OPERATION RESOURCE",
		Short: "Ask a policy: may this principal do that, and why?",
		Long: `Ask a policy one question, without a proxy and without a cluster: may this principal do that, and which rule
says so, in which file and line? RESOURCE is a topic; another is written with its type: GROUP:billing,
TRANSACTIONAL_ID:shop-1, CLUSTER:.

Flags say what else the policy gets to see. What is not said is empty; the address is 127.0.0.1, the time now.

Exits with 1 if the answer is no.`,
		Example: "  doorkeeper policy eval User:erp READ purchasing\n  doorkeeper policy eval erp READ payroll --source 10.1.2.3 --at 2026-11-23T03:00:00Z --policy policy/\n  doorkeeper policy eval erp READ GROUP:erp-import -o json",
		Args:    cobra.ExactArgs(3),
	}
	source := c.policyFlags(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&paths, "policy", nil, "`PATH` of the policy; may be repeated (default: policy.paths of the configuration)")
	f.StringVar(&q.Source, "source", "", "the client's `ADDRESS`")
	f.StringVar(&q.ClientID, "client-id", "", "client.id")
	f.StringVar(&q.Software, "software", "", "client `NAME/VERSION`")
	f.StringVar(&q.Auth, "auth", "", "SASL `MECHANISM`, or TLS")
	f.StringVar(&q.TLSSubject, "tls-subject", "", "`SUBJECT` of the client's certificate")
	f.StringVar(&q.JA4, "ja4", "", "`FINGERPRINT` of the TLS handshake")
	f.StringSliceVar(&q.Groups, "token-group", nil, "`GROUP` of the OAuth token; may be repeated")
	f.StringSliceVar(&q.Scopes, "token-scope", nil, "`SCOPE` of the OAuth token; may be repeated")
	f.StringVar(&q.Cluster, "cluster", "", "`NAME` of the cluster")
	f.StringVar(&q.Listener, "listener", "", "`NAME` of the listener")
	f.StringVar(&q.API, "api", "", "Kafka's `NAME` of the request (default: one that asks for this)")
	f.Int16Var(&q.Version, "api-version", 0, "its `VERSION`")
	f.StringVar(&q.Group, "group", "", "consumer `GROUP` of the request")
	f.StringVar(&q.TransactionalID, "transactional-id", "", "transactional `ID` of the request")
	f.Int32Var(&q.ReplicaID, "replica-id", -1, "replica `ID` of the request: -1 is a consumer")
	f.StringVar(&at, "at", "", "`TIME` of the question: RFC 3339 (default: now)")
	f.StringVarP(&output, "output", "o", "table", "`FORM`: table or json")
	complete(cmd, "output", "table", "json")
	must(cmd.MarkFlagFilename("policy", "rego", "json", "yaml"))
	cmd.ValidArgsFunction = operationSecond
	cmd.RunE = ran(func(cmd *cobra.Command, args []string) error {
		form, err := format(output, c.out, "table", "table", "json")
		if err != nil {
			return err
		}
		q.Principal, q.Operation, q.Resource = args[0], args[1], args[2]
		request, action, err := q.Request()
		if err != nil {
			return usageError(err)
		}
		now := time.Now()
		if at != "" {
			if now, err = time.Parse(time.RFC3339, at); err != nil {
				return usageError(fmt.Errorf("--at %s: write a time as 2026-11-23T03:00:00Z", at))
			}
		}
		rules, err := source.rules(paths)
		if err != nil {
			return err
		}
		x, err := tool.Ask(cmd.Context(), rules, request, action, now)
		if err != nil {
			return err
		}
		return c.printAnswer(form, request.Identity.Principal, action.Operation.String(), action.Type.String()+" "+action.Name, x.Said())
	})
	return cmd
}

// operationSecond lets the shell offer operations as the second word.
func operationSecond(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return kafkaOperations, cobra.ShellCompDirectiveNoFileComp
}

var kafkaOperations = []string{
	"READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "CLUSTER_ACTION", "DESCRIBE_CONFIGS", "ALTER_CONFIGS",
	"IDEMPOTENT_WRITE", "CREATE_TOKENS", "DESCRIBE_TOKENS", "TWO_PHASE_COMMIT",
}

// printAnswer says what a policy said. A denial is the answer no; a decision that could not be made is a failure.
func (c *cli) printAnswer(form, principal, operation, resource string, s *policy.Said) error {
	if form == "json" {
		if err := c.printJSON(map[string]any{"principal": principal, "operation": operation, "resource": resource, "answer": s}); err != nil {
			return err
		}
	} else if err := c.printSaid(fmt.Sprintf("%s %s %s %s", principal, verb(s), operation, resource), s); err != nil {
		return err
	}
	switch s.Decision {
	case "allow":
		return nil
	case "refuse":
		return &coded{exitFailure, fmt.Errorf("the policy gives no answer: %s", s.Reason)}
	}
	return no
}

func verb(s *policy.Said) string {
	switch {
	case s.Decision == "allow":
		return "may"
	case s.Decision == "refuse":
		return "gets no answer to"
	case !s.Enforced:
		return "may still, though a rule on trial denies it,"
	}
	return "may not"
}

// printSaid is an answer for people.
func (c *cli) printSaid(headline string, s *policy.Said) error {
	p := painter(c.out)
	color := 0
	if s.Decision != "allow" {
		color = red
	}
	if _, err := fmt.Fprintln(c.out, p.in(color, cell(headline))); err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, row := range saidRows(s) {
		if row[1] != "" {
			fmt.Fprintf(w, "  %s\t%s\n", row[0], cell(row[1]))
		}
	}
	return w.Flush()
}

func saidRows(s *policy.Said) [][2]string {
	rows := [][2]string{{"rule", s.Rule}, {"reason", s.Reason}, {"decided at", s.Location}, {"implied by", s.Implied}}
	for _, b := range s.Because {
		if b.Location != s.Location {
			rows = append(rows, [2]string{"because", b.Rule + " at " + b.Location})
		}
	}
	if l := s.Limits; l != nil {
		if text, err := json.Marshal(l); err == nil && len(text) > len("{}") {
			rows = append(rows, [2]string{"limits", string(text)})
		}
	}
	if s.NotAfter != nil {
		rows = append(rows, [2]string{"until", s.NotAfter.Format(time.RFC3339)})
	}
	return append(rows, [2]string{"recorded", s.Record}, [2]string{"policy", strings.TrimSpace(s.Policy)})
}
