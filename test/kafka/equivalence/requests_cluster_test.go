package equivalence

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The requests about the cluster, its ACLs, users, tokens, quotas and clients: keys 17, 18, 29 to 31, 36, 38 to 41,
// 48 to 51, 55, 57, 60, 64, 71, 72, 80, 81.

func handshakes(*gen) []script {
	return []script{ask("when logged in", func() kmsg.Request {
		q := kmsg.NewPtrSASLHandshakeRequest()
		q.Mechanism = "PLAIN"
		return q
	})}
}

func authenticates(*gen) []script {
	return []script{ask("when logged in", func() kmsg.Request {
		q := kmsg.NewPtrSASLAuthenticateRequest()
		q.SASLAuthBytes = []byte("\x00none\x00none-pw")
		return q
	})}
}

func asksVersions(*gen) []script {
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrApiVersionsRequest()
		q.ClientSoftwareName, q.ClientSoftwareVersion = "equivalence", "1"
		return q
	})}
}

func describesACLs(*gen) []script {
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrDescribeACLsRequest()
		q.ResourceType, q.ResourcePatternType, q.Operation, q.PermissionType = 2, 3, 1, 1
		q.ResourceName = kmsg.StringPtr("open-denied")
		return q
	})}
}

func createsACLs(*gen) []script {
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrCreateACLsRequest()
		for _, name := range []string{"acl-a", "acl-b"} {
			c := kmsg.NewCreateACLsRequestCreation()
			c.ResourceType, c.ResourceName, c.ResourcePatternType, c.Principal = 2, name, 3, "User:nobody"
			c.Host, c.Operation, c.PermissionType = "*", 3, 3
			q.Creations = append(q.Creations, c)
		}
		return q
	})}
}

func deletesACLs(*gen) []script {
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrDeleteACLsRequest()
		for _, name := range []string{"acl-a", "acl-b"} {
			f := kmsg.NewDeleteACLsRequestFilter()
			f.ResourceType, f.ResourceName, f.ResourcePatternType, f.Operation, f.PermissionType = 2, &name, 3, 1, 1
			q.Filters = append(q.Filters, f)
		}
		return q
	})}
}

func createToken(owner string) *kmsg.CreateDelegationTokenRequest {
	q := kmsg.NewPtrCreateDelegationTokenRequest()
	q.MaxLifetimeMillis = 3_600_000
	if owner != "" {
		q.OwnerPrincipalType, q.OwnerPrincipalName = kmsg.StringPtr("User"), &owner
	}
	r := kmsg.NewCreateDelegationTokenRequestRenewer()
	r.PrincipalType, r.PrincipalName = "User", "describer"
	q.Renewers = append(q.Renewers, r)
	return q
}

func createsTokens(g *gen) []script {
	all := []script{ask("of one's own", func() kmsg.Request { return createToken("") })}
	if g.version >= 3 {
		all = append(all, ask("of another", func() kmsg.Request { return createToken("some") }))
	}
	return all
}

// withToken makes a token and goes on with its HMAC, which the controller knows a moment later.
func withToken(f func(hmac []byte) kmsg.Request) []script {
	const notFound = 62
	own := then("of one's own", func([]kmsg.Response) kmsg.Request {
		q := createToken("")
		q.SetVersion(3)
		return q
	}, func(past []kmsg.Response) kmsg.Request {
		return f(last[kmsg.CreateDelegationTokenResponse](past).HMAC)
	})
	own.soon = []int16{notFound}
	return []script{own, ask("unknown", func() kmsg.Request { return f([]byte("no such token")) })}
}

func renewsTokens(*gen) []script {
	return withToken(func(hmac []byte) kmsg.Request {
		q := kmsg.NewPtrRenewDelegationTokenRequest()
		q.HMAC, q.RenewTimeMillis = hmac, 1_800_000
		return q
	})
}

func expiresTokens(*gen) []script {
	return withToken(func(hmac []byte) kmsg.Request {
		q := kmsg.NewPtrExpireDelegationTokenRequest()
		q.HMAC, q.ExpiryPeriodMillis = hmac, -1
		return q
	})
}

func describesTokens(*gen) []script {
	make := func(owners ...string) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrDescribeDelegationTokenRequest()
			for _, owner := range owners {
				o := kmsg.NewDescribeDelegationTokenRequestOwner()
				o.PrincipalType, o.PrincipalName = "User", owner
				q.Owners = append(q.Owners, o)
			}
			return q
		}
	}
	return []script{ask("all", make()), ask("of two owners", make("some", "all"))}
}

func describesQuotas(*gen) []script {
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrDescribeClientQuotasRequest()
		c := kmsg.NewDescribeClientQuotasRequestComponent()
		c.EntityType, c.MatchType, c.Match = "client-id", 0, kmsg.StringPtr("quota")
		q.Components = append(q.Components, c)
		return q
	})}
}

func altersQuotas(*gen) []script {
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrAlterClientQuotasRequest()
		for _, name := range []string{"quota", "quota-two"} {
			e := kmsg.NewAlterClientQuotasRequestEntry()
			entity := kmsg.NewAlterClientQuotasRequestEntryEntity()
			entity.Type, entity.Name = "client-id", &name
			op := kmsg.NewAlterClientQuotasRequestEntryOp()
			op.Key, op.Value = "producer_byte_rate", 1e9
			e.Entity, e.Ops = append(e.Entity, entity), append(e.Ops, op)
			q.Entries = append(q.Entries, e)
		}
		return q
	})}
}

func describesSCRAM(*gen) []script {
	// To who may not ask, a broker gives no answer: making one fails for want of the list.
	all := ask("all", func() kmsg.Request { return kmsg.NewPtrDescribeUserSCRAMCredentialsRequest() })
	all.patience = 2 * time.Second
	return []script{
		all,
		ask("of two users", func() kmsg.Request {
			q := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
			for _, name := range []string{"alice", "nobody"} {
				u := kmsg.NewDescribeUserSCRAMCredentialsRequestUser()
				u.Name = name
				q.Users = append(q.Users, u)
			}
			return q
		}),
	}
}

func altersSCRAM(*gen) []script {
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
		d := kmsg.NewAlterUserSCRAMCredentialsRequestDeletion()
		d.Name, d.Mechanism = "nobody", 1
		u := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
		u.Name, u.Mechanism, u.Iterations, u.Salt, u.SaltedPassword = "somebody", 1, 4096, []byte("salt"), make([]byte, 32)
		q.Deletions, q.Upsertions = append(q.Deletions, d), append(q.Upsertions, u)
		return q
	})}
}

func describesQuorum(*gen) []script {
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrDescribeQuorumRequest()
		topics(&q.Topics, []string{"__cluster_metadata"}, 0)
		return q
	})}
}

func updatesFeatures(*gen) []script {
	return []script{ask("validate", func() kmsg.Request {
		q := kmsg.NewPtrUpdateFeaturesRequest()
		q.TimeoutMillis, q.ValidateOnly = 5_000, true
		f := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		f.Feature, f.MaxVersionLevel, f.UpgradeType = "no.such.feature", 1, 1
		q.FeatureUpdates = append(q.FeatureUpdates, f)
		return q
	})}
}

func describesCluster(g *gen) []script {
	make := func(endpoints int8) func() kmsg.Request {
		return func() kmsg.Request {
			q := kmsg.NewPtrDescribeClusterRequest()
			q.IncludeClusterAuthorizedOperations, q.EndpointType = true, endpoints
			return q
		}
	}
	all := []script{ask("brokers", make(1))}
	if g.version >= 1 {
		all = append(all, ask("controllers", make(2)))
	}
	return all
}

func unregistersBrokers(*gen) []script {
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrUnregisterBrokerRequest()
		q.BrokerID = 77
		return q
	})}
}

func getsSubscriptions(*gen) []script {
	return []script{ask("plain", func() kmsg.Request { return kmsg.NewPtrGetTelemetrySubscriptionsRequest() })}
}

func pushesTelemetry(*gen) []script {
	return []script{then("plain", func([]kmsg.Response) kmsg.Request {
		return kmsg.NewPtrGetTelemetrySubscriptionsRequest()
	}, func(past []kmsg.Response) kmsg.Request {
		got := last[kmsg.GetTelemetrySubscriptionsResponse](past)
		q := kmsg.NewPtrPushTelemetryRequest()
		q.ClientInstanceID, q.SubscriptionID = got.ClientInstanceID, got.SubscriptionID
		return q
	})}
}

func addsVoters(*gen) []script {
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrAddRaftVoterRequest()
		q.TimeoutMillis, q.VoterID, q.VoterDirectoryID = 5_000, 9, madeID("voter")
		l := kmsg.NewAddRaftVoterRequestListener()
		l.Name, l.Host, l.Port = "CONTROLLER", "127.0.0.1", 9
		q.Listeners = append(q.Listeners, l)
		return q
	})}
}

func removesVoters(*gen) []script {
	return []script{ask("plain", func() kmsg.Request {
		q := kmsg.NewPtrRemoveRaftVoterRequest()
		q.VoterID, q.VoterDirectoryID = 9, madeID("voter")
		return q
	})}
}
