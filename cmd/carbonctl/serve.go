package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/carbonctl/carbonctl/internal/about"
	"github.com/carbonctl/carbonctl/internal/output"
	"github.com/carbonctl/carbonctl/internal/serve"
	"github.com/carbonctl/carbonctl/regions/live"
)

// serveGrace is how long answers that are underway may take once serve is told
// to end.
const serveGrace = 5 * time.Second

func (a *app) serve() *cobra.Command {
	var asJSON bool
	var listen, name string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve carbon intensities over HTTP",
		Long: `Serve carbon intensities and emissions over HTTP as JSON, through an API of its
own and that of the Carbon Aware SDK. "/" lists the endpoints. Listens on
localhost by default. There is no authentication. Shuts down gracefully on
SIGTERM or SIGINT.`,
		Example: `  carbonctl serve --listen :9106
  curl 'http://127.0.0.1:9106/v1/emissions?region=FR&energy=1.2kWh'
  curl 'http://127.0.0.1:9106/emissions/bylocation?location=westeurope'
  carbonctl serve --listen 0.0.0.0:9106 --live gbcarbon`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := table(cmd.Flags())
			if err != nil {
				return err
			}
			cfg := serve.Config{Table: t, Version: about.Version()}
			if name != "" {
				l, err := live.Open(name, liveOptions(t))
				if err != nil {
					return fmt.Errorf("--live: %w", err)
				}
				cfg.Live, cfg.Ahead = l.Now, l.Ahead
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
			defer stop()
			l, err := serve.Listen(ctx, listen)
			if err != nil {
				return fmt.Errorf("--listen: %w", err)
			}
			url := "http://" + l.Addr().String()
			if asJSON {
				err = output.JSON(a.out, map[string]string{"url": url, "data": t.Version()})
			} else {
				_, err = fmt.Fprintf(a.out, "serving on %s\n", url)
			}
			if err != nil {
				return err
			}
			if host, _, _ := net.SplitHostPort(l.Addr().String()); !net.ParseIP(host).IsLoopback() {
				a.say("warning: listening on "+host+" without authentication", "--listen without a host binds to 127.0.0.1 only")
			}
			return serve.Run(ctx, l, serve.New(cfg), serveGrace)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&listen, "listen", ":9106", "listen on `ADDRESS`; without a host, on localhost only")
	f.StringVar(&name, "live", "", "`NAME` of a live service to ask first: "+strings.Join(live.Names(), ", "))
	tableFlag(f)
	f.BoolVar(&asJSON, "json", false, "print as JSON where it serves")
	return cmd
}
