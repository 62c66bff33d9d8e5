package session

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/carbon"
	"github.com/carbonctl/carbonctl/energy"
	"github.com/carbonctl/carbonctl/export/influx"
	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/internal/deliver"
)

// tenWatts is a counter of 10 W.
type tenWatts struct{ start time.Time }

func (m tenWatts) Read(_ context.Context, to []energy.Reading) ([]energy.Reading, error) {
	now := time.Now()
	return append(to, energy.Reading{
		Component: energy.Component{Kind: energy.CPU, ID: "package-0", Basis: energy.Measured, Name: "CPU", BandLow: 1, BandHigh: 1},
		Before:    now, Time: now, Total: energy.Joule.Scale(10 * now.Sub(m.start).Seconds()), MaxPower: 100 * energy.Watt,
	}), nil
}

func (tenWatts) Close() error { return nil }

// points is a database that holds what it is sent, or is down.
type points struct {
	down  bool
	asked int
	lines map[string]string // by measurement, tags and time: a point that comes again replaces itself
}

func (p *points) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.asked++; p.down {
		time.Sleep(time.Second) // a firewall that says nothing takes longer
		return nil, errors.New("connection refused")
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		parts := strings.Split(strings.TrimSpace(line), " ") // no tag here has a space
		p.lines[parts[0]+" "+parts[2]] = strings.TrimSpace(line)
	}
	w := httptest.NewRecorder()
	w.WriteHeader(204)
	return w.Result(), nil
}

func (p *points) of(measurement string) (list []string) {
	for _, l := range p.lines {
		if strings.HasPrefix(l, measurement+",") {
			list = append(list, l)
		}
	}
	slices.Sort(list)
	return list
}

// Ten minutes with a database that is down: the run takes as long as beside one that
// answers, it is asked a few times, and the report that is delivered later holds every
// epoch, all power and the totals as if it had never been down.
func TestTenMinutesOfADeadDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, live := &points{down: true}, &points{lines: map[string]string{}}
		var followers []*follower
		var sinks []*influx.Sink
		cfg := carbon.Config{
			Region: "FR", Every: time.Second, Host: carbon.Host{Root: fstest.MapFS{}}, Meters: []energy.Meter{tenWatts{time.Now()}},
			Run: footprint.Run{ID: "run-1", Epochs: 60},
		}
		for _, p := range []*points{dead, live} {
			s, err := influx.New("http://h/?db=x", nil)
			require.NoError(t, err)
			s.Client = &deliver.Client{Transport: p}
			f := follow(s)
			sinks, followers, cfg.Sinks = append(sinks, s), append(followers, f), append(cfg.Sinks, f.sink())
		}
		begun := time.Now()
		tracker, err := carbon.Start(t.Context(), cfg)
		require.NoError(t, err)
		for range 60 {
			e := tracker.Epoch()
			time.Sleep(10 * time.Second)
			e.End()
		}
		r, err := tracker.Stop()
		require.NoError(t, err)
		assert.Equal(t, 10*time.Minute, time.Since(begun), "it delays nothing")
		for _, f := range followers {
			<-f.end()
		}
		assert.Less(t, dead.asked, 20, "and asks seldom")
		ctx, cancel := context.WithTimeout(t.Context(), sinksLimit)
		defer cancel()
		err = sinks[0].Report(ctx, r)
		assert.True(t, err != nil && deliver.Keep(err), "%v", err)
		require.NoError(t, sinks[1].Report(t.Context(), r))
		require.Len(t, live.of("carbonctl_epoch"), 60)

		later := &points{lines: map[string]string{}} // it is up again when the next run delivers
		again, err := influx.New(sinks[0].Target(), nil)
		require.NoError(t, err)
		again.Client = &deliver.Client{Transport: later}
		require.NoError(t, again.Report(t.Context(), r))
		assert.Equal(t, live.of("carbonctl_epoch"), later.of("carbonctl_epoch"))
		last := func(p *points) []string {
			return slices.DeleteFunc(p.of("carbonctl"), func(l string) bool { return !strings.Contains(l, ",ended=1.0 ") })
		}
		require.Len(t, last(later), 1)
		assert.Equal(t, last(live), last(later))
		assert.Contains(t, last(later)[0], " energy_joules="+r.Energy.Fixed()+",")
		assert.Len(t, later.of("carbonctl_power"), len(r.Power[0].Mean))
	})
}
