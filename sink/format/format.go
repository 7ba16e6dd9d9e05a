package format

import "doorkeeper/access"

// A Format appends records in one form. It has no state: any number of goroutines may use it.
type Format interface {
	// Name is the word of the configuration.
	Name() string
	// JSON says whether a record is a JSON object; else it is a line of text.
	JSON() bool
	// Append appends the record to dst, on one line, without a newline at its end. The record is only read.
	Append(dst []byte, r *access.Record) []byte
}

// Names are the formats that Lookup knows.
var Names = []string{"native", "ocsf", "ecs", "cef"}

// Lookup finds a format by its name. Version is doorkeeper's own, which the records name as their maker's.
func Lookup(name, version string) (Format, bool) {
	switch name {
	case "native":
		return native{}, true
	case "ocsf":
		return newOCSF(version), true
	case "ecs":
		return newECS(version), true
	case "cef":
		return newCEF(version), true
	}
	return nil, false
}

type native struct{}

func (native) Name() string                               { return "native" }
func (native) JSON() bool                                 { return true }
func (native) Append(dst []byte, r *access.Record) []byte { return access.AppendJSON(dst, r) }
