package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/engine"
	"github.com/carbonctl/carbonctl/internal/watch"
)

// workFlags say whose counters tell what a run has done.
type workFlags struct{ engines, patterns []string }

func (w *workFlags) add(f *pflag.FlagSet) {
	f.StringArrayVar(&w.engines, "work", nil, "`ENGINE` count the work of an inference engine: "+strings.Join(engine.Presets(), ", ")+", PRESET=URL, or UNIT=URL#METRIC")
}

// addPatterns adds the flag for commands whose output can be read.
func (w *workFlags) addPatterns(f *pflag.FlagSet) {
	f.StringArrayVar(&w.patterns, "work-pattern", nil, "`UNIT=RE` count work by a growing number in the output, matched by the group in RE")
}

// tallies are what the output is to be searched for.
func (w *workFlags) tallies() (all []*watch.Tally, err error) {
	for _, s := range w.patterns {
		t, err := watch.ParseTally(s)
		if err != nil {
			return nil, fmt.Errorf("--work-pattern: %w", err)
		}
		all = append(all, t)
	}
	return all, nil
}

// targets are the engines to look at.
func (w *workFlags) targets() (all []engine.Target, err error) {
	for _, s := range w.engines {
		t, err := engine.ParseTarget(s)
		if err != nil {
			return nil, fmt.Errorf("--work: %w", err)
		}
		all = append(all, t)
	}
	return all, nil
}
