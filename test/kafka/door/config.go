package door

import (
	"fmt"
	"strings"

	"doorkeeper/test/kafka/brokers"
)

// config is doorkeeper.yaml. Each front is a cluster of its own: a cluster is reached by one kind of upstream
// connection.
func (d *Door) config(o Options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "proxy_id: test\nstate_dir: state\nwatch: false\n")
	fmt.Fprintf(&b, "admin: {address: %q}\n", d.admin)
	fmt.Fprintf(&b, "records: {flow_interval: 1s, summary_interval: 2s}\n")
	b.WriteString(o.Extra)
	b.WriteString("clusters:\n")
	certificates := d.cluster.Certificates
	for _, f := range d.fronts {
		var bootstrap []string
		for _, id := range d.cluster.IDs() {
			bootstrap = append(bootstrap, fmt.Sprintf("%q", d.cluster.Address(id, f.Upstream)))
		}
		fmt.Fprintf(&b, "  - name: %s\n    bootstrap: [%s]\n", f.Name, strings.Join(bootstrap, ", "))
		if strings.HasSuffix(f.Upstream.Security, "SSL") {
			fmt.Fprintf(&b, "    tls: {ca_file: %q, cert_file: %q, key_file: %q}\n",
				certificates.Path("ca.pem"), certificates.Path("doorkeeper.pem"), certificates.Path("doorkeeper.key"))
		}
		fmt.Fprintf(&b, "    listeners:\n      - name: %s\n        address: %q\n        advertised_host: %q\n        first_port: %d\n",
			f.Name, fmt.Sprintf("%s:%d", brokers.Loopback, f.port), brokers.Tapped, f.firstPort())
		if f.TLS {
			fmt.Fprintf(&b, "        tls: {cert_file: %q, key_file: %q, client_ca_file: %q, client_auth: request}\n",
				certificates.Path("broker.pem"), certificates.Path("broker.key"), certificates.Path("ca.pem"))
			b.WriteString("        principal_mapping: [\"RULE:^CN=([^,]+).*$/$1/\", DEFAULT]\n")
		}
	}
	return b.String()
}
