package ledger

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/atomicfile"
	"github.com/carbonctl/carbonctl/internal/timespec"
	"github.com/carbonctl/carbonctl/runs"
)

// Keep is which runs stay whole beside a ledger, in LEDGER.d/runs. The zero value is the
// newest DefaultKeep.
type Keep struct {
	Runs int           // the newest so many; 0 is DefaultKeep, below 0 none
	For  time.Duration // in place of that: all that are younger; 0 is no age
}

// DefaultKeep is how many runs are kept where nothing else is said: some 4 MB.
const DefaultKeep = 1000

// ParseKeep reads a number of runs, 0 for none, or an age: "1000", "90d", "12h".
func ParseKeep(s string) (Keep, error) {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 {
		if n == 0 {
			n = -1
		}
		return Keep{Runs: n}, nil
	}
	d, ok := timespec.Duration(s)
	if !ok || d <= 0 {
		return Keep{}, fmt.Errorf("invalid value %.40q: use a number of runs such as 1000, an age such as 90d, or 0 for none", s)
	}
	return Keep{For: d}, nil
}

func (k Keep) none() bool { return k.Runs < 0 && k.For == 0 }

// keptName is the file of a run that was kept.
func keptName(ledger, id string) string {
	return filepath.Join(ledger+".d", "runs", id+".json.gz")
}

// keptText is what is kept of a run: its JSON in one line, without where it was
// recorded, since that holds the hash of the row that holds the hash of this.
func keptText(r footprint.Report) ([]byte, error) {
	b, err := json.Marshal(struct {
		footprint.Report
		Ledger *struct{} `json:"ledger,omitempty"` // hides the report's
	}{Report: r})
	return append(b, '\n'), err
}

// packed is a run as it will be kept.
type packed struct {
	id, hash string
	content  []byte
}

// pack makes what is kept of a run, nil if runs are not kept. It touches no file, so
// that nobody waits for it with the lock held.
func (w Writer) pack(r footprint.Report) (*packed, error) {
	if w.Keep.none() {
		return nil, nil
	}
	if !isPlain(r.RunID) {
		return nil, fmt.Errorf("run_id %.80q cannot be the name of a file", r.RunID)
	}
	text, err := keptText(r)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text) // to memory
	_ = z.Close()
	sum := sha256.Sum256(text)
	return &packed{r.RunID, hex.EncodeToString(sum[:]), b.Bytes()}, nil
}

// keepRun writes a run into LEDGER.d/runs, and returns the hash for its row; "" if
// runs are not kept. It does not wait for the disk, since the end of a run has
// little time: a power cut in the seconds after it can leave the row alone.
func (w Writer) keepRun(ledger string, p *packed) (hash string, err error) {
	if p == nil {
		return "", nil
	}
	like, err := os.Lstat(ledger)
	if err != nil {
		like = nil // there is none yet
	}
	name := keptName(ledger, p.id)
	for _, dir := range []string{ledger + ".d", filepath.Dir(name)} {
		if err := mkdirSide(dir, like); err != nil {
			return "", err
		}
	}
	if like != nil {
		like = ownersOnly{like}
	}
	if err := w.write(name, p.content, atomicfile.Options{Like: like, NoFollow: true}); err != nil {
		return "", err
	}
	return p.hash, nil
}

// ownersOnly is a file that its owner alone may write.
type ownersOnly struct{ fs.FileInfo }

func (o ownersOnly) Mode() fs.FileMode { return o.FileInfo.Mode() &^ 0o022 }

// maxKept bounds what is read of a kept run.
const maxKept = 64 << 20

func readKept(ledger, id string) ([]byte, error) {
	if !isPlain(id) {
		return nil, fs.ErrNotExist
	}
	f, _, err := openRegular(keptName(ledger, id))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	packed, err := io.ReadAll(io.LimitReader(f, maxKept))
	if err != nil {
		return nil, err
	}
	b, err := unpack(packed)
	if err == nil {
		return b, nil
	}
	if unwritten(packed) {
		return nil, errCut
	}
	return nil, fmt.Errorf("it cannot be unpacked: %w", err)
}

func unpack(packed []byte) ([]byte, error) {
	r := bytes.NewReader(packed)
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	b, err := io.ReadAll(io.LimitReader(z, maxKept))
	if err == nil && r.Len() > 0 {
		err = errors.New("more follows behind it")
	}
	return b, err
}

// unwritten reports whether a file looks as if some of its blocks had never
// reached the disk: it ends after a whole block, or in zeros.
func unwritten(b []byte) bool {
	const block, sector = 4096, 512
	return len(b)%block == 0 || len(b)-len(bytes.TrimRight(b, "\x00")) >= min(sector, len(b))
}

// OpenRun gives the run that a row of the ledger at path was made of, if it was
// kept; else it is fs.ErrNotExist. One that was changed since is an error. Its
// Ledger is nil.
func OpenRun(path string, row runs.Row) (footprint.Report, error) {
	path, err := resolve(path)
	if err != nil {
		return footprint.Report{}, fmt.Errorf("ledger: kept run: %w", err)
	}
	var r footprint.Report
	b, err := openKept(path, &row)
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		return footprint.Report{}, fmt.Errorf("ledger: kept run %s: %w", row.RunID, err)
	}
	return r, nil
}

// openKept reads a kept run and compares it with its row.
func openKept(ledger string, row *runs.Row) ([]byte, error) {
	b, err := readKept(ledger, row.RunID)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != row.RunHash {
		return nil, errors.New("it does not match its row")
	}
	return b, nil
}

// errCut is a kept run of which a part never reached the disk.
var errCut = errors.New("a part of it is missing, as after a power cut")

// prune removes what need not be kept any more, the oldest first.
func (w Writer) prune(ledger string) error {
	dir := filepath.Join(ledger+".d", "runs")
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	most := cmp.Or(max(w.Keep.Runs, 0), DefaultKeep)
	if w.Keep.none() {
		most = 0
	}
	if w.Keep.For == 0 && len(files) <= most {
		return nil
	}
	type kept struct {
		name string
		at   time.Time
	}
	var all []kept
	for _, f := range files {
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() && strings.HasSuffix(f.Name(), ".json.gz") {
			all = append(all, kept{f.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b kept) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(b.name, a.name)) })
	var errs []error
	for i, k := range all {
		if w.Keep.For > 0 && time.Since(k.at) <= w.Keep.For || w.Keep.For == 0 && i < most {
			continue
		}
		if err := os.Remove(filepath.Join(dir, k.name)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
