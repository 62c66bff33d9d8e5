// Package locate finds the region of a machine where nobody has named one: by what the
// machine says of the cloud that it is in and, where that is wanted, by asking the cloud.
package locate

import (
	"context"
	"fmt"
	"slices"

	"github.com/carbonctl/carbonctl/regions"
	"github.com/carbonctl/carbonctl/regions/metadata"
)

// asks are the clouds whose metadata services package metadata knows.
var asks = []string{"aws", "gcp", "azure"}

// Hint says how the region of a machine of this cloud could be known, "" if it could not.
func Hint(cloud string) string {
	if !slices.Contains(asks, cloud) {
		return ""
	}
	return fmt.Sprintf("this is a machine of %s: --detect-cloud asks it for its region", cloud)
}

// Ask asks the cloud's metadata service for the region, which must be one of the table.
// env is the environment, in which the clouds' own tools look for the services too.
func Ask(ctx context.Context, t *regions.Table, env func(string) string) (string, error) {
	found, err := metadata.Region(ctx, nil, servers(env))
	if err == nil {
		_, err = t.Intensity(ctx, regions.Query{Zone: found})
	}
	if err != nil {
		return "", err
	}
	return found, nil
}

// servers are where the clouds' own tools look for them too.
func servers(env func(string) string) metadata.Servers {
	s := metadata.Servers{AWS: env("AWS_EC2_METADATA_SERVICE_ENDPOINT"), Azure: env("AZURE_POD_IDENTITY_AUTHORITY_HOST")}
	if host := env("GCE_METADATA_HOST"); host != "" {
		s.GCP = "http://" + host
	}
	return s
}
