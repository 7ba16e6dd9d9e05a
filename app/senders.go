package app

import (
	"fmt"
	"log/slog"

	"doorkeeper/config"
	"doorkeeper/sink"
)

// newSender makes the sender that a sink's type names, and says what that type wants of the sink.
func newSender(c config.Sink, log *slog.Logger) (sink.Sender, sink.Options, error) {
	switch c.Type {
	case "file":
		f, err := sink.NewFile(sink.FileOptions{
			Path: c.Path, MaxBytes: int64(c.Rotate.MaxBytes), Keep: c.Rotate.Keep, Log: log.With("sink", c.Name),
		})
		return f, sink.Options{}, err
	}
	return nil, sink.Options{}, fmt.Errorf("%q is no type of sink", c.Type)
}
