package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/engine"
)

// workFlags say whose counters tell what a run has done.
type workFlags struct{ engines []string }

func (w *workFlags) add(f *pflag.FlagSet) {
	f.StringArrayVar(&w.engines, "work", nil, "count what an `ENGINE` does: "+strings.Join(engine.Presets(), ", ")+", PRESET=URL, or UNIT=URL#METRIC")
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
