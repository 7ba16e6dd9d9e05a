package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"doorkeeper/access"
	"doorkeeper/app"
	"doorkeeper/config"
	"doorkeeper/policy/acl"
)

// openIfNone is the brokers' setting that opens what no ACL names.
const openIfNone = "allow.everyone.if.no.acl.found"

func (c *cli) policyFromACLs() *cobra.Command {
	var cluster, commandConfig, dir string
	var force bool
	var settings acl.Settings
	cmd := &cobra.Command{
		Use:   "from-acls",
		Short: "Write a policy with the meaning of a cluster's ACLs",
		Long: `Read the ACLs of a cluster and write a policy with the same meaning: acl.rego, and data.json with the
bindings. It is for clusters whose authorizer is Kafka's StandardAuthorizer, Strimzi's included.

Brokers do not show who their super users are (super.users): name them by --super-user, as brokers do.
Reading ACLs needs DESCRIBE on the cluster: give a login by --command-config.`,
		Example: "  doorkeeper policy from-acls --command-config admin.properties --dir policy\n" +
			"  doorkeeper policy from-acls --cluster erp --super-user User:admin --dir policy --force",
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&cluster, "cluster", "", "`NAME` of the cluster in the configuration (default: the only one)")
	f.StringVar(&commandConfig, "command-config", "", "Kafka client properties, a `FILE` with the SASL login")
	f.StringVar(&dir, "dir", "", "`DIRECTORY` to write to")
	f.StringSliceVar(&settings.SuperUsers, "super-user", nil, "a `PRINCIPAL` of the brokers' super.users; may be repeated")
	f.BoolVar(&settings.OpenIfNone, "allow-everyone-if-no-acl-found", false, "the brokers are configured so")
	f.BoolVar(&force, "force", false, "overwrite what is there")
	must(cmd.MarkFlagFilename("command-config", "properties"))
	must(cmd.MarkFlagDirname("dir"))
	must(cmd.MarkFlagRequired("dir"))
	c.configFlag(cmd)
	cmd.RunE = ran(func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Load(c.file())
		if err != nil {
			return err
		}
		from, err := pickCluster(cfg, cluster)
		if err != nil {
			return usageError(err)
		}
		bindings, hidden, err := readACLs(cmd.Context(), from, cfg, commandConfig)
		if err != nil {
			return fmt.Errorf("cluster %s: %w", from.Name, err)
		}
		if err := writeACLs(dir, bindings, settings, force); err != nil {
			return err
		}
		return c.tellACLs(dir, bindings, settings, hidden)
	})
	return cmd
}

func pickCluster(cfg *config.Config, name string) (*config.Cluster, error) {
	var names []string
	for i := range cfg.Clusters {
		if cl := &cfg.Clusters[i]; cl.Name == name || name == "" && len(cfg.Clusters) == 1 {
			return cl, nil
		}
		names = append(names, cfg.Clusters[i].Name)
	}
	return nil, fmt.Errorf("--cluster must be one of %s", strings.Join(names, ", "))
}

// readACLs asks one broker after the other until one answers. hidden are settings of the brokers that change what ACLs
// mean, and whose values they do not show.
func readACLs(ctx context.Context, cl *config.Cluster, cfg *config.Config, commandConfig string) (bindings []acl.Binding, hidden []string, err error) {
	p := probe{timeout: cfg.Timeouts.Dial}
	if p.tls, err = app.UpstreamTLS(cl.TLS); err != nil {
		return nil, nil, err
	}
	if p.login, err = readLogin(commandConfig); err != nil {
		return nil, nil, err
	}
	for _, p.address = range cl.Bootstrap {
		if bindings, hidden, err = p.acls(ctx); err == nil {
			return bindings, hidden, nil
		}
		err = fmt.Errorf("%s: %w", p.address, err)
	}
	return nil, nil, err
}

func (p *probe) acls(ctx context.Context) ([]acl.Binding, []string, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*p.timeout)
	defer cancel()
	client, err := kgo.NewClient(p.options()...)
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	broker := client.SeedBrokers()[0]
	q := kmsg.NewPtrDescribeACLsRequest()
	q.ResourceType, q.ResourcePatternType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny
	q.Operation, q.PermissionType = kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	answer, err := broker.Request(ctx, q)
	if err != nil {
		return nil, nil, p.explain(err)
	}
	r := answer.(*kmsg.DescribeACLsResponse)
	if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
		return nil, nil, fmt.Errorf("reading the ACLs: %w", err)
	}
	hidden, err := hiddenSettings(ctx, client)
	if err != nil && !errors.Is(err, context.Canceled) {
		hidden = []string{err.Error()} // the ACLs are read all the same, and whoever knows can say it by the flags
	}
	return bindingsOf(r), hidden, ctx.Err()
}

func bindingsOf(r *kmsg.DescribeACLsResponse) (bindings []acl.Binding) {
	for i := range r.Resources {
		on := &r.Resources[i]
		for j := range on.ACLs {
			a := &on.ACLs[j]
			bindings = append(bindings, acl.Binding{
				Type: access.ResourceType(on.ResourceType).String(), Name: on.ResourceName, Pattern: on.ResourcePatternType.String(),
				Principal: a.Principal, Host: a.Host, Operation: aclOperation(a.Operation), Permission: a.PermissionType.String(),
			})
		}
	}
	return bindings
}

// aclOperation names an operation as policies see it; ALL is of ACLs alone.
func aclOperation(o kmsg.ACLOperation) string {
	if o == kmsg.ACLOperationAll {
		return "ALL"
	}
	return access.Operation(o).String()
}

// hiddenSettings asks for what changes the meaning of ACLs. Brokers say that such a setting is there, and keep its value
// to themselves: they hold every setting that they do not know the type of for a secret.
func hiddenSettings(ctx context.Context, client *kgo.Client) (hidden []string, err error) {
	meta, err := client.Request(ctx, kmsg.NewPtrMetadataRequest())
	if err != nil || len(meta.(*kmsg.MetadataResponse).Brokers) == 0 {
		return nil, err
	}
	q := kmsg.NewPtrDescribeConfigsRequest()
	on := kmsg.NewDescribeConfigsRequestResource()
	on.ResourceType, on.ResourceName = kmsg.ConfigResourceTypeBroker, fmt.Sprint(meta.(*kmsg.MetadataResponse).Brokers[0].NodeID)
	q.Resources = append(q.Resources, on)
	answer, err := client.Request(ctx, q) // it goes to the broker that is asked about itself
	if err != nil {
		return nil, fmt.Errorf("asking a broker whether it has super users: %w", err)
	}
	for _, on := range answer.(*kmsg.DescribeConfigsResponse).Resources {
		for _, s := range on.Configs {
			if s.Name == "super.users" || s.Name == openIfNone {
				hidden = append(hidden, s.Name)
			}
		}
	}
	return hidden, nil
}

func writeACLs(dir string, bindings []acl.Binding, s acl.Settings, force bool) error {
	data, err := acl.Data(bindings, s)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files := map[string][]byte{"acl.rego": acl.Rules, "data.json": data}
	for name, text := range files {
		old, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && !bytes.Equal(old, text) && !force {
			return fmt.Errorf("%s is there and has other content: --force overwrites it", filepath.Join(dir, name))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (c *cli) tellACLs(dir string, bindings []acl.Binding, s acl.Settings, hidden []string) error {
	for _, name := range hidden {
		switch {
		case name == "super.users" && len(s.SuperUsers) > 0, name == openIfNone && s.OpenIfNone: // given by the flag
		case name == "super.users", name == openIfNone:
			fmt.Fprintf(c.err, "the brokers have %s set and do not show its value: look it up, and give it by its flag\n", name)
		default:
			fmt.Fprintf(c.err, "%s: look up super.users and %s of the brokers, and give them by their flags\n", safe(name), openIfNone)
		}
	}
	_, err := fmt.Fprintf(c.out, `%d ACLs and %d super users are written to %s. In the configuration:

policy: {mode: monitor, paths: [%s], input: opa-kafka, decision: data.kafka.authz.allow}

Watch what it would deny (doorkeeper tail), then say mode: enforce.
`, len(bindings), len(s.SuperUsers), dir, dir)
	return err
}
