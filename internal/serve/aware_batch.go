package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/carbonctl/carbonctl/regions"
)

// Bounds on what a batch asks.
const (
	maxBatch     = 100
	maxBatchBody = 256 << 10
)

// batch reads the list that was posted.
func batch[T any](r *http.Request) (all []T, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" && kind != "text/json" && !strings.HasSuffix(kind, "+json") {
		return nil, wrongType{errors.New("the body must be a JSON list with Content-Type: application/json")}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, badRequest{fmt.Errorf("the body cannot be read, or is larger than %d bytes", maxBatchBody)}
	}
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, badRequest{fmt.Errorf("the body is not a JSON list of queries: %w", err)}
	}
	switch {
	case len(all) == 0:
		return nil, badRequest{errors.New("the list is empty")}
	case len(all) > maxBatch:
		return nil, badRequest{fmt.Errorf("%d queries in one list: the maximum is %d", len(all), maxBatch)}
	}
	return all, nil
}

// A wrongType is a body in another form than the one that is read.
type wrongType struct{ error }

// item names a question of a list in an error.
func item(n int, format string, args ...any) error {
	return badRequest{fmt.Errorf("query %d: "+format, append([]any{n + 1}, args...)...)}
}

// averageBatch answers for several times of one location, as the SDK has it.
func (s *server) averageBatch(r *http.Request) (any, error) {
	list, err := batch[struct{ Location, StartTime, EndTime string }](r)
	if err != nil {
		return nil, err
	}
	all, i := []mean{}, s.inquire(r)
	for n, q := range list {
		switch {
		case strings.TrimSpace(q.Location) == "":
			return nil, item(n, "location is missing")
		case q.Location != list[0].Location:
			return nil, item(n, "location %.40q is another than that of the first: one list is of one location", q.Location)
		}
		start, err := stamp(q.StartTime)
		if err != nil {
			return nil, item(n, "startTime: %w", err)
		}
		end, err := stamp(q.EndTime)
		if err != nil {
			return nil, item(n, "endTime: %w", err)
		}
		if !end.After(start) {
			return nil, item(n, "endTime is not after startTime")
		}
		if end.Sub(start) > maxPoints*time.Hour {
			return nil, item(n, "endTime is more than %d hours after startTime", maxPoints)
		}
		m, err := i.average(q.Location, start, end)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// forecastBatch answers with the forecasts of past times. No live service keeps those: it
// is the table's typical hours, which were the same then.
func (s *server) forecastBatch(r *http.Request) (any, error) {
	list, err := batch[struct {
		Location, RequestedAt, DataStartAt, DataEndAt string
		WindowSize                                    *int
	}](r)
	if err != nil {
		return nil, err
	}
	all := []outlook{}
	for n, q := range list {
		if strings.TrimSpace(q.Location) == "" {
			return nil, item(n, "location is missing")
		}
		if q.RequestedAt == "" {
			return nil, item(n, "requestedAt is missing")
		}
		asked, err := stamp(q.RequestedAt)
		if err != nil {
			return nil, item(n, "requestedAt: %w", err)
		}
		from, to := asked, time.Time{}
		if q.DataStartAt != "" {
			if from, err = stamp(q.DataStartAt); err != nil {
				return nil, item(n, "dataStartAt: %w", err)
			}
		}
		if to = from.Add(24 * time.Hour); q.DataEndAt != "" {
			if to, err = stamp(q.DataEndAt); err != nil {
				return nil, item(n, "dataEndAt: %w", err)
			}
		}
		minutes := 0
		if q.WindowSize != nil {
			if minutes = *q.WindowSize; minutes != 0 && (minutes < 5 || minutes > maxHours*60) {
				return nil, item(n, "windowSize: %d is not from 5 to %d", minutes, maxHours*60)
			}
		}
		switch {
		case !to.After(from):
			return nil, item(n, "dataEndAt is not after dataStartAt")
		case to.Sub(from) > maxHours*time.Hour:
			return nil, item(n, "dataEndAt is more than %d hours after dataStartAt", maxHours)
		}
		zone, err := s.place(q.Location)
		if err != nil {
			return nil, err
		}
		series, err := s.Table.Forecast(r.Context(), regions.Query{Zone: zone, Time: from}, to)
		if err != nil {
			return nil, wrong(err)
		}
		o, err := look(series, q.Location, from, to, minutes)
		if err != nil {
			return nil, item(n, "%w", err)
		}
		o.Requested, o.Generated = asked, asked
		all = append(all, o)
	}
	return all, nil
}

// locations lists the cloud regions as the SDK does, with their points: by the name of the
// region where one place alone has it, else with its provider in front. Each is taken as
// a location. The SDK's documents write the members' names in capitals, its programs don't.
func (s *server) locations(*http.Request) (any, error) {
	type location struct {
		Name      string   `json:"name"`
		Latitude  *float64 `json:"latitude"`
		Longitude *float64 `json:"longitude"`
		Zone      string   `json:"zone"`

		NameToo      string   `json:"Name"`
		LatitudeToo  *float64 `json:"Latitude"`
		LongitudeToo *float64 `json:"Longitude"`
	}
	all := map[string]location{}
	for c := range s.Table.Clouds() {
		key := c.Region
		if _, err := s.place(key); err != nil {
			key = c.String()
		}
		if _, ok := all[key]; ok && all[key].Latitude != nil {
			continue // another provider's on the same grid
		}
		l := location{Name: key, Zone: c.Zone, NameToo: key}
		if c.City != "" {
			l.Latitude, l.Longitude = &c.Point.Lat, &c.Point.Lon
			l.LatitudeToo, l.LongitudeToo = l.Latitude, l.Longitude
		}
		all[key] = l
	}
	return all, nil
}
