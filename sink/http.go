package sink

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

// A Secret is read anew each time that it is used, so that it can be replaced while the sink runs.
type Secret func() (string, error)

// HTTPOptions are what the sinks over HTTP have in common.
type HTTPOptions struct {
	URL      string
	TLS      func() *tls.Config // for https; nil: the system's CAs
	Headers  map[string]string
	Username string
	Password Secret // with Username
	Token    Secret // with the word in front of it that the type wants
}

// Bounds of one exchange over HTTP.
const (
	dialTimeout = 10 * time.Second
	httpTimeout = time.Minute
	maxAnswer   = 8 << 20
)

// A web is a far side over HTTP.
type web struct {
	opt    HTTPOptions
	base   *url.URL
	scheme string // of the token in Authorization
	dial   func(ctx context.Context, network, address string) (net.Conn, error)

	mu     sync.Mutex
	tls    *tls.Config // that the client was made with
	client *http.Client
}

func newWeb(opt HTTPOptions, scheme string) (*web, error) {
	base, err := url.Parse(opt.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("its url is no http or https address")
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	w := &web{opt: opt, base: base, scheme: scheme, dial: dialer.DialContext}
	for _, secret := range []Secret{opt.Password, opt.Token} {
		if secret == nil {
			continue
		}
		if _, err := secret(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// at is the address of a path below the sink's own.
func (w *web) at(path, query string) string {
	u := w.base.JoinPath(path)
	u.RawQuery = strings.Trim(u.RawQuery+"&"+query, "&")
	return u.String()
}

// do makes one exchange. The answer's body is read whole.
func (w *web) do(ctx context.Context, address, contentType string, body []byte, header http.Header) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, httpTimeout)
	defer cancel()
	lent := &loan{}
	defer lent.end()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, lent.reader(body))
	if err != nil {
		return nil, redact(err)
	}
	r.ContentLength = int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return lent.reader(body), nil }
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", "doorkeeper")
	for name, value := range w.opt.Headers {
		r.Header.Set(name, value)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if err := w.authorize(r); err != nil {
		return nil, err
	}
	response, err := w.use().Do(r)
	if err != nil {
		return nil, redact(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return &answer{response.StatusCode, response.Header, text}, nil
}

// doZipped is do with the body compressed.
func (w *web) doZipped(ctx context.Context, address, contentType string, body []byte, header http.Header) (*answer, error) {
	buf := zipped.Get().(*bytes.Buffer)
	defer zipped.Put(buf)
	small, err := zip(buf, body)
	if err != nil {
		return nil, err
	}
	header.Set("Content-Encoding", "gzip")
	return w.do(ctx, address, contentType, small, header)
}

// A loan lets a request read a body until its exchange has ended: net/http may go on reading after it gave the answer,
// when the bytes belong to the next batch.
type loan struct {
	mu    sync.Mutex
	ended bool
}

type lentReader struct {
	loan *loan
	rest []byte
}

func (l *loan) reader(body []byte) io.ReadCloser { return &lentReader{l, body} }

func (l *loan) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

func (r *lentReader) Read(p []byte) (int, error) {
	r.loan.mu.Lock()
	defer r.loan.mu.Unlock()
	if r.loan.ended {
		return 0, net.ErrClosed
	}
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *lentReader) Close() error { return nil }

func (w *web) authorize(r *http.Request) error {
	if w.opt.Token != nil {
		token, err := w.opt.Token()
		if err != nil {
			return fmt.Errorf("reading the token: %w", err)
		}
		r.Header.Set("Authorization", w.scheme+" "+token)
	}
	if w.opt.Username != "" {
		password, err := w.opt.Password()
		if err != nil {
			return fmt.Errorf("reading the password: %w", err)
		}
		r.SetBasicAuth(w.opt.Username, password)
	}
	return nil
}

// use is the client. Renewed certificates make a new one; the old one's connections end when they are idle.
func (w *web) use() *http.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	var now *tls.Config
	if w.opt.TLS != nil {
		now = w.opt.TLS()
	}
	if w.client != nil && w.tls == now {
		return w.client
	}
	if w.client != nil {
		w.client.CloseIdleConnections()
	}
	w.tls = now
	w.client = &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           w.dial,
			TLSClientConfig:       now.Clone(),
			TLSHandshakeTimeout:   dialTimeout,
			ResponseHeaderTimeout: httpTimeout,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConnsPerHost:   64,
			DisableCompression:    true,
		},
		// A redirect would take the token to whoever it names.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w.client
}

func (w *web) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.client != nil {
		w.client.CloseIdleConnections()
	}
	return nil
}

// redact takes the address, which may hold a secret in its query, out of an error of net/http.
func redact(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// An answer is what a far side said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ok says whether the request as a whole was taken.
func (a *answer) ok() bool { return a.status >= 200 && a.status < 300 }

// failure is what a status says of a request that was not.
func (a *answer) failure(hint string) error {
	err := fmt.Errorf("HTTP %d %s%s", a.status, http.StatusText(a.status), a.excerpt())
	switch a.status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return Refuse(err)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w: check the sink's credentials", err)
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusMovedPermanently, http.StatusFound,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return fmt.Errorf("%w: %s", err, hint)
	}
	return Retry(err, a.retryAfter())
}

// retryAfter is what the far side asks for, in seconds or as a date.
func (a *answer) retryAfter() time.Duration {
	text := a.header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), 3600)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// excerpt is the beginning of an answer, for an error.
func (a *answer) excerpt() string {
	const most = 200
	text := a.body
	if len(text) > most {
		text = text[:most]
	}
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return ""
	}
	return fmt.Sprintf(" (it says %q)", strings.ToValidUTF8(string(text), "?"))
}

var zippers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // there is that level
	}
	return z
}}

// zip compresses into buf.
func zip(buf *bytes.Buffer, body []byte) ([]byte, error) {
	z := zippers.Get().(*gzip.Writer)
	defer zippers.Put(z)
	buf.Reset()
	z.Reset(buf)
	_, err := z.Write(body)
	err = errors.Join(err, z.Close())
	return buf.Bytes(), err
}

var zipped = sync.Pool{New: func() any { return new(bytes.Buffer) }}
