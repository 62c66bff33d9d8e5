package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/carbonctl/carbonctl/internal/config"
	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/metadata"
)

// locate finds the region where nobody has named one: by what the machine below
// root says of the cloud that it is in, which asks nobody.
func (c *settings) locate(root fs.FS) {
	if c.Region != "" {
		return
	}
	var found string
	if found, c.cloud = c.Table.DetectRegion(root, os.Getenv); found != "" {
		c.found(found)
	}
}

// asks are the clouds whose metadata services package metadata knows.
var asks = []string{"aws", "gcp", "azure"}

// cloudHint says how the region of this machine could be known, "" if it could
// not, or was looked for.
func (c *settings) cloudHint() string {
	if c.Region != "" || c.DetectCloud || !slices.Contains(asks, c.cloud) {
		return ""
	}
	return fmt.Sprintf("this is a machine of %s: --detect-cloud asks it for its region", c.cloud)
}

// askCloud asks the cloud's metadata service for the region, where nobody has named
// one and that is wanted. What it can't tell is a problem.
func (c *settings) askCloud(ctx context.Context) {
	if c.Region != "" || !c.DetectCloud {
		return
	}
	found, err := metadata.Region(ctx, nil, metadataServers(os.Getenv))
	if err == nil {
		_, err = c.Table.Intensity(ctx, regions.Query{Zone: found})
	}
	if err != nil {
		c.Problems = append(c.Problems, fmt.Errorf("--detect-cloud: %w", err))
		return
	}
	c.found(found)
}

func (c *settings) found(region string) {
	c.Region = region
	c.Note(config.Value{Key: config.Region, Value: region, Origin: config.Cloud})
}

// metadataServers are where the clouds' own tools look for them too.
func metadataServers(env func(string) string) metadata.Servers {
	s := metadata.Servers{AWS: env("AWS_EC2_METADATA_SERVICE_ENDPOINT"), Azure: env("AZURE_POD_IDENTITY_AUTHORITY_HOST")}
	if host := env("GCE_METADATA_HOST"); host != "" {
		s.GCP = "http://" + host
	}
	return s
}
