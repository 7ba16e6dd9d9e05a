// Package tool is what people do with policies before they run: test, check, format and ask them. It stands on the same
// loader, the same language and the same schema as the engine, so that what it accepts runs, and what it answers holds.
//
// It may know package policy and OPA. It may not know a running proxy.
package tool
