package plan

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/carbonctl/carbonctl/internal/nearest"
)

// File is a plan of several jobs, in TOML: what holds for all, and a [[work]] for each.
type File struct {
	Method    Method   `toml:"method"`
	Region    Regions  `toml:"region"`    // one, or a list to be ranked
	Intensity *float64 `toml:"intensity"` // g/kWh, in place of the region's
	PUE       float64  `toml:"pue"`
	Work      []Ask    `toml:"work"`
}

// Regions is one region or a list of them.
type Regions []string

// UnmarshalTOML implements toml.Unmarshaler.
func (r *Regions) UnmarshalTOML(value any) error {
	all, ok := value.([]any)
	if !ok {
		all = []any{value}
	}
	for _, v := range all {
		s, ok := v.(string)
		if !ok {
			return fmt.Errorf("a region is a text, not %v", v)
		}
		*r = append(*r, s)
	}
	return nil
}

// ReadFile reads a plan; an unknown key is an error.
func ReadFile(r io.Reader) (File, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return File{}, err
	}
	var f File
	meta, err := toml.Decode(string(text), &f)
	if err != nil {
		return File{}, wrongTOML(err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		if len(unknown[0]) > 1 {
			return File{}, unknownKey(unknown[0], "a [[work]]", Ask{})
		}
		return File{}, unknownKey(unknown[0], "a plan", File{})
	}
	if len(f.Work) == 0 {
		return File{}, fmt.Errorf("no [[work]] in the plan")
	}
	return f, zeros(string(text))
}

// zeros refuses an amount of 0 that stands in a plan, where one that does not is 1 or all.
func zeros(text string) error {
	var given struct {
		PUE  any              `toml:"pue"`
		Work []map[string]any `toml:"work"`
	}
	if _, err := toml.Decode(text, &given); err != nil {
		return err
	}
	zero := func(value any) bool { return value == int64(0) || value == 0.0 }
	if zero(given.PUE) {
		return errors.New("pue: must be at least 1")
	}
	for i, work := range given.Work {
		for key, value := range work {
			if zero(value) && key != "usage" && key != "watts" {
				return fmt.Errorf("work %d: %s: must be above 0", i+1, key)
			}
		}
	}
	return nil
}

// wrongTOML says what a value of another type should be, for which the decoder has no
// error of a type, and gives other errors their line alone.
func wrongTOML(err error) error {
	if at := (toml.ParseError{}); errors.As(err, &at) {
		return fmt.Errorf("line %d: %s", at.Position.Line, at.Message)
	}
	var line int
	var key string
	_, want, ok := strings.Cut(err.Error(), "destination has type ")
	if n, _ := fmt.Sscanf(err.Error(), "toml: line %d (last key %q)", &line, &key); n < 2 || !ok {
		return err
	}
	switch {
	case want == "float":
		want = "a number, without quotes"
	case want == "integer":
		want = "a whole number, without quotes"
	case want == "string":
		want = "a text in quotes"
	case want == "slice" && key == "work":
		want = "[[work]], in two pairs of brackets"
	}
	return fmt.Errorf("line %d: %s: must be %s", line, key, want)
}

// unknownKey names the keys that there are, and the one that was probably meant.
func unknownKey(key toml.Key, of string, in any) error {
	last, keys := key[len(key)-1], keysOf(in)
	if near := nearest.Of(last, slices.Values(keys)); near != "" {
		return fmt.Errorf("unknown key %q; did you mean %q?", key.String(), near)
	}
	return fmt.Errorf("unknown key %q: the keys of %s are %s", key.String(), of, strings.Join(keys, ", "))
}

// keysOf are the keys that a struct has in TOML.
func keysOf(of any) (keys []string) {
	t := reflect.TypeOf(of)
	for i := range t.NumField() {
		keys = append(keys, t.Field(i).Tag.Get("toml"))
	}
	return keys
}

// Sum adds estimates of one method and one PUE up: low with low and high with high. Parts
// and inputs stay with the jobs. Jobs of a year are told where others are not.
func Sum(jobs []Estimate) Estimate {
	if len(jobs) == 1 {
		return jobs[0]
	}
	var sum Estimate
	yearly := 0
	for _, e := range jobs {
		if e.Yearly {
			yearly++
		}
		sum.Method, sum.PUE = e.Method, e.PUE
		sum.Computing, sum.Energy = sum.Computing.Plus(e.Computing), sum.Energy.Plus(e.Energy)
		sum.Grams = sum.Grams.Plus(e.Grams)
		sum.Embodied += e.Embodied
	}
	switch sum.Yearly = yearly == len(jobs); {
	case sum.Yearly:
		sum.Notes = []string{ofYear}
	case yearly > 0:
		sum.Notes = []string{"a job with a rate counts for a year, the others as often as they say"}
	}
	return sum
}
