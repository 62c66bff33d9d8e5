package main

import (
	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/screen"
)

func (a *app) regionsData() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Show the sources, dates and licences of the built-in tables",
		Args:  atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := table(cmd.Flags())
			if err != nil {
				return err
			}
			c := screen.ContentsOf(cmd.Context(), t)
			if asJSON {
				return output.JSON(a.out, c)
			}
			return c.Text(a.out)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	tableFlag(cmd.Flags())
	return cmd
}
