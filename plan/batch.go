package plan

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/estimate"
)

// Batch reads rows of CPUs under load as CSV and writes the modelled power of each as
// CSV: row_id from 0, pred_w, pred_lo_w, pred_hi_w. Columns are found by name, in any
// order, and others are passed over: tdp_w, cores and threads are those of all sockets
// together, load_pct 0 to 100, cpu_freq_mhz the clock at work; load_pct must be there, and
// what is empty is not known. A CPU of which nothing is known has the cores and the wide
// band that Ask gives one. A row that can't be read has empty cells, and its error is
// among those that Batch returns, joined.
func Batch(r io.Reader, w io.Writer) error {
	text := bufio.NewReader(r)
	if mark, _ := text.Peek(3); string(mark) == "\ufeff" {
		_, _ = text.Discard(len(mark)) // they are there
	}
	in := csv.NewReader(text)
	in.FieldsPerRecord = -1
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return errors.New("no header: the columns are load_pct, cpu_model, tdp_w, cores, threads, sockets, cpu_freq_mhz, base_freq_mhz")
	}
	if err != nil {
		return err
	}
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	if !slices.Contains(header, "load_pct") {
		return fmt.Errorf("no column load_pct, but %.200s", strings.Join(header, ", "))
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
