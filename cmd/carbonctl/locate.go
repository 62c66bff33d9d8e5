package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/metadata"
)

// fromCloud is the origin of a region that nobody gave.
const fromCloud = "cloud"

// locate finds the region where nobody has named one: by what the machine below
// root says of the cloud that it is in, which asks nobody.
func (c *config) locate(root fs.FS) {
	if c.region != "" {
		return
	}
	var found string
	if found, c.cloud = c.table.DetectRegion(root, os.Getenv); found != "" {
		c.found(found)
	}
}

// asks are the clouds whose metadata services package metadata knows.
var asks = []string{"aws", "gcp", "azure"}

// cloudHint says how the region of this machine could be known, "" if it could
// not, or was looked for.
func (c *config) cloudHint() string {
	if c.region != "" || c.ask || !slices.Contains(asks, c.cloud) {
		return ""
	}
	return fmt.Sprintf("this is a machine of %s: --detect-cloud asks it for its region", c.cloud)
}

// askCloud asks the cloud's metadata service for the region, where nobody has named
// one and that is wanted. What it can't tell is a problem.
func (c *config) askCloud(ctx context.Context) {
	if c.region != "" || !c.ask {
		return
	}
	found, err := metadata.Region(ctx, nil, metadataServers(os.Getenv))
	if err == nil {
		_, err = c.table.Intensity(ctx, regions.Query{Zone: found})
	}
	if err != nil {
		c.problems = append(c.problems, fmt.Errorf("--detect-cloud: %w", err))
		return
	}
	c.found(found)
}

func (c *config) found(region string) {
	c.region = region
	c.note(value{"region", region, fromCloud})
}

// metadataServers are where the clouds' own tools look for them too.
func metadataServers(env func(string) string) metadata.Servers {
	s := metadata.Servers{AWS: env("AWS_EC2_METADATA_SERVICE_ENDPOINT"), Azure: env("AZURE_POD_IDENTITY_AUTHORITY_HOST")}
	if host := env("GCE_METADATA_HOST"); host != "" {
		s.GCP = "http://" + host
	}
	return s
}
