package main

import "github.com/spf13/cobra"

func (c *cli) policyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "policy", Short: "Work with policies"}
	cmd.AddCommand(c.policyFromACLs())
	return cmd
}
