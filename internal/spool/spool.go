// Package spool keeps reports that a sink could not deliver until a later run of the same
// user does: one file each, in a private folder, within bounds of age, number and size.
package spool

import (
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/atomicfile"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

// The bounds of a spool. What exceeds them is dropped, the oldest first.
const (
	MaxAge   = 30 * 24 * time.Hour
	MaxItems = 500
	MaxBytes = 64 << 20

	maxItem = 64 << 20         // of one report, uncompressed
	tryTime = 10 * time.Second // that one delivery may take
)

// A Dir is the folder, which is made when it is needed, with mode 0700; "" keeps nothing.
type Dir string

// ErrNone is why nothing can be kept.
var ErrNone = errors.New("no directory for undelivered reports: set XDG_STATE_HOME or HOME")

// An Item is a report that a sink has yet to take.
type Item struct {
	Name   string           `json:"name"`   // of the sink
	Target string           `json:"target"` // without secrets
	Since  time.Time        `json:"since"`
	Host   string           `json:"host"` // that kept it
	Report footprint.Report `json:"report"`
}

// Add keeps a report for a sink. The same one again replaces it.
func (d Dir) Add(name, target string, r footprint.Report) error {
	if d == "" {
		return ErrNone
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return fmt.Errorf("keep an undelivered report: %w", err)
	}
	host, _ := os.Hostname() // "" is none that another has
	err := atomicfile.Write(d.path(name, target, r.RunID), atomicfile.Options{Perm: 0o600, NoFollow: true}, func(w io.Writer) error {
		z := gzip.NewWriter(w)
		if err := json.NewEncoder(z).Encode(Item{name, target, time.Now().UTC(), host, r}); err != nil {
			return err
		}
		return z.Close()
	})
	if err != nil {
		return fmt.Errorf("keep an undelivered report: %w", err)
	}
	return nil
}

// Remove takes a report out again that a sink has taken meanwhile.
func (d Dir) Remove(name, target, run string) {
	if d != "" {
		_ = os.Remove(d.path(name, target, run)) // if it stays, it comes twice
	}
}

func (d Dir) path(name, target, run string) string {
	kind := sha256.Sum256([]byte(name + "\x00" + target))
	return filepath.Join(string(d), fmt.Sprintf("%s-%x%s", plain(run), kind[:4], suffix))
}

const suffix = ".json.gz"

// plain is a run ID as a file's name may have it.
func plain(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' {
			return r
		}
		return '_'
	}, id[:min(len(id), 64)])
}

// Deliver gives the sinks what is kept for them, the oldest first, several targets at a
// time, so that one that does not answer holds up no other; again makes them, from several
// goroutines, and gives nil for one that can't be made now. A sink that fails is left alone
// until the next Deliver, with all that waits for it. Where another process delivers it does
// nothing.
//
// It returns a line for each report that is given up: the service refuses it, or it exceeds
// the bounds.
func (d Dir) Deliver(ctx context.Context, again func(name, target string) Sink) (dropped []string) {
	files := d.files()
	if len(files) == 0 {
		return nil
	}
	lock := flock.New(filepath.Join(string(d), "lock"), flock.SetPermissions(0o600))
	if held, err := lock.TryLock(); err != nil || !held {
		return nil
	}
	defer func() { _ = lock.Unlock() }()
	files = d.files() // as they stand now
	files, dropped = d.bound(files)
	targets := byTarget(files)
	lines := make([][]string, len(targets))
	var all sync.WaitGroup
	places := make(chan struct{}, atATime)
	for i, files := range targets {
		places <- struct{}{}
		all.Go(func() {
			lines[i] = deliverTo(ctx, files, again)
			<-places
		})
	}
	all.Wait()
	return append(dropped, slices.Concat(lines...)...)
}

// atATime is how many targets are delivered to at a time.
const atATime = 16

// byTarget groups files by the target in their names, in their order.
func byTarget(files []file) (groups [][]file) {
	at := map[string]int{}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f.path), suffix)
		kind := name[strings.LastIndexByte(name, '-')+1:]
		i, ok := at[kind]
		if !ok {
			i, groups = len(groups), append(groups, nil)
			at[kind] = i
		}
		groups[i] = append(groups[i], f)
	}
	return groups
}

// deliverTo delivers what is for one target, until its first failure.
func deliverTo(ctx context.Context, files []file, again func(name, target string) Sink) (dropped []string) {
	host, _ := os.Hostname()
	for _, f := range files {
		if ctx.Err() != nil {
			break
		}
		item, err := read(f.path)
		if damaged := (*damagedError)(nil); errors.As(err, &damaged) {
			_ = os.Remove(f.path)
			dropped = append(dropped, fmt.Sprintf("an undelivered report was damaged and is removed: %s: %v", f.path, err))
		}
		if err != nil {
			continue // it may be readable later
		}
		sink := again(item.Name, item.Target)
		if sink == nil {
			continue
		}
		if _, ok := sink.(Local); ok && item.Host != host {
			continue // a home that hosts share: the file is on another
		}
		try, cancel := context.WithTimeout(ctx, tryTime)
		err = sink.Report(try, item.Report)
		cancel()
		switch {
		case err == nil:
			_ = os.Remove(f.path)
		case deliver.Keep(err):
			return dropped
		default:
			_ = os.Remove(f.path)
			dropped = append(dropped, fmt.Sprintf("%s: run %s can't be delivered and is dropped: %v", item.Name, item.Report.RunID, err))
		}
	}
	return dropped
}

// A Sink takes a finished report; see carbon.Sink.
type Sink interface {
	Report(ctx context.Context, r footprint.Report) error
}

// Local is a Sink of something on this host, such as a file: what another host has kept for
// it is left alone.
type Local interface {
	Sink
	Local()
}

// file is an item that was not read.
type file struct {
	path string
	at   time.Time
	size int64
}

// files lists what is kept, the oldest first.
func (d Dir) files() (list []file) {
	if d == "" {
		return nil
	}
	names, err := os.ReadDir(string(d))
	if err != nil {
		return nil // mostly there is none
	}
	for _, n := range names {
		info, err := n.Info()
		if err == nil && info.Mode().IsRegular() && strings.HasSuffix(n.Name(), suffix) && !strings.HasPrefix(n.Name(), ".") {
			list = append(list, file{filepath.Join(string(d), n.Name()), info.ModTime(), info.Size()})
		}
	}
	slices.SortFunc(list, func(a, b file) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.path, b.path)) })
	return list
}

// bound removes what exceeds the bounds.
func (d Dir) bound(list []file) (rest []file, dropped []string) {
	var bytes int64
	for _, f := range list {
		bytes += f.size
	}
	first := list[0].at
	for len(list) > 0 && (len(list) > MaxItems || bytes > MaxBytes || time.Since(list[0].at) > MaxAge) {
		_ = os.Remove(list[0].path)
		bytes -= list[0].size
		list = list[1:]
		dropped = append(dropped, "")
	}
	if n := len(dropped); n > 0 {
		dropped = []string{fmt.Sprintf("%d undelivered reports since %s are dropped: at most %d, %d MiB and %d days are kept",
			n, first.Format(time.DateOnly), MaxItems, MaxBytes>>20, MaxAge/(24*time.Hour))}
	}
	return list, dropped
}

// damagedError is what is wrong with what a file holds, and not with the reading of it.
type damagedError struct{ error }

// read reads an item. An error that is no *damagedError is that of the file system.
func read(path string) (item Item, err error) {
	f, err := os.Open(path)
	if err != nil {
		return item, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err == nil {
		err = json.NewDecoder(io.LimitReader(z, maxItem)).Decode(&item)
	}
	switch failed := (*fs.PathError)(nil); {
	case errors.As(err, &failed):
		return item, err
	case err == nil && item.Report.RunID == "":
		err = errors.New("no report in it")
	}
	if err != nil {
		return item, &damagedError{err}
	}
	return item, nil
}
