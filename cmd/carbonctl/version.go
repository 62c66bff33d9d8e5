package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/about"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/regions"
)

// build is what a version answers.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // commit that it was built from, "" if not known
	Modified bool   `json:"modified"` // with changes that no commit holds
	Go       string `json:"go"`
	System   string `json:"system"`
	Cgo      bool   `json:"cgo"`
	Data     string `json:"data"` // of the region tables
}

func built() build {
	b := build{
		Version: about.Version(), Go: runtime.Version(),
		System: runtime.GOOS + "/" + runtime.GOARCH, Data: regions.Version(),
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		case "CGO_ENABLED":
			b.Cgo = s.Value == "1"
		}
	}
	return b
}

func (a *app) version() *cobra.Command {
	var asJSON, schema bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print version information",
		Args:  atMost(0),
		RunE: func(*cobra.Command, []string) error {
			if schema {
				_, err := a.out.Write(footprint.JSONSchema())
				return err
			}
			b := built()
			if asJSON {
				return output.JSON(a.out, b)
			}
			fmt.Fprintf(a.out, "carbonctl %s, %s %s\n", b.Version, b.Go, b.System)
			fmt.Fprintf(a.out, "regions   %s\n", b.Data)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of a run's report instead")
	return cmd
}
