// Decide says what a decision costs that has been made before: nanoseconds of one session's question, with the look at the
// epoch that stands before it. The bench runs it beside what it measures, with the policy that its doorkeeper has.
//
//	decide POLICY/ PRINCIPAL OPERATION TOPIC
//
// It knows the policy and no other part of doorkeeper.
package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"doorkeeper/access"
	"doorkeeper/policy"
)

func main() {
	ns, err := decide(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "decide:", err)
		os.Exit(1)
	}
	fmt.Printf("%.2f\n", ns)
}

func decide(args []string) (ns float64, err error) {
	if len(args) != 4 {
		return 0, errors.New("want POLICY PRINCIPAL OPERATION TOPIC")
	}
	rules, err := policy.ReadPaths(args[:1])
	if err != nil {
		return 0, err
	}
	principal, topic := args[1], args[3]
	op, err := access.ParseOperation(args[2])
	if err != nil {
		return 0, err
	}
	engine, err := policy.New(policy.Options{Rules: rules, Deadline: time.Second})
	if err != nil {
		return 0, err
	}
	s := &access.Session{
		Cluster: "bench", Listener: "bench", SourceFrom: "tcp",
		Source: netip.MustParseAddrPort("127.0.0.1:50000"), Peer: netip.MustParseAddrPort("127.0.0.1:50000"),
	}
	r := &access.Request{
		Session: s, Identity: &access.Identity{Principal: principal}, Client: &access.Client{ID: "doorkeeper-bench"}, API: 1, Version: 16, ReplicaID: -1,
	}
	a := &access.Action{Operation: op, Type: access.ResTopic, Name: topic}
	session := engine.Session(s)
	if d := session.Decide(r, a); d.Verdict != access.Allow {
		return 0, fmt.Errorf("%s may not %s %s: %s %s", principal, op, topic, d.Rule, d.Reason)
	}
	return timed(func() {
		session.Epoch(r.Identity)
		session.Decide(r, a)
	}), nil
}

// timed is what f takes: the median of some hundred runs of a thousand, so that what the machine does besides counts little.
func timed(f func()) float64 {
	const runs, each = 301, 1000
	var took [runs]float64
	for i := range took {
		began := time.Now()
		for range each {
			f()
		}
		took[i] = float64(time.Since(began).Nanoseconds()) / each
	}
	slices.Sort(took[:])
	return took[runs/2]
}
