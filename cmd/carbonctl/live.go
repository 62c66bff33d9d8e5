package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/live"
)

// liveTimeout is how long an answer may take to come, with all tries.
const liveTimeout = 20 * time.Second

// liveOptions are how this user reaches live services.
func liveOptions(t *regions.Table) live.Options {
	o := live.Options{Table: t, Env: os.Getenv}
	if dir, err := os.UserCacheDir(); err == nil {
		o.Cache = filepath.Join(dir, "carbonctl")
	}
	return o
}
