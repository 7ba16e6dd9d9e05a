// Package siemtest stands in for Splunk's event collector, Elasticsearch's bulk API and a webhook's receiver, for tests.
//
// They are contract, not product: what their makers document, written down from their documentation, with every way in
// which a far side may fail and that a sink must survive. None of them shows that Splunk or Elasticsearch does the same.
package siemtest
