// Package acl makes a policy of a cluster's own ACLs, with the same meaning as Kafka's StandardAuthorizer gives them
// (org.apache.kafka.metadata.authorizer.StandardAuthorizerData, Kafka 4.3).
//
// It knows ACL bindings and writes Rego and data. It does not know clusters or how a policy is evaluated.
package acl
