package api

import "doorkeeper/access"

// What a trace says of a request, once it was decided, and of its answer, once that was read.

// failed notes an error of the broker's that stands beside no action.
func (x *Exchange) failed(code int16) {
	if x.failure == 0 {
		x.failure = code
	}
}

// Failure is the first error of the broker's that its answer holds for what was asked, as far as it has been read; 0: none.
func (x *Exchange) Failure() int16 {
	if x.failure != 0 {
		return x.failure
	}
	for i := range x.Actions {
		if a := &x.Actions[i]; a.Error != 0 && !a.Decision.Stops() {
			return a.Error
		}
	}
	return 0
}

// StoppedBy is the first decision by which something of the request may not pass; nil: there is none.
func (x *Exchange) StoppedBy() *access.Decision {
	for i := range x.Actions {
		if d := x.Actions[i].Decision; d.Stops() {
			return d
		}
	}
	return nil
}

// FirstTopic is the name of the first topic that the request names, "" without one. only: it names no other.
func (x *Exchange) FirstTopic() (name string, only bool) {
	for i := range x.Actions {
		a := &x.Actions[i]
		switch {
		case a.Type != access.ResTopic || a.Name == name:
		case name != "":
			return name, false
		default:
			name = a.Name
		}
	}
	return name, name != ""
}
