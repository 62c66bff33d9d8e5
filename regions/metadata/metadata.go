// Package metadata asks the cloud on which a machine runs for the region: the
// metadata services of AWS (IMDSv2), Google Cloud and Azure. They answer on
// link-local addresses inside the cloud alone. Nothing is asked unless Region is
// called, and never a place by IP address.
package metadata

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Patience is how long all of it may take. Inside a cloud the services answer in
// some milliseconds; outside, nothing does.
const Patience = 300 * time.Millisecond

// Servers are the services' addresses; those that are "" stand for their own.
type Servers struct {
	AWS   string // "http://169.254.169.254"
	GCP   string // "http://metadata.google.internal"
	Azure string // "http://169.254.169.254"
}

// Region asks the three services at once, and gives the answer as a region is
// written in a query: "aws:eu-west-1", "gcp:europe-west6-a", "azure:westeurope".
// It takes no longer than Patience. Without a client it uses one of its own that
// goes through no proxy; one that is given should go through none either. Where
// no service answers, the error is a *NoneError.
func Region(ctx context.Context, client *http.Client, at Servers) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	a := asker{http: http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	if client != nil {
		a.http = *client
	}
	a.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	type answer struct {
		region string
		err    error
	}
	services := []func(context.Context) (string, error){
		func(ctx context.Context) (string, error) {
			return a.aws(ctx, cmp.Or(at.AWS, "http://169.254.169.254"))
		},
		func(ctx context.Context) (string, error) {
			return a.gcp(ctx, cmp.Or(at.GCP, "http://metadata.google.internal"))
		},
		func(ctx context.Context) (string, error) {
			return a.azure(ctx, cmp.Or(at.Azure, "http://169.254.169.254"))
		},
	}
	answers := make(chan answer, len(services))
	for _, ask := range services {
		go func() {
			region, err := ask(ctx)
			answers <- answer{region, err}
		}()
	}
	var found string
	var errs []error
	for range services { // all are waited for; the first to answer ends the others
		a := <-answers
		if a.err != nil {
			errs = append(errs, a.err)
		} else if found == "" {
			found = a.region
			cancel()
		}
	}
	if found != "" {
		return found, nil
	}
	return "", &NoneError{errs}
}

// A NoneError says that no service has told the region, and what each said.
type NoneError struct{ Said []error }

func (e *NoneError) Error() string {
	said := make([]string, len(e.Said))
	for i, err := range e.Said {
		said[i] = err.Error()
	}
	return "no cloud's metadata service gave a region: " + strings.Join(said, "; ")
}

func (e *NoneError) Unwrap() []error { return e.Said }

type asker struct{ http http.Client }

// maxAnswer is more than any answer has; a name has some 60 bytes.
const maxAnswer = 4 << 10

// ask gives the text of an answer, and its header.
func (a asker) ask(ctx context.Context, method, address, key, value string) (string, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return "", nil, err
	}
	request.Header.Set(key, value)
	response, err := a.http.Do(request)
	if err != nil {
		return "", nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return "", nil, err
	}
	if response.StatusCode != http.StatusOK {
		return "", nil, fmt.Errorf("status %d", response.StatusCode)
	}
	return strings.TrimSpace(string(text)), response.Header, nil
}

// aws asks for a token first, as version 2 of its service wants.
func (a asker) aws(ctx context.Context, base string) (string, error) {
	token, _, err := a.ask(ctx, http.MethodPut, base+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if err != nil {
		return "", fmt.Errorf("aws: %w", err)
	}
	if !plain(token, "=_-+/") {
		return "", errors.New("aws: invalid token")
	}
	region, _, err := a.ask(ctx, http.MethodGet, base+"/latest/meta-data/placement/region", "X-aws-ec2-metadata-token", token)
	return named("aws", region, err)
}

func (a asker) gcp(ctx context.Context, base string) (string, error) {
	zone, header, err := a.ask(ctx, http.MethodGet, base+"/computeMetadata/v1/instance/zone", "Metadata-Flavor", "Google")
	if err == nil && header.Get("Metadata-Flavor") != "Google" {
		err = errors.New("the answer is not Google's")
	}
	return named("gcp", zone[strings.LastIndexByte(zone, '/')+1:], err) // projects/1/zones/europe-west6-a
}

func (a asker) azure(ctx context.Context, base string) (string, error) {
	region, _, err := a.ask(ctx, http.MethodGet, base+"/metadata/instance/compute/location?api-version=2021-02-01&format=text", "Metadata", "true")
	return named("azure", region, err)
}

func named(provider, region string, err error) (string, error) {
	if err == nil && (len(region) > 60 || !plain(region, "-")) {
		err = fmt.Errorf("invalid region %.40q", region)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", provider, err)
	}
	return provider + ":" + region, nil
}

// plain is text of letters, digits and some signs.
func plain(s, signs string) bool {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(signs, r)) {
			return false
		}
	}
	return s != ""
}
