package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/ledger/foreign"
	"github.com/carbonctl/carbonctl/plan"
	"github.com/carbonctl/carbonctl/regions"
)

func (a *app) importSacct() *cobra.Command {
	m := &importing{reading: reading{app: a}, format: string(foreign.Slurm)}
	var cluster, method, since string
	cmd := &cobra.Command{
		Use:   "sacct [FILE…]",
		Short: "Import the jobs of a SLURM cluster into a ledger",
		Long: `Import the jobs of a SLURM cluster into a ledger, from the output of "sacct -P"
in FILE or, without FILE, by running sacct. Energy is modelled from CPU time,
GPUs and memory; --cluster describes the partitions.

A job and its steps are one row. Unfinished jobs are skipped: import them later.
The emissions of failed jobs and of unused requested memory are reported.`,
		Example: `  carbonctl import sacct jobs.txt --cluster cluster.toml --ledger jobs.csv
  carbonctl import sacct --since 2026-11-01 --region FR
  carbonctl report jobs.csv --by user`,
		RunE: func(cmd *cobra.Command, args []string) error {
			zone, err := region(cmd.Flags())
			if err != nil {
				return err
			}
			m.cluster = func(ctx context.Context, table *regions.Table) error {
				return m.setCluster(ctx, table, cluster, plan.Method(method), func() (string, error) { return zone, nil })
			}
			if len(args) == 0 {
				out, err := askSacct(cmd.Context(), since)
				if err != nil {
					return err
				}
				m.Stdin, args = bytes.NewReader(out), []string{"-"}
			} else if since != "" {
				return errors.New("--since and a file: choose one")
			}
			if err := m.run(cmd.Context(), cmd.Flags(), args); err != nil {
				return err
			}
			if m.bad {
				return &exitError{code: exitFinding}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&cluster, "cluster", "", "`FILE` TOML file of the partitions: CPU, GPU, PUE, region")
	f.StringVar(&method, "method", "", "`METHOD` formula: carbonctl, green-algorithms")
	f.StringVar(&since, "since", "", "`TIME` without FILE: jobs since TIME, as sacct takes it (default today)")
	m.flags(f)
	return cmd
}

// askSacct runs sacct, for the jobs that this user may see.
func askSacct(ctx context.Context, since string) ([]byte, error) {
	args := []string{"-P", "--format=" + foreign.SacctFields}
	if since != "" {
		args = append(args, "--starttime="+since)
	}
	cmd := exec.CommandContext(ctx, "sacct", args...)
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, errors.New("sacct is not installed: pass a FILE with the output of \"sacct -P\"")
	}
	if err != nil {
		return nil, fmt.Errorf("sacct: %w: %.200s", err, strings.TrimSpace(words.String()))
	}
	return out, nil
}

// setCluster reads the cluster's file, and says which grid a partition is on: that of the
// flags, else its own, else that of the zone that is settled, "" for the world.
func (m *importing) setCluster(ctx context.Context, table *regions.Table, file string, method plan.Method, settled func() (string, error)) error {
	o := &m.options
	if o.Method = method; !slices.Contains([]plan.Method{"", plan.Ours, plan.GreenAlgorithms}, method) {
		return fmt.Errorf("--method: unknown method %.40q: use %s or %s", method, plan.Ours, plan.GreenAlgorithms)
	}
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("--cluster: %w", err)
		}
		defer f.Close() // nothing is written to it
		if o.Cluster, err = plan.ReadCluster(f); err != nil {
			return fmt.Errorf("--cluster: %s: %w", file, err)
		}
	}
	told := false
	flagged := o.Intensity
	o.Grid = func(partition string, at time.Time) (regions.Intensity, error) {
		p, _ := o.Cluster.Partition(partition)
		switch {
		case flagged != nil:
			return flagged(at)
		case p.Intensity != nil:
			own, err := config.ParseIntensity(fmt.Sprint(*p.Intensity), table)
			if err != nil {
				return regions.Intensity{}, err
			}
			return own.Intensity(ctx, regions.Query{Zone: p.Region, Time: at})
		case p.Region != "":
			return table.Intensity(ctx, regions.Query{Zone: p.Region, Time: at})
		}
		zone, err := settled()
		if err != nil {
			return regions.Intensity{}, err
		}
		if zone == "" && !told {
			told = true
			m.say("no region given: using the world mean", "--region ZONE sets it, or region in the file of --cluster")
		}
		return table.Intensity(ctx, regions.Query{Zone: zone, Time: at})
	}
	return nil
}
