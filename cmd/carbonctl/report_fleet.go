package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/internal/fleet"
	"github.com/carbonctl/carbonctl/internal/format"
	"github.com/carbonctl/carbonctl/runs"
)

// fleetFlags are those of report for a store of metrics.
type fleetFlags struct {
	hosts string
	step  time.Duration
}

func (f *fleetFlags) add(to *pflag.FlagSet) {
	to.StringVar(&f.hosts, "hosts", "", "`FILE` list hosts of FILE (one per line) without any run")
	to.DurationVar(&f.step, "step", 0, "`TIME` query resolution (default range / 720)")
}

// fleetRange is what of a store is read where no --from says.
const fleetRange = 30 * 24 * time.Hour

// connect makes the stores among what was named readable.
func (f *fleetFlags) connect(ctx context.Context, r *reporting, filter runs.Filter, args []string) error {
	if !slices.ContainsFunc(args, fleet.Is) {
		if f.hosts != "" || f.step != 0 {
			return errors.New("--hosts and --step need a store, such as prometheus:http://127.0.0.1:9090")
		}
		return nil
	}
	if f.step < 0 || f.step > 0 && f.step < time.Second {
		return fmt.Errorf("--step: must be 1s or more, not %v", f.step)
	}
	var hosts []string
	var err error
	if f.hosts != "" {
		if hosts, err = hostsIn(f.hosts); err != nil {
			return fmt.Errorf("--hosts: %w", err)
		}
	}
	a, err := authOf("CARBONCTL_PROMETHEUS")
	if err != nil {
		return err
	}
	now := time.Now()
	s := fleet.Store{
		Auth: fleet.Auth{Token: a.Token, User: a.User, Password: a.Password, Tenant: os.Getenv("CARBONCTL_PROMETHEUS_TENANT")},
		From: filter.From, To: filter.To, Step: f.step,
	}
	if s.To.IsZero() || s.To.After(now) {
		s.To = now
	}
	if s.From.IsZero() {
		s.From = s.To.Add(-fleetRange)
	}
	if !s.From.Before(s.To) {
		return errors.New("--from: the time is in the future")
	}
	r.Elsewhere = func(name string) func(func(runs.Row)) error {
		if !fleet.Is(name) {
			return nil
		}
		return func(add func(runs.Row)) error {
			s := s
			s.URL = name
			seen, err := s.Read(ctx, add)
			if err != nil {
				return err
			}
			for _, line := range fleetNotes(seen, s.From, hosts) {
				r.say(line, "")
			}
			return nil
		}
	}
	return nil
}

// fleetNotes say what a store can't know.
func fleetNotes(s fleet.Seen, from time.Time, hosts []string) (all []string) {
	for _, w := range s.Warnings {
		all = append(all, "the store warns that its answer may lack runs: "+w)
	}
	if s.Cut > 0 {
		text := fmt.Sprintf("lower bounds: the end of %s was not scraped", countOf(s.Cut, "run"))
		if s.Interval > 0 {
			text += fmt.Sprintf("; up to about %s are missing, at mean power for the %v between two scrapes", format.Energy(energy.Joules(s.Missed)), s.Interval)
		}
		all = append(all, text)
	}
	if s.Mixed > 0 {
		all = append(all, fmt.Sprintf("the energy of %s is unknown: they ran at the same time with the same job and instance (%s)", countOf(s.Mixed, "run"), firstOf(s.MixedAt)))
	}
	if s.Before > 0 {
		all = append(all, fmt.Sprintf("%s began before %s: not counted", countOf(s.Before, "run"), from.UTC().Format("2006-01-02 15:04 UTC")))
	}
	if s.Unnamed > 0 {
		all = append(all, fmt.Sprintf("%s without carbonctl_run_info: not counted", countOf(s.Unnamed, "series")))
	}
	if missing := slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return slices.Contains(s.Hosts, h) }); len(missing) > 0 {
		all = append(all, fmt.Sprintf("%d of %s have no run: %s", len(missing), countOf(len(hosts), "host"), firstOf(missing)))
	}
	if len(hosts) == 0 && len(s.Silent) > 0 {
		all = append(all, fmt.Sprintf("%s without a run: %s", countOf(len(s.Silent), "target"), firstOf(s.Silent)))
	}
	return all
}

// firstOf names some of a long list.
func firstOf(list []string) string {
	const most = 10
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
}

func countOf(n int, what string) string {
	if n == 1 || what == "series" {
		return fmt.Sprintf("%d %s", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// maxHosts bounds a list of hosts.
const maxHosts = 1_000_000

// hostsIn reads a list of hosts, one a line; "#" begins a remark.
func hostsIn(path string) (all []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		line, _, _ := strings.Cut(s.Text(), "#")
		if line = strings.TrimSpace(line); line != "" && len(all) < maxHosts {
			all = append(all, line)
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
