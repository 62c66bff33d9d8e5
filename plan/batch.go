package plan

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
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

const notUTF8 = formatError("not text in UTF-8: save it as CSV in UTF-8")

// Batch reads rows of CPUs under load as CSV and writes the modelled power of each as
// CSV: row_id from 0, pred_w, pred_lo_w, pred_hi_w. Columns are found by name, in any
// order, and others are passed over: tdp_w, cores and threads are those of all sockets
// together, load_pct 0 to 100, cpu_freq_mhz the clock at work; load_pct must be there, and
// what is empty is not known. A CPU of which nothing is known has the cores and the wide
// band that Ask gives one. A row that can't be read has empty cells, and its error is
// among those that Batch returns, joined. Where the text is no such CSV at all, nothing is
// written, and the error matches [ErrFormat]. Names of columns are taken without regard to
// case.
func Batch(r io.Reader, w io.Writer) error {
	text := bufio.NewReader(r)
	if mark, _ := text.Peek(3); string(mark) == "\ufeff" {
		_, _ = text.Discard(len(mark)) // they are there
	}
	if start, _ := text.Peek(256); bytes.IndexByte(start, 0) >= 0 { // every second one, in UTF-16
		return notUTF8
	}
	in := csv.NewReader(text)
	in.FieldsPerRecord = -1
	header, err := batchHeader(in)
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	_ = out.Write([]string{"row_id", "pred_w", "pred_lo_w", "pred_hi_w"}) // Flush tells its error
	var errs []error
	for id := 0; ; id++ {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if parse := (*csv.ParseError)(nil); err != nil && !errors.As(err, &parse) {
			errs = append(errs, err) // of the file itself
			break
		}
		var p Range
		if err == nil {
			line, _ := in.FieldPos(0)
			if p, err = batchRow(header, cells); err != nil {
				err = fmt.Errorf("line %d: %w", line, err)
			}
		}
		if err != nil {
			errs = append(errs, err)
			_ = out.Write([]string{strconv.Itoa(id), "", "", ""})
			continue
		}
		_ = out.Write([]string{strconv.Itoa(id), fixed2(p.Expected), fixed2(p.Low), fixed2(p.High)})
	}
	out.Flush()
	return errors.Join(append(errs, out.Error())...)
}

// batchHeader reads the names of the columns.
func batchHeader(in *csv.Reader) ([]string, error) {
	header, err := in.Read()
	line := strings.Join(header, ",")
	parse := (*csv.ParseError)(nil)
	switch {
	case errors.Is(err, io.EOF):
		return nil, formatError("no header: the columns are load_pct, cpu_model, tdp_w, cores, threads, sockets, cpu_freq_mhz, base_freq_mhz")
	case err != nil && !errors.As(err, &parse):
		return nil, unreadable{err}
	case !utf8.ValidString(line):
		return nil, notUTF8
	case err != nil:
		return nil, formatError(fmt.Sprintf("no CSV: line %d, column %d: %v", parse.Line, parse.Column, parse.Err))
	}
	for i := range header {
		header[i] = strings.ToLower(strings.TrimSpace(header[i]))
	}
	if slices.Contains(header, "load_pct") {
		return header, nil
	}
	if len(header) == 1 && strings.ContainsAny(line, ";\t") && strings.Contains(header[0], "load_pct") {
		return nil, formatError("columns must be separated by commas")
	}
	return nil, formatError(fmt.Sprintf("no column load_pct, but %.200s", strings.Join(header, ", ")))
}

func batchRow(header, cells []string) (Range, error) {
	var bad error
	cell := func(name string) string {
		if i := slices.Index(header, name); i >= 0 && i < len(cells) {
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
	load, sockets := amount("load_pct", 100), int(amount("sockets", 1e3))
	if cell("load_pct") == "" {
		return Range{}, errors.New("load_pct is empty")
	}
	chip := estimate.Chip{
		Name: cell("cpu_model"), Sockets: sockets, BaseMHz: amount("base_freq_mhz", 1e5),
		Cores: int(amount("cores", 1e5)), Threads: int(amount("threads", 1e5)),
		TDP: energy.Watts(amount("tdp_w", 1e5) / max(1, float64(sockets))),
	}
	clock, mhz := 1.0, amount("cpu_freq_mhz", 1e5)
	if bad != nil {
		return Range{}, bad
	}
	if mhz == 0 || chip.BaseMHz == 0 {
		chip.BaseMHz = 0
	} else {
		clock = mhz / chip.BaseMHz
	}
	model := estimate.Describe(chip)
	if model.How == estimate.Unknown && chip.Cores == 0 && chip.Threads == 0 {
		chip.Threads = 2 * unknownCores
		model = estimate.Describe(chip)
		return unknownWide(rangeOf(model.Range(load/100, clock))), nil
	}
	return rangeOf(model.Range(load/100, clock)), nil
}
