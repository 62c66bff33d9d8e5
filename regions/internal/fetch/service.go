package fetch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/regions"
)

// A Service is what the providers of all live services have in common: a client, the
// checks of a question, the place that an answer is of, and the name that their errors
// begin with. It is safe for concurrent use.
type Service struct {
	*Client
	Name  string
	Table *regions.Table // names and points of zones
}

// New gives the service of a name; a nil table is the built-in one. It asks nothing yet.
func New(name string, c *Client, t *regions.Table) *Service {
	if t == nil {
		t = regions.Builtin()
	}
	return &Service{c, name, t}
}

// Err puts the service's name in front of an error, nil for none.
func (s *Service) Err(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", s.Name, err)
}

// At is the time that a question is about: its own, or now.
func (s *Service) At(q regions.Query) time.Time {
	if q.Time.IsZero() {
		return s.Time()
	}
	return q.Time
}

// Locate finds the place of a question to a service that has figures of these scopes, and
// neither yearly nor market-based ones.
func (s *Service) Locate(q regions.Query, scopes ...regions.Scope) (regions.Place, error) {
	switch {
	case q.Year != 0 || q.Market:
		return regions.Place{}, s.Err(errors.New("has neither yearly nor market-based figures"))
	case q.Scope != "" && !slices.Contains(scopes, q.Scope):
		return regions.Place{}, s.Err(fmt.Errorf("has no figures of scope %.20q, only %s", q.Scope, list(scopes)))
	case strings.TrimSpace(q.Zone) == "":
		return regions.Place{}, s.Err(errors.New("no region was given"))
	}
	return s.Table.Place(q.Zone)
}

func list(scopes []regions.Scope) string {
	var names []string
	for _, scope := range scopes {
		if scope == "" {
			scope = "those of an unknown scope"
		}
		names = append(names, string(scope))
	}
	return strings.Join(names, " and ")
}

// Series asks, and gives the figures that parse reads from the answer.
func (s *Service) Series(ctx context.Context, r Request, parse func(body []byte) ([]regions.Intensity, error)) (series []regions.Intensity, err error) {
	err = s.Get(ctx, r, func(body []byte) error {
		series, err = parse(body)
		return err
	})
	if err != nil {
		return nil, s.Err(err)
	}
	return series, nil
}

// Holding is the figure of a series that holds at a time.
func (s *Service) Holding(series []regions.Intensity, t time.Time) (regions.Intensity, error) {
	in, err := Holding(series, t)
	return in, s.Err(err)
}

// Of gives a figure the place that it is of.
func Of(place regions.Place, in regions.Intensity) regions.Intensity {
	in.Zone, in.Name, in.Instead = place.Zone.Code, place.Zone.Name, place.Guess
	if c := place.Cloud; c != nil {
		in.Provider, in.CloudRegion = c.Provider, c.Region
	}
	return in
}
