// Command doorkeeper is a Kafka-protocol proxy with inline monitoring and egress control, and the tools around it.
//
// One file per subcommand; each only reads its flags and calls the package that does the work.
package main

import (
	"os"
	_ "time/tzdata" // policies know office hours in time zones, and images from scratch have none
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
