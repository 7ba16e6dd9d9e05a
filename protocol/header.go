package protocol

// A RequestHeader is what stands in front of every request's body.
type RequestHeader struct {
	Key         int16
	Version     int16
	Correlation int32
	ClientID    []byte // aliases the frame; nil is null
	Body        int    // offset of the body in the frame
	Flexible    bool   // header v2, and a flexible body
}

// ParseRequestHeader reads the header of a request frame (without its 4 length bytes): header v1, or v2 where the key
// and version ask for it. The client id is in the old style in both. Tagged fields of the header pass unread.
//
// It needs the header only: of a longer frame that has not come in full the first bytes will do, and if they do not,
// the error's Reason is Short.
func ParseRequestHeader(frame []byte) (RequestHeader, error) {
	w := whole(frame)
	h := RequestHeader{Key: w.i16(), Version: w.i16(), Correlation: w.i32()}
	h.ClientID = w.nullString(false)
	if h.Flexible = RequestFlexible(h.Key, h.Version); h.Flexible {
		w.tags()
	}
	h.Body = w.i
	if w.bad != 0 {
		return RequestHeader{}, &Error{What: "request header", Offset: int64(w.i), Reason: w.bad}
	}
	return h, nil
}

// ParseResponseHeader reads the header of a response frame (without its 4 length bytes) to a request of that key and
// version, and returns the correlation id and the body's offset.
func ParseResponseHeader(frame []byte, key, version int16) (correlation int32, body int, err error) {
	w := whole(frame)
	correlation = w.i32()
	if ResponseHeaderTags(key, version) {
		w.tags()
	}
	if w.bad != 0 {
		return 0, 0, &Error{What: "response header", Offset: int64(w.i), Reason: w.bad}
	}
	return correlation, w.i, nil
}
