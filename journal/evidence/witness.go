package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Witness is somebody else who signs our checkpoints, if they agree with those before.
type Witness struct {
	URL string // the submission prefix: …/add-checkpoint is what is called
	Key string // "<name>+<hash>+<base64>"
}

// How long a witness may take, and how long a checkpoint waits for those that answered the last time. Nothing else waits
// for a witness.
const (
	witnessTimeout  = 8 * time.Second
	witnessPatience = time.Second
	maxAnswer       = 16 << 10
)

// witnesses ask all witnesses, each in a goroutine that ends with its answer. One that has not answered yet is left out.
type witnesses struct {
	dir  string
	list []*witness
	warn func(error)

	ctx     context.Context // ends what is under way
	stop    context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex // guards below
	round int        // counts the notes that were asked for
	kept  int        // the newest that is in the file
	note  []byte     // the newest, with the signatures that came
}

type witness struct {
	url    string
	key    *cosigner
	client *http.Client

	size  int64 // of the newest checkpoint that it has signed, as far as we know; its goroutine's while busy
	busy  bool  // guarded by witnesses.mu
	ready bool  // it answered the last time; guarded by witnesses.mu
}

func openWitnesses(dir string, list []Witness, warn func(error)) (*witnesses, error) {
	all := &witnesses{dir: dir, warn: warn}
	all.ctx, all.stop = context.WithCancel(context.Background())
	for _, w := range list {
		key, err := parseCosigner(w.Key)
		if err != nil {
			return nil, fmt.Errorf("the witness %s: its key: %w", w.URL, err)
		}
		all.list = append(all.list, &witness{
			url: strings.TrimSuffix(w.URL, "/") + "/add-checkpoint", key: key, ready: true,
			client: &http.Client{Timeout: witnessTimeout, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, IdleConnTimeout: 90 * time.Second}},
		})
	}
	return all, nil
}

// CheckWitness says whether a witness can be asked.
func CheckWitness(w Witness) error {
	_, err := parseCosigner(w.Key)
	return err
}

// cosign asks the witnesses and returns the note with the signatures that came soon.
func (all *witnesses) cosign(text []byte, c *Checkpoint) []byte {
	all.mu.Lock()
	all.round++
	all.note = text
	round := all.round
	soon := make(chan struct{}, len(all.list))
	waiting := 0 // for how many
	for _, w := range all.list {
		if w.busy {
			continue
		}
		w.busy = true
		if w.ready {
			waiting++
		}
		all.running.Add(1)
		go func(counts bool) {
			defer all.running.Done()
			all.ask(w, text, c, round)
			if counts {
				soon <- struct{}{}
			}
		}(w.ready)
	}
	all.mu.Unlock()
	patience := time.NewTimer(witnessPatience)
	defer patience.Stop()
	for ; waiting > 0; waiting-- {
		select {
		case <-soon:
			continue
		case <-patience.C:
		}
		break
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.note
}

// ask has one witness sign, and keeps its signature.
func (all *witnesses) ask(w *witness, text []byte, c *Checkpoint, round int) {
	line, err := w.sign(all.ctx, all.dir, text, c)
	all.mu.Lock()
	defer all.mu.Unlock()
	w.busy = false
	if err != nil {
		if w.ready && all.ctx.Err() == nil {
			all.warn(fmt.Errorf("the witness %s does not sign the checkpoints: %w", w.key.name, err))
		}
		w.ready = false
		return
	}
	w.ready = true
	cosigned := append(append([]byte(nil), text...), line...)
	if round == all.round {
		all.note = append(append([]byte(nil), all.note...), line...)
		cosigned = all.note
	}
	if round < all.kept {
		return // a newer one is kept already
	}
	all.kept = round
	if err := writeFile(filepath.Join(all.dir, cosignedFile), cosigned, 0o600); err != nil {
		all.warn(fmt.Errorf("keeping what the witness %s has signed: %w", w.key.name, err))
	}
}

// sign sends a checkpoint, with the proof that it agrees with the one that the witness signed last. A witness that has
// another in mind says which, and is asked once more.
func (w *witness) sign(ctx context.Context, dir string, text []byte, c *Checkpoint) (line string, err error) {
	for range 2 {
		var known int64
		if line, known, err = w.send(ctx, dir, text, c); !errors.Is(err, errStale) {
			break
		}
		if known > c.Size {
			return "", fmt.Errorf("it has signed a log of %d segments, and this has %d: the log was set back, or another proxy has its name", known, c.Size)
		}
		w.size = known
	}
	if err == nil {
		w.size = c.Size
	}
	return line, err
}

var errStale = errors.New("it has signed another checkpoint meanwhile")

func (w *witness) send(ctx context.Context, dir string, text []byte, c *Checkpoint) (line string, known int64, err error) {
	w.size = min(w.size, c.Size)
	var body strings.Builder
	fmt.Fprintf(&body, "old %d\n", w.size)
	if w.size > 0 && w.size < c.Size {
		proof, err := tlog.ProveTree(c.Size, w.size, &tiles{dir: dir, size: c.Size})
		if err != nil {
			return "", 0, err
		}
		for _, h := range proof {
			body.WriteString(h.String() + "\n")
		}
	}
	body.WriteString("\n" + string(text))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, strings.NewReader(body.String()))
	if err != nil {
		return "", 0, err
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return "", 0, err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return "", 0, err
	}
	switch answer.StatusCode {
	case http.StatusOK:
		line, err = w.signature(text, said)
		return line, 0, err
	case http.StatusConflict:
		known, err := strconv.ParseInt(strings.TrimSuffix(string(said), "\n"), 10, 64)
		if err != nil || known < 0 || known == w.size {
			return "", 0, fmt.Errorf("%s: it has signed another log of the same size: one of the two is forged, or two proxies have one name", answer.Status)
		}
		return "", known, errStale
	}
	return "", 0, fmt.Errorf("%s%s", answer.Status, meaning[answer.StatusCode])
}

// meaning is what https://c2sp.org/tlog-witness has a witness say.
var meaning = map[int]string{
	http.StatusNotFound:            ": it does not know this log; give it the origin and the key",
	http.StatusForbidden:           ": it knows this log under another key; give it the present one",
	http.StatusUnprocessableEntity: ": it does not agree that this log continues the one it has signed",
	http.StatusBadRequest:          ": it does not understand the request",
}

// signature picks the witness's own signature out of its answer.
func (w *witness) signature(text, said []byte) (string, error) {
	n, err := note.Open(append(append([]byte(nil), text...), said...), note.VerifierList(w.key))
	if err != nil {
		return "", errors.New("what it answers is no signature of its key")
	}
	return "— " + n.Sigs[0].Name + " " + n.Sigs[0].Base64 + "\n", nil
}

// close ends what is under way.
func (all *witnesses) close() {
	all.stop()
	all.running.Wait()
	for _, w := range all.list {
		w.client.CloseIdleConnections()
	}
}
