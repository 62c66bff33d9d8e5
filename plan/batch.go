package plan

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
)

// unreadable is an ErrFormat of a file that could not be read at all.
type unreadable struct{ error }

func (e unreadable) Unwrap() error        { return e.error }
func (e unreadable) Is(target error) bool { return target == ErrFormat }

// ErrFormat says that what [Batch] was given is no CSV with its columns, so that no row of
// it could be read.
var ErrFormat = errors.New("no CSV of CPUs")

// formatError is an ErrFormat in words of its own.
type formatError string

func (e formatError) Error() string        { return string(e) }
func (e formatError) Is(target error) bool { return target == ErrFormat }

// longestLine of a file, in bytes.
const longestLine = 1 << 20

// rows reads the lines of a CSV, so that one that is wrong leaves those after it as they are.
type rows struct {
	lines *bufio.Scanner
	ahead []string // read, and not yet taken
	line  int      // of the row that next has given
	taken int
}

// longestRow is how many lines a row may have, as its quoted cells may hold line breaks.
const longestRow = 20

// look is the line after so many that are still to be taken.
func (r *rows) look(after int) (string, bool) {
	for len(r.ahead) <= after {
		if !r.lines.Scan() {
			return "", false
		}
		r.ahead = append(r.ahead, r.lines.Text())
	}
	return r.ahead[after], true
}

func (r *rows) take(n int) {
	r.ahead = r.ahead[n:]
	r.taken += n
}

// next is the next row; of so many cells if it goes over several lines.
func (r *rows) next(width int) ([]string, error) {
	text, ok := r.look(0)
	for ok && text == "" { // empty lines are skipped
		r.take(1)
		text, ok = r.look(0)
	}
	if !ok {
		if err := r.lines.Err(); errors.Is(err, bufio.ErrTooLong) {
			return nil, unreadable{fmt.Errorf("line %d: longer than %d bytes", r.taken+1, longestLine)}
		} else if err != nil {
			return nil, unreadable{err}
		}
		return nil, io.EOF
	}
	r.line = r.taken + 1
	if !strings.Contains(text, `"`) {
		r.take(1)
		return strings.Split(text, ","), nil
	}
	cells, err := quoted(text)
	first := err
	for n := 1; err != nil && n < longestRow; n++ {
		more, ok := r.look(n)
		if !ok {
			break
		}
		text += "\n" + more
		if cells, err = quoted(text); err == nil && len(cells) == width {
			r.take(n + 1)
			return cells, nil
		}
	}
	r.take(1)
	if first != nil {
		return nil, first
	}
	return cells, nil
}

// quoted reads one row that has quotes.
func quoted(text string) ([]string, error) {
	in := csv.NewReader(strings.NewReader(text))
	cells, err := in.Read()
	if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
		return nil, fmt.Errorf("column %d: %w", parse.Column, parse.Err)
	}
	if _, more := in.Read(); err == nil && !errors.Is(more, io.EOF) {
		return nil, csv.ErrQuote
	}
	return cells, err
}

const notUTF8 = formatError("not text in UTF-8: save it as CSV in UTF-8")

// Batch reads rows of CPUs under load as CSV and writes the modelled power of each as
// CSV: row_id from 0, pred_w, pred_lo_w, pred_hi_w. Columns are found by name, in any
// order, and others are passed over: tdp_w, cores and threads are those of all sockets
// together, load_pct 0 to 100, cpu_freq_mhz the clock at work; load_pct must be there, and
// what is empty is not known. A CPU of which nothing is known has the cores and the wide
// band that Ask gives one. A row that can't be read has empty cells, and its error is
// among those that Batch returns, joined. Where the text is no such CSV at all, nothing is
// written, and the error matches [ErrFormat]. Names of columns are taken without regard to
// case. A warning is of what was read, but may not be meant.
func Batch(r io.Reader, w io.Writer) (warning string, err error) {
	text := bufio.NewReader(r)
	if mark, _ := text.Peek(3); string(mark) == "\ufeff" {
		_, _ = text.Discard(len(mark)) // they are there
	}
	if start, _ := text.Peek(256); bytes.IndexByte(start, 0) >= 0 { // every second one, in UTF-16
		return "", notUTF8
	}
	in := &rows{lines: bufio.NewScanner(text)}
	in.lines.Buffer(nil, longestLine)
	header, err := batchHeader(in)
	if err != nil {
		return "", err
	}
	out := csv.NewWriter(w)
	_ = out.Write([]string{"row_id", "pred_w", "pred_lo_w", "pred_hi_w"}) // Flush tells its error
	var errs []error
	b := batch{header: header, models: map[estimate.Chip]estimate.Model{}}
	for id := 0; ; id++ {
		cells, err := in.next(len(header))
		if errors.Is(err, io.EOF) {
			break
		}
		line := in.line
		if read := (unreadable{}); errors.As(err, &read) {
			errs = append(errs, read.error) // of the file itself
			break
		}
		var p Range
		if err == nil {
			p, err = b.row(cells)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", line, err))
			_ = out.Write([]string{strconv.Itoa(id), "", "", ""})
			continue
		}
		_ = out.Write([]string{strconv.Itoa(id), fixed2(p.Expected), fixed2(p.Low), fixed2(p.High)})
	}
	out.Flush()
	if b.fraction && b.most <= 1 {
		warning = "load_pct is in percent, but no row is above 1: multiply fractions by 100"
	}
	return warning, errors.Join(append(errs, out.Error())...)
}

// batchHeader reads the names of the columns.
func batchHeader(in *rows) ([]string, error) {
	header, err := in.next(0)
	line := strings.Join(header, ",")
	read := unreadable{}
	switch {
	case errors.Is(err, io.EOF):
		return nil, formatError("no header: the columns are load_pct, cpu_model, tdp_w, cores, threads, sockets, cpu_freq_mhz, base_freq_mhz")
	case errors.As(err, &read):
		return nil, read
	case !utf8.ValidString(line):
		return nil, notUTF8
	case err != nil:
		return nil, formatError(fmt.Sprintf("no CSV: line %d, %v", in.line, err))
	}
	for i := range header {
		header[i] = strings.ToLower(strings.TrimSpace(header[i]))
	}
	for i, name := range header {
		if name != "" && slices.Contains(header[:i], name) {
			return nil, formatError(fmt.Sprintf("two columns %.40q", name))
		}
	}
	if slices.Contains(header, "load_pct") {
		return header, nil
	}
	if len(header) == 1 && strings.ContainsAny(line, ";\t") && strings.Contains(header[0], "load_pct") {
		return nil, formatError("columns must be separated by commas")
	}
	return nil, formatError(fmt.Sprintf("no column load_pct, but %.200s", strings.Join(header, ", ")))
}

// batch models rows; those of one machine have one model.
type batch struct {
	header []string
	models map[estimate.Chip]estimate.Model
	// most is the highest load_pct so far; fraction: one was between 0 and 1.
	most     float64
	fraction bool
}

// mostModels are kept at a time.
const mostModels = 1000

func (b *batch) model(c estimate.Chip) estimate.Model {
	m, ok := b.models[c]
	if !ok {
		if m = estimate.Describe(c); len(b.models) >= mostModels {
			clear(b.models)
		}
		b.models[c] = m
	}
	return m
}

func (b *batch) row(cells []string) (Range, error) {
	var bad error
	cell := func(name string) string {
		if i := slices.Index(b.header, name); i >= 0 && i < len(cells) {
			return strings.TrimSpace(cells[i])
		}
		return ""
	}
	amount := func(name string, most float64) float64 {
		s := cell(name)
		if s == "" {
			return 0
		}
		x, err := strconv.ParseFloat(s, 64)
		if err != nil || !(x >= 0 && x <= most) {
			bad = fmt.Errorf("%s: %.40q is not a number from 0 to %g", name, s, most)
		}
		return x
	}
	load := amount("load_pct", 100)
	if cell("load_pct") == "" {
		return Range{}, errors.New("load_pct is empty")
	}
	chip := estimate.Chip{
		Name: cell("cpu_model"), Sockets: int(amount("sockets", 1e3)), BaseMHz: amount("base_freq_mhz", 1e5),
		Cores: int(amount("cores", 1e5)), Threads: int(amount("threads", 1e5)),
	}
	clock, mhz, tdp := 1.0, amount("cpu_freq_mhz", 1e5), amount("tdp_w", 1e5)
	if bad != nil {
		return Range{}, bad
	}
	if mhz == 0 || chip.BaseMHz == 0 {
		chip.BaseMHz = 0
	} else {
		clock = mhz / chip.BaseMHz
	}
	b.most, b.fraction = max(b.most, load), b.fraction || load > 0 && load < 1
	b.sockets(&chip, tdp)
	model := b.model(chip)
	if model.How == estimate.Unknown && chip.Cores == 0 && chip.Threads == 0 && estimate.CoresOf(chip.Name) == 0 {
		chip.Threads = 2 * unknownCores * max(1, chip.Sockets)
		model = b.model(chip)
		return unknownWide(rangeOf(model.Range(load/100, clock))), nil
	}
	return rangeOf(model.Range(load/100, clock)), nil
}

// leastOfTDP is by how much a TDP may be below that of the table and still be set for the
// same CPU: makers' ranges go down to 0.4 (15 W of 35 W, laptops).
const leastOfTDP = 3

// sockets sets the TDP of one socket, and how many there are where a row does not say:
// what it has of cores and threads, or of watts, over what its model has. A TDP nearer to
// that of one socket is taken for it, though the column is that of all.
func (b *batch) sockets(chip *estimate.Chip, tdp float64) {
	one := b.model(estimate.Chip{Name: chip.Name})
	rated := one.TDP.Watts()
	whole := func(has, each int) bool { return each > 0 && has > each && has%each == 0 }
	switch cores := estimate.CoresOf(chip.Name); {
	case chip.Sockets > 0:
	case whole(chip.Cores, cores):
		chip.Sockets = chip.Cores / cores
	case chip.Cores == 0 && whole(chip.Threads, one.SKUThreads):
		chip.Sockets = chip.Threads / one.SKUThreads
	case chip.Cores == 0 && chip.Threads == 0 && rated > 0 && tdp > 1.5*rated:
		if n := math.Round(tdp / rated); math.Abs(tdp/rated-n) < 0.1 {
			chip.Sockets = int(n)
		}
	}
	if tdp*leastOfTDP < rated { // of another CPU, or of a part of this one
		tdp = 0
	}
	n := float64(max(1, chip.Sockets))
	if rated > 0 && tdp*tdp/n < rated*rated { // nearer, by their ratios
		n = 1
	}
	chip.TDP = energy.Watts(tdp / n)
}
