package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/carbonaware"
	"github.com/carbonctl/carbonctl/regions/electricitymaps"
	"github.com/carbonctl/carbonctl/regions/entsoe"
	"github.com/carbonctl/carbonctl/regions/gbcarbon"
	"github.com/carbonctl/carbonctl/regions/rte"
	"github.com/carbonctl/carbonctl/regions/watttime"
)

// live is a service that knows the hour at hand or those to come.
type live struct {
	name  string
	now   regions.Provider   // nil: its figures are marginal, and never emissions
	ahead regions.Forecaster // nil: it has no forecast
}

// liveNames are the services that there are; ahead, those that know the future.
func liveNames(ahead bool) []string {
	names := []string{"carbonaware", "electricitymaps", "gbcarbon", "watttime"}
	if !ahead {
		names = append(names, "entsoe", "rte")
		slices.Sort(names)
	}
	return names
}

// envError is a variable of the environment that a service needs.
type envError struct{ name, variable string }

func (e *envError) Error() string {
	return fmt.Sprintf("--live %s needs the variable %s", e.name, e.variable)
}

// liveOf makes a service ready by its name; it asks nothing yet. Tokens come
// from the environment alone: neither a flag, which others see, nor a file.
func liveOf(name string, t *regions.Table, env func(string) string) (l live, err error) {
	l.name = name
	need := func(key string) string {
		key = "CARBONCTL_" + strings.ToUpper(name) + "_" + key
		v := env(key)
		if v == "" && err == nil {
			err = &envError{name, key}
		}
		return v
	}
	base, cache := env("CARBONCTL_"+strings.ToUpper(name)+"_URL"), cacheOf(name)
	var newErr error
	switch name {
	case "electricitymaps":
		token := need("TOKEN")
		if err != nil {
			return l, err
		}
		p, e := electricitymaps.New(electricitymaps.Config{Token: token, Base: base, Cache: cache, Table: t})
		l.now, l.ahead, newErr = p, p, e
	case "gbcarbon":
		p, e := gbcarbon.New(gbcarbon.Config{Base: base, Cache: cache, Table: t})
		l.now, l.ahead, newErr = p, p, e
	case "rte":
		l.now = rte.New(rte.Config{Base: base, Cache: cache, Table: t})
	case "entsoe":
		token := need("TOKEN")
		if err != nil {
			return l, err
		}
		p, e := entsoe.New(entsoe.Config{Token: token, Base: base, Cache: cache, Table: t})
		l.now, newErr = p, e
	case "watttime":
		user, password := need("USER"), need("PASSWORD")
		if err != nil {
			return l, err
		}
		p, e := watttime.New(watttime.Config{User: user, Password: password, Base: base, Cache: cache, Table: t})
		l.ahead, newErr = p, e
	case "carbonaware":
		cfg := carbonaware.Config{Base: need("URL"), Cache: cache, Table: t}
		if err != nil {
			return l, err
		}
		switch scope := env("CARBONCTL_CARBONAWARE_SCOPE"); scope {
		case "", string(regions.Lifecycle), string(regions.Direct):
			cfg.Scope = regions.Scope(scope)
		case "marginal":
			cfg.Marginal = true
		default:
			return l, fmt.Errorf("CARBONCTL_CARBONAWARE_SCOPE: %.40q is not one of lifecycle, direct, marginal", scope)
		}
		p, e := carbonaware.New(cfg)
		l.ahead, newErr = p, e
		if !cfg.Marginal {
			l.now = p
		}
	default:
		return l, fmt.Errorf("--live: %.40q is not one of %s", name, strings.Join(liveNames(false), ", "))
	}
	if newErr != nil {
		return live{}, fmt.Errorf("--live %s: %w", name, newErr)
	}
	return l, nil
}

// liveOver is a service by its name, and the table where that fails; the table
// alone for no name.
func liveOver(name string, t *regions.Table, q regions.Query) (regions.Provider, error) {
	if name == "" {
		return t, nil
	}
	if q.Year != 0 || q.Market {
		return nil, fmt.Errorf("--live: %s has only the current hour: leave out --year and --market", name)
	}
	l, err := liveOf(name, t, os.Getenv)
	switch {
	case err != nil:
		return nil, err
	case l.now == nil:
		return nil, fmt.Errorf("--live: the figures of %s are marginal, not for accounting: use them with %q", name, "carbonctl when")
	}
	return regions.Else(l.now, t), nil
}

// cacheOf is where the answers of a service are kept, "" for nowhere.
func cacheOf(name string) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "carbonctl", name)
}
