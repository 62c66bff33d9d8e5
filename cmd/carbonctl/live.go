package main

import (
	"os"
	"path/filepath"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/live"
)

// liveOptions are how this user reaches live services.
func liveOptions(t *regions.Table) live.Options {
	o := live.Options{Table: t, Env: os.Getenv}
	if dir, err := os.UserCacheDir(); err == nil {
		o.Cache = filepath.Join(dir, "carbonctl")
	}
	return o
}
