package protocol

import "strconv"

// A Reason says in which way bytes are not what the protocol asks for.
type Reason uint8

// The reasons of Error. They are for counting and for tests; the connection is closed on every one of them.
const (
	Short      Reason = iota + 1 // the frame ends inside a field, or a length or count asks for more than is left
	Varint                       // a varint of more than 32 bits
	Null                         // null where the protocol knows no null
	Trailing                     // bytes behind the end of the message
	BadTag                       // a known tagged field twice, in a version without it, or of another size than declared
	BadString                    // a compact string above the 32767 bytes that Kafka reads
	BadMagic                     // a record batch of a format later than 2
	BadBatch                     // a record batch header that contradicts itself
	TooLarge                     // an element above MaxElement
	BadVersion                   // a version that is not known here
	Misuse                       // a call that the scanner's contract forbids
)

var reasonTexts = [...]string{
	Short: "the frame ends here", Varint: "not a 32-bit varint", Null: "null is not allowed", Trailing: "trailing bytes",
	BadTag: "bad tagged field", BadString: "string above 32767 bytes", BadMagic: "unknown record format",
	BadBatch: "contradictory batch header", TooLarge: "element above 64 KiB", BadVersion: "unknown version",
	Misuse: "scanner misused",
}

// String says the reason in words.
func (r Reason) String() string {
	if int(r) < len(reasonTexts) && reasonTexts[r] != "" {
		return reasonTexts[r]
	}
	return "reason " + strconv.Itoa(int(r))
}

// An Error says that bytes could not be read as the protocol has them. After one nothing more of the connection can be
// trusted: there is no telling where the next frame begins in meaning.
type Error struct {
	What   string // the message and the element of it, "fetch response: partition"
	Offset int64  // of the field, from the start of what was parsed: the frame behind its 4 length bytes, or the body
	Reason Reason
}

// Error returns one line that names element, offset and reason.
func (e *Error) Error() string {
	return e.What + " at byte " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason.String()
}
