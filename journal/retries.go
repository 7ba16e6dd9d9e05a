package journal

type retries struct{}

func newRetries() *retries { return &retries{} }
