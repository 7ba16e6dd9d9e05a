package evidence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"doorkeeper/internal/disk"
)

// tileHeight and tileWidth are C2SP tlog-tiles' own: a full tile is 256 hashes, a full bundle 256 entries.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// tiles is a log of leaves in a directory, in the layout of https://c2sp.org/tlog-tiles: tile/<level>/<n> holds hashes,
// tile/entries/<n> the leaves themselves. A file is never changed: what grows gets a file of the greater width, and the
// narrower ones go when it is full.
type tiles struct {
	dir  string
	size int64 // leaves in the log

	last     tlog.Tile // the tile read last, since neighbours are asked for one after the other
	lastData []byte
}

// path is a tile's file. Level -1 are the entries.
func (t *tiles) path(tile tlog.Tile) string {
	name := tlog.Tile{H: tileHeight, L: max(tile.L, 0), N: tile.N, W: tile.W}.Path()
	if tile.L < 0 {
		return filepath.Join(t.dir, "tile", "entries", strings.TrimPrefix(name, "tile/8/0/"))
	}
	return filepath.Join(t.dir, "tile", strings.TrimPrefix(name, "tile/8/"))
}

// width is how much the tile at (level, n) holds in a log of this size; a bundle is as wide as the tile over it.
func width(size int64, level int, n int64) int {
	return int(min(size>>(tileHeight*max(level, 0))-n*tileWidth, tileWidth))
}

// ReadHashes is what tlog needs to compute with: it reads them out of the tiles.
func (t *tiles) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		tile := tlog.TileForIndex(tileHeight, index)
		tile.W = width(t.size, tile.L, tile.N)
		if t.lastData == nil || t.last != tile {
			data, err := t.read(tile)
			if err != nil {
				return nil, err
			}
			t.last, t.lastData = tile, data
		}
		h, err := tlog.HashFromTile(t.last, t.lastData, index)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.path(tile), err)
		}
		hashes[i] = h
	}
	return hashes, nil
}

func (t *tiles) read(tile tlog.Tile) ([]byte, error) {
	if tile.W < 1 {
		return nil, fmt.Errorf("%s: the log of %d leaves has no such tile", t.path(tile), t.size)
	}
	data, full, err := t.readFile(tile, tileWidth*tlog.HashSize)
	if err != nil {
		return nil, err
	}
	want := tile.W * tlog.HashSize
	if len(data) < want || len(data) > want && !full {
		return nil, fmt.Errorf("%s has %d bytes instead of %d", t.path(tile), len(data), want)
	}
	return data[:want], nil
}

// readFile reads a tile's file, or the full one that took the place of it.
func (t *tiles) readFile(tile tlog.Tile, limit int64) (data []byte, full bool, err error) {
	data, err = readBounded(t.path(tile), limit)
	if errors.Is(err, fs.ErrNotExist) && tile.W < tileWidth {
		tile.W = tileWidth
		if data, fullErr := readBounded(t.path(tile), limit); fullErr == nil {
			return data, true, nil
		}
	}
	return data, false, err
}

// root is the log's tree hash.
func (t *tiles) root() (tlog.Hash, error) {
	if t.size == 0 {
		return (&tree{}).root(), nil
	}
	return tlog.TreeHash(t.size, t)
}

// bundle reads the leaves of one bundle.
func (t *tiles) bundle(n int64) ([][]byte, error) {
	tile := tlog.Tile{H: tileHeight, L: -1, N: n, W: width(t.size, -1, n)}
	if tile.W < 1 {
		return nil, nil
	}
	data, full, err := t.readFile(tile, tileWidth*(2+(1<<16)))
	if err != nil {
		return nil, err
	}
	entries, err := splitBundle(data)
	if err == nil && (len(entries) < tile.W || len(entries) > tile.W && !full) {
		err = fmt.Errorf("it has %d leaves instead of %d", len(entries), tile.W)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.path(tile), err)
	}
	return entries[:tile.W:tile.W], nil
}

// splitBundle takes a bundle apart: each leaf has its length in front, two bytes, big endian.
func splitBundle(data []byte) (entries [][]byte, err error) {
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, errors.New("it ends inside a leaf")
		}
		n := 2 + int(binary.BigEndian.Uint16(data))
		entries, data = append(entries, data[2:n]), data[n:]
	}
	return entries, nil
}

// add appends leaves. They are on disk when it returns; they count when a checkpoint names them.
func (t *tiles) add(leaves [][]byte) error {
	if len(leaves) == 0 {
		return nil
	}
	size := t.size + int64(len(leaves))
	fresh := map[int64]tlog.Hash{}
	both := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			h, ok := fresh[index]
			if !ok {
				old, err := t.ReadHashes([]int64{index})
				if err != nil {
					return nil, err
				}
				h = old[0]
			}
			hashes[i] = h
		}
		return hashes, nil
	})
	for i, leaf := range leaves {
		n := t.size + int64(i)
		stored, err := tlog.StoredHashes(n, leaf, both)
		if err != nil {
			return err
		}
		for j, h := range stored {
			fresh[tlog.StoredHashIndex(0, n)+int64(j)] = h
		}
	}
	if err := t.addEntries(leaves); err != nil {
		return err
	}
	for _, tile := range tlog.NewTiles(tileHeight, t.size, size) {
		data, err := tlog.ReadTileData(tile, both)
		if err != nil {
			return err
		}
		if err := t.write(tile, data); err != nil {
			return err
		}
	}
	t.size, t.lastData = size, nil
	return nil
}

func (t *tiles) addEntries(leaves [][]byte) error {
	size := t.size + int64(len(leaves))
	for n := t.size / tileWidth; n*tileWidth < size; n++ {
		entries, err := t.bundle(n)
		if err != nil {
			return err
		}
		from := n*tileWidth + int64(len(entries)) - t.size
		to := min((n+1)*tileWidth-t.size, int64(len(leaves)))
		var data []byte
		for _, leaf := range append(entries, leaves[from:to]...) {
			data = append(binary.BigEndian.AppendUint16(data, uint16(len(leaf))), leaf...)
		}
		if err := t.write(tlog.Tile{H: tileHeight, L: -1, N: n, W: width(size, -1, n)}, data); err != nil {
			return err
		}
	}
	return nil
}

func (t *tiles) write(tile tlog.Tile, data []byte) error {
	path := t.path(tile)
	if err := writeFile(path, data, 0o600); err != nil {
		return err
	}
	if tile.W == tileWidth {
		return os.RemoveAll(path + ".p") // narrower ones: nobody needs them now
	}
	return nil
}

// writeFile puts a whole file in its place, or leaves what was there.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := disk.Replace(path, data, mode); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// readBounded reads a whole file that may not be larger than this.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, limit)
	}
	return os.ReadFile(path)
}
