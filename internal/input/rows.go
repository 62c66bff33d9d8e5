package input

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/carbonctl/carbonctl/ledger"
	"github.com/carbonctl/carbonctl/report"
	"github.com/carbonctl/carbonctl/runs"
)

// inBatch is how many rows are handed on at once: enough that this costs nothing,
// and few enough to stay in a processor's cache.
const inBatch = 128

// Rows gives the rows of all files to add, in their order, and reads on
// meanwhile; a row is lent until add returns. The error is that of a file that
// the user named, and that holds no runs.
func (r *Reader) Rows(files []File, add func(*runs.Row)) error {
	// Each row is garbage once it is added: to look for it less often takes a
	// quarter off the time, for maxGarbage of memory.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	var err error
	full, free := make(chan []runs.Row, 2), make(chan []runs.Row, 2)
	free <- make([]runs.Row, 0, inBatch)
	free <- make([]runs.Row, 0, inBatch)
	go func() {
		defer close(full)
		batch := make([]runs.Row, 0, inBatch)
		err = r.read(files, func(row runs.Row) {
			if batch = append(batch, row); len(batch) == inBatch {
				full <- batch
				batch = (<-free)[:0]
			}
		})
		full <- batch
	}()
	for n := 1; ; n++ {
		batch, more := <-full
		if !more {
			break
		}
		for i := range batch {
			add(&batch[i])
		}
		if n%64 == 0 {
			boundGarbage()
		}
		select {
		case free <- batch:
		default: // the last ones, which nobody waits for
		}
	}
	return err
}

// maxGarbage is how much memory waits to be collected while rows are read,
// whatever those who add them keep.
const maxGarbage = 16 << 20

// BoundGarbage does the same for what follows Rows, such as a long answer, until
// restore; it is nothing where little is kept.
func BoundGarbage() (restore func()) {
	if kept() < maxGarbage {
		return func() {}
	}
	runtime.GC() // what only the reading needed
	before := debug.SetGCPercent(400)
	boundGarbage()
	return func() { debug.SetGCPercent(before) }
}

// boundGarbage lets the garbage grow to maxGarbage, but at least by a tenth of what
// is kept: collecting costs time.
func boundGarbage() {
	if n := kept(); n > 0 {
		debug.SetGCPercent(int(min(max(100*maxGarbage/n, 10), 400)))
	}
}

// kept is how many bytes the last collection has left, 0 if it is not known.
func kept() uint64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if live[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return live[0].Value.Uint64()
}

// read gives the rows of all files to add, in their order, each run once.
func (r *Reader) read(files []File, add func(runs.Row)) error {
	seen, twice := newSeen(), 0
	once := func(row runs.Row) {
		if row.RunID != "" && !seen.add(row.RunID) {
			twice++
			return
		}
		add(row)
	}
	for _, in := range files {
		twice = 0
		read, err := r.file(in, once)
		if twice > 0 {
			r.skipped(fmt.Errorf("%s: %s ignored: read before, and each counts once", in.Path, count(twice, "run")))
		}
		header := (*ledger.HeaderError)(nil)
		switch {
		case err == nil:
		case in.Named && read == 0:
			return err
		case errors.As(err, &header) && !in.Named && (header.What == ledger.Unknown || header.What == ledger.CodeCarbon):
			r.others++
		default:
			r.skipped(err)
		}
	}
	if r.others > 0 {
		r.note(count(r.others, "CSV file")+" in these directories: no ledger, not counted", "")
	}
	return nil
}

// maxLines is how many bad lines of one file are told one by one.
const maxLines = 20

// file gives the rows of one file, a ledger or the JSON of a run, and says how
// many there were.
func (r *Reader) file(in File, add func(runs.Row)) (read int, err error) {
	if from := r.elsewhere(in.Path); from != nil {
		err := from(func(row runs.Row) {
			read++
			add(row)
		})
		return read, err
	}
	f, err := r.Open(in.Path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if f.IsRun() {
		run, err := report.Parse(f)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", in.Path, err)
		}
		row := runs.FromReport(run)
		if err := row.Impossible(); err != nil {
			return 0, fmt.Errorf("%s: impossible: %w", in.Path, err)
		}
		add(row)
		return 1, nil
	}
	columns := r.Columns
	if columns != nil {
		columns = append([]string{"run_id"}, columns...)
	}
	wrong := 0
	for row, err := range ledger.Read(f, in.Path, columns...) {
		switch line := (*ledger.LineError)(nil); {
		case errors.As(err, &line):
			if in.Run != "" {
				continue // it is not asked for
			}
			if wrong++; wrong <= maxLines {
				r.skipped(err)
			}
			continue
		case err != nil:
			return read, err
		case in.Run != "" && row.RunID != in.Run:
			continue
		}
		read++
		add(row)
	}
	if wrong > maxLines {
		r.note(fmt.Sprintf("%s: %s more that can't be read", in.Path, count(wrong-maxLines, "line")), "")
	}
	return read, nil
}

// count says how many there are of something: "1 row", "3 rows".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
