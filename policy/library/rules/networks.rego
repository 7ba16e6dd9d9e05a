# Networks per principal.
#
# A stolen credential is used from somewhere else. A principal that settings.networks lists acts from its networks
# alone; "*" is for all principals that are not listed. Without either, this rule says nothing.
package doorkeeper

deny contains {"rule": "networks", "reason": reason} if {
	networks := networks_of(principal)
	not inside(networks)
	reason := sprintf("%s does not come from %s", [principal, input.client.address])
}

networks_of(who) := data.settings.networks[who]

networks_of(who) := data.settings.networks["*"] if not data.settings.networks[who]

inside(networks) if {
	some network in networks
	net.cidr_contains(network, input.client.address)
}
