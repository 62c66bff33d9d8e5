package live

import (
	"fmt"
	"strings"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/carbonaware"
	"github.com/carbonctl/carbonctl/regions/electricitymaps"
	"github.com/carbonctl/carbonctl/regions/entsoe"
	"github.com/carbonctl/carbonctl/regions/gbcarbon"
	"github.com/carbonctl/carbonctl/regions/plain"
	"github.com/carbonctl/carbonctl/regions/rte"
	"github.com/carbonctl/carbonctl/regions/watttime"
)

// An entry is one service of the table.
type entry struct {
	name     string
	needs    []string // keys of the variables that it cannot do without
	ahead    bool     // it has forecasts
	marginal bool     // it has marginal figures only
	only     string   // the one country that it covers, "" for many
	argument string   // what stands behind the name and a colon, "" for nothing
	open     func(value func(key string) string, o Options) (Service, error)
}

// label is how the entry is named in help and errors.
func (e entry) label() string {
	if e.argument != "" {
		return e.name + ":" + e.argument
	}
	return e.name
}

func (e entry) variable(key string) string {
	return "CARBONCTL_" + strings.ToUpper(e.name) + "_" + key
}

// table lists the services. To add one, write its provider and its line here, and its
// variables in package config.
func table() []entry {
	return []entry{
		{name: "carbonaware", needs: []string{"URL"}, ahead: true, open: openCarbonAware},
		{name: "electricitymaps", needs: []string{"TOKEN"}, ahead: true,
			open: func(value func(string) string, o Options) (Service, error) {
				p, err := electricitymaps.New(electricitymaps.Config{Token: value("TOKEN"), Base: value("URL"), Cache: o.Cache, Table: o.Table})
				return Service{Now: p, Ahead: p}, err
			}},
		{name: "entsoe", needs: []string{"TOKEN"},
			open: func(value func(string) string, o Options) (Service, error) {
				p, err := entsoe.New(entsoe.Config{Token: value("TOKEN"), Base: value("URL"), Cache: o.Cache, Table: o.Table})
				return Service{Now: p}, err
			}},
		{name: "file", argument: "PATH", ahead: true, open: func(value func(string) string, o Options) (Service, error) {
			p, err := plain.New(plain.Config{From: value("PATH"), Cache: o.Cache, Table: o.Table})
			return Service{Now: p, Ahead: p}, err
		}},
		{name: "gbcarbon", ahead: true, only: "GB",
			open: func(value func(string) string, o Options) (Service, error) {
				p, err := gbcarbon.New(gbcarbon.Config{Base: value("URL"), Cache: o.Cache, Table: o.Table})
				return Service{Now: p, Ahead: p}, err
			}},
		{name: "rte", only: "FR",
			open: func(value func(string) string, o Options) (Service, error) {
				return Service{Now: rte.New(rte.Config{Base: value("URL"), Cache: o.Cache, Table: o.Table})}, nil
			}},
		{name: "watttime", needs: []string{"USER", "PASSWORD"}, ahead: true, marginal: true,
			open: func(value func(string) string, o Options) (Service, error) {
				p, err := watttime.New(watttime.Config{User: value("USER"), Password: value("PASSWORD"), Base: value("URL"), Cache: o.Cache, Table: o.Table})
				return Service{Ahead: p}, err
			}},
	}
}

// openCarbonAware makes a Carbon Aware SDK ready: what its figures count is only known to
// whoever runs it.
func openCarbonAware(value func(string) string, o Options) (Service, error) {
	cfg := carbonaware.Config{Base: value("URL"), Cache: o.Cache, Table: o.Table}
	switch scope := value("SCOPE"); scope {
	case "", string(regions.Lifecycle), string(regions.Direct):
		cfg.Scope = regions.Scope(scope)
	case "marginal":
		cfg.Marginal = true
	default:
		return Service{}, fmt.Errorf("CARBONCTL_CARBONAWARE_SCOPE: invalid scope %.40q: use lifecycle, direct or marginal", scope)
	}
	p, err := carbonaware.New(cfg)
	if cfg.Marginal {
		return Service{Ahead: p}, err
	}
	return Service{Now: p, Ahead: p}, err
}
