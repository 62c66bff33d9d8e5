package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carbonctl/carbonctl/internal/about"
	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/internal/input"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/serve"
	"github.com/carbonctl/carbonctl/internal/serve/store"
	"github.com/carbonctl/carbonctl/regions/live"
	"github.com/carbonctl/carbonctl/runs"
)

// serveGrace is how long answers that are underway may take once serve is told
// to end.
const serveGrace = 5 * time.Second

// gcPercent lets garbage grow to a third of what is kept, once all is read: rows stay for as
// long as they are served, and little is made besides.
const gcPercent = 30

// serving is one run of serve.
type serving struct {
	*app
	listen, live, token, budget, title string
	hosts                              []string
	json                               bool
}

func (a *app) serve() *cobra.Command {
	s := &serving{app: a}
	cmd := &cobra.Command{
		Use:   "serve [FILE|DIR|PATTERN…]",
		Short: "Serve live web pages of runs, and a carbon intensity API",
		Long: `Serve the runs of ledgers as web pages that update live: all runs with filters,
single runs, and comparisons. The default is the ledger that wrap writes;
ledgers are only read. Also serve carbon intensities as JSON under /v1/, and in
the format of the Carbon Aware SDK.

Listens on localhost by default. On other addresses pages require the token in
--token-file; the intensity API and /healthz do not. Behind a proxy, add its
host with --allow-host. SIGTERM and SIGINT shut down gracefully.`,
		Example: `  carbonctl serve
  carbonctl serve /data/ledgers --budget 220kg
  carbonctl serve --listen 0.0.0.0:9106 --token-file token
  curl -H "Authorization: Bearer $(cat token)" http://node:9106/?format=json
  curl 'http://127.0.0.1:9106/v1/emissions?region=FR&energy=1.2kWh'
  carbonctl serve --ledger none --live gbcarbon`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.run(cmd.Context(), cmd.Flags(), args)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&s.listen, "listen", ":9106", "`ADDRESS` listen on ADDRESS; without a host, on localhost only")
	f.StringVar(&s.token, "token-file", "", "`FILE` require the token in FILE, at least 16 characters")
	f.StringArrayVar(&s.hosts, "allow-host", nil, "`NAME` also accept this Host header, as behind a proxy; repeatable")
	f.StringVar(&s.budget, "budget", "", "`AMOUNT` monthly budget: 50kg, 200kWh (default the setting monthly-budget)")
	f.StringVar(&s.title, "title", "", "`TEXT` title of the pages, such as a team's name")
	f.StringVar(&s.live, "live", "", "`NAME` live service for the intensity API: "+strings.Join(live.Names(), ", "))
	f.String("ledger", "", "`FILE` ledger to serve without an argument; none for the intensity API only")
	f.String(config.Car, "", config.CarUsage)
	tableFlag(f)
	f.BoolVar(&s.json, "json", false, "print the address as JSON")
	return cmd
}

func (s *serving) run(ctx context.Context, flags *pflag.FlagSet, args []string) error {
	t, err := table(flags)
	if err != nil {
		return err
	}
	cfg := serve.Config{Table: t, Version: about.Version()}
	if s.live != "" {
		l, err := live.Open(s.live, liveOptions(t))
		if err != nil {
			return fmt.Errorf("--live: %w", err)
		}
		cfg.Live, cfg.Ahead = l.Now, l.Ahead
	}
	if cfg.Pages, err = s.pages(flags, args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	l, err := serve.Listen(ctx, s.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	wide := true
	if host, _, err := net.SplitHostPort(l.Addr().String()); err == nil {
		wide = !net.ParseIP(host).IsLoopback()
	}
	if cfg.Pages != nil {
		cfg.Pages.Access.Wide = wide
	}
	h := serve.New(cfg)
	var following sync.WaitGroup
	defer following.Wait()
	if p := cfg.Pages; p != nil {
		following.Go(func() { p.Store.Run(ctx) })
		following.Go(func() { h.Follow(ctx) })
		following.Go(func() {
			if _, err := p.Store.Loaded(ctx); err == nil && os.Getenv("GOGC") == "" {
				debug.SetGCPercent(gcPercent)
				debug.FreeOSMemory() // what reading needed
			}
		})
	}
	defer stop() // before the wait
	if err := s.tell(l, t.Version()); err != nil {
		_ = l.Close()
		return err
	}
	if p := cfg.Pages; wide && p != nil && p.Access.Token == "" {
		s.say("warning: pages are refused on "+s.listen+": no token", "carbonctl serve --listen "+s.listen+" --token-file FILE")
	}
	return serve.Run(ctx, l, h, serveGrace)
}

// tell says where it serves.
func (s *serving) tell(l net.Listener, data string) error {
	url := "http://" + l.Addr().String()
	if s.json {
		return output.JSON(s.out, map[string]string{"url": url, "data": data})
	}
	_, err := fmt.Fprintf(s.out, "serving on %s\n", url)
	return err
}

// pages are those of the runs that were named, nil where there is no ledger.
func (s *serving) pages(flags *pflag.FlagSet, args []string) (*serve.Pages, error) {
	c, err := only(flags, config.Ledger, config.Car)
	if err != nil {
		return nil, err
	}
	p := &serve.Pages{Title: s.title, Car: c.car, Budget: c.budget}
	if s.budget != "" {
		if p.Budget, err = runs.ParseAllowance(s.budget); err != nil {
			return nil, fmt.Errorf("--budget: %w", err)
		}
	}
	for _, host := range s.hosts {
		if host == "" || strings.ContainsAny(host, "/: \t") {
			return nil, fmt.Errorf("--allow-host: invalid host %.40q: use a name without scheme and port", host)
		}
		p.Access.Hosts = append(p.Access.Hosts, strings.ToLower(host))
	}
	if s.token != "" {
		b, err := os.ReadFile(s.token)
		if err == nil {
			p.Access.Token, err = serve.ParseToken(b)
		}
		if err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
	}
	if len(args) == 0 && (c.Ledger == "" || c.Ledger == "none") {
		return nil, nil
	}
	if len(args) > 0 {
		for _, arg := range args {
			if arg == input.Stdin {
				return nil, fmt.Errorf("%q is not a file: serve reads ledgers and directories", arg)
			}
		}
		if _, err := (&input.Reader{Ledger: c.Ledger}).Ledgers(args); err != nil {
			return nil, err
		}
	}
	p.Store = store.New(store.Options{Args: args, Ledger: c.Ledger})
	return p, nil
}
