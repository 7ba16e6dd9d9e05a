package app

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long files must be quiet before they are read: a certificate and its key are two writes.
const settle = 300 * time.Millisecond

// A watcher calls back when its files may have changed. It watches directories: editors and certificate managers
// replace files, and Kubernetes swaps a symlink on the way to them. What has really changed is for the callback to find
// out, by content.
type watcher struct {
	fs      *fsnotify.Watcher
	log     *slog.Logger
	changed func()
	again   chan struct{} // look once more: what changed before it was watched had no event
	done    chan struct{}

	mu    sync.Mutex
	dirs  map[string]bool // watched
	names map[string]bool // whose events count: other files in the same directories may change all the time
	whole map[string]bool // directories in which every event counts
}

func newWatcher(log *slog.Logger, changed func()) (*watcher, error) {
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	w := &watcher{fs: fs, log: log, changed: changed, again: make(chan struct{}, 1), done: make(chan struct{}), dirs: map[string]bool{}}
	go w.run()
	return w, nil
}

// openWatcher begins to watch, if that is wanted. Where the system cannot, SIGHUP is left.
func (a *App) openWatcher() {
	a.changing.Lock()
	defer a.changing.Unlock()
	a.tried = fileDigest(a.Config().File())
	if !a.Config().Watch {
		return
	}
	w, err := newWatcher(a.log, a.filesChanged)
	if err != nil {
		a.log.Warn("files cannot be watched; send SIGHUP after a change", "error", err)
		return
	}
	a.watcher = w
	w.follow(a.files())
}

// follow watches these files, and everything below these directories (files among them are files), and no others. It may
// be called on nil, which watches nothing.
func (w *watcher) follow(files, trees []string) {
	if w == nil {
		return
	}
	names, dirs, whole := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, tree := range trees {
		for _, dir := range below(tree) {
			dirs[dir], whole[dir] = true, true
		}
	}
	for _, f := range slices.Concat(files, trees) {
		for _, name := range chain(f) {
			names[name] = true
			dirs[filepath.Dir(name)] = true
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names, w.whole = names, whole
	for dir := range w.dirs {
		if dirs[dir] {
			continue
		}
		delete(w.dirs, dir)
		// A directory that is gone is not watched any more: there is nothing to remove.
		if err := w.fs.Remove(dir); err != nil {
			w.log.Debug("a directory is not watched any more", "dir", dir, "error", err)
		}
	}
	for dir := range dirs {
		if w.dirs[dir] {
			continue
		}
		if err := w.fs.Add(dir); err != nil {
			w.log.Warn("a directory cannot be watched; send SIGHUP after a change in it", "dir", dir, "error", err)
			continue
		}
		w.dirs[dir] = true
		select {
		case w.again <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// longestChain ends a circle of symlinks.
const longestChain = 10

// chain lists what a change of can change the file: the file, and each symlink on the way to it with the directory that
// it leads into. (Kubernetes: cfg/f -> ..data/f, cfg/..data -> ..2026_11_23/; what changes is cfg/..data.)
func chain(file string) []string {
	names := []string{file}
	for range longestChain {
		target, err := os.Readlink(file)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(file), target)
		}
		names = append(names, target, filepath.Dir(target))
		file = target
	}
	return names
}

// mostDirs bounds how many directories of a tree are watched: a wrong path shall not take every watch that there is.
const mostDirs = 1000

// below lists a directory and those in it, none if it is a file or cannot be read. Links are not followed, as they are
// not when policies are read.
func below(root string) (dirs []string) {
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || len(dirs) == mostDirs:
			return fs.SkipAll
		case d.IsDir():
			dirs = append(dirs, filepath.Clean(path))
		}
		return nil
	})
	return dirs
}

func (w *watcher) concerns(event fsnotify.Event) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := filepath.Clean(event.Name)
	return event.Op != fsnotify.Chmod && (w.names[name] || w.whole[filepath.Dir(name)])
}

func (w *watcher) run() {
	defer close(w.done)
	quiet := time.NewTimer(0)
	<-quiet.C
	for {
		select {
		case event, ok := <-w.fs.Events:
			if !ok {
				return
			}
			if w.concerns(event) {
				quiet.Reset(settle)
			}
		case <-w.again:
			quiet.Reset(settle)
		case err, ok := <-w.fs.Errors:
			if !ok {
				return
			}
			// An overflow says that events were lost: look at everything.
			w.log.Warn("watching files", "error", err)
			quiet.Reset(settle)
		case <-quiet.C:
			w.changed()
		}
	}
}

func (w *watcher) close() {
	if err := w.fs.Close(); err != nil {
		w.log.Debug("closing the watcher", "error", err)
	}
	<-w.done
}
