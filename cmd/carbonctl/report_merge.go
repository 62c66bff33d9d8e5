package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/screen"
	"github.com/carbonctl/carbonctl/ledger"
)

func (a *app) merge() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "merge OUT IN…",
		Short: "Merge ledgers of several hosts, keeping their hash chains",
		Long: `Copy the rows of several ledgers to a new file OUT, unchanged, so that
"carbonctl verify OUT" can check each of their hash chains. Duplicate rows are
written once. If two chains diverge, nothing is written.

IN is a ledger (also gzip), a directory, a quoted pattern, - for stdin, or a run
(last or an ID) for its ledger. Do not append to OUT: each host keeps writing to
its own ledger. The exit code is 1 if an incomplete last line was skipped.`,
		Example: `  carbonctl report merge all.csv node1.csv node2.csv
  carbonctl verify all.csv --head node1.csv.head --head node2.csv.head`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return errors.New("no files given: carbonctl report merge OUT IN…")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r := &reading{app: a}
			if err := r.look(cmd.Flags()); err != nil {
				return err
			}
			files, err := r.Ledgers(args[1:])
			if err != nil {
				return err
			}
			var in []string
			for _, f := range files {
				in = append(in, f.Path)
			}
			heads, err := ledger.MergeFrom(func(path string) (io.ReadCloser, error) { return r.Open(path) }, args[0], in...)
			if heads == nil {
				return err
			}
			if err != nil {
				r.told(err)
			}
			m := screen.Merged{File: args[0]}
			for _, h := range heads {
				m.Rows += h.Rows
				m.Heads = append(m.Heads, screen.Head(h))
			}
			if asJSON {
				err = output.JSON(a.out, m)
			} else {
				err = m.Text(a.out)
			}
			if err == nil && r.bad {
				err = &exitError{code: exitFinding}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}
