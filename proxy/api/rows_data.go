package api

// dataRows are the APIs that carry records. Their bodies are read by scanners of our own and never held whole.
var dataRows = []*API{
	produceRow,
	fetchRow,
	shareFetchRow,
	shareAcknowledgeRow,
}
