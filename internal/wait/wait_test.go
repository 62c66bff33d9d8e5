package wait

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/regions"
)

// A said collects what a wait tells.
type said []string

func (s *said) say(text string) { *s = append(*s, text) }

func forGreen(ctx context.Context, ahead regions.Forecaster, dir string, s *said) (*footprint.Wait, error) {
	return ForGreen(ctx, Options{
		Bound: 6 * time.Hour, Length: time.Hour, Zone: "FR", Table: regions.Builtin(), Ahead: ahead,
		Dir: dir, Key: "key", Say: s.say,
	})
}

func TestWaitForGreen(t *testing.T) {
	for name, c := range map[string]struct {
		ahead  []regions.Grams
		waited time.Duration
		reason string
		says   string
	}{
		"later":            {[]regions.Grams{300, 200, 100, 90, 200, 300, 300, 300}, 3 * time.Hour, footprint.WaitGreenest, "starting after 3h 0m: 90.0 g/kWh expected, by a forecast; 300 without the wait"},
		"at once":          {[]regions.Grams{100, 200, 100, 200, 200, 300, 300, 300}, 0, footprint.WaitGreenest, "starting now: by a forecast, a later start within 6h 0m saves less than 1.0 %"},
		"not for so much":  {[]regions.Grams{1000, 1000, 991, 1000, 1000, 1000, 1000}, 0, footprint.WaitGreenest, "starting now: by a forecast, a later start within 6h 0m saves less than 1.0 %"},
		"up to the bound":  {[]regions.Grams{300, 290, 280, 270, 260, 250, 200, 0}, 6 * time.Hour, footprint.WaitGreenest, "starting after 6h 0m: 200 g/kWh expected, by a forecast; 300 without the wait"},
		"nothing is known": {nil, 0, footprint.WaitBlind, "not waiting for a greener grid: the series does not cover the time: it is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s said
				began, dir := wall(), t.TempDir()
				w, err := forGreen(t.Context(), hourly{from: began, perKWh: c.ahead}, dir, &s)
				require.NoError(t, err)
				assert.Equal(t, c.waited, wall().Sub(began))
				assert.Equal(t, c.reason, w.Reason)
				assert.Equal(t, c.says, s[len(s)-1])
				if c.reason == footprint.WaitGreenest {
					assert.Equal(t, began.Add(c.waited).UTC(), *w.PlannedFor)
				}
				assert.Equal(t, began.Add(6*time.Hour).Unix(), w.StartBy.Unix())
				left, err := os.ReadDir(dir)
				require.NoError(t, err)
				assert.Empty(t, left, "the wait is over")
			})
		})
	}
}

// A forecast that changes moves the start, but never beyond the bound.
func TestTheForecastChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s said
		began := wall()
		asked := 0
		ahead := forecasts(func() ([]regions.Intensity, error) {
			asked++
			g := []regions.Grams{300, 300, 300, 300, 300, 300, 300, 300}
			switch {
			case asked < 4:
				g[3] = 100 // three hours from the start
			case asked < 6:
				return nil, errors.New("the service is down")
			default:
				g[5] = 50
			}
			return hourly{from: began, perKWh: g}.Forecast(t.Context(), regions.Query{}, time.Time{})
		})
		w, err := forGreen(t.Context(), ahead, t.TempDir(), &s)
		require.NoError(t, err)
		assert.Equal(t, 5*time.Hour, wall().Sub(began))
		assert.Equal(t, 50.0, *w.PerKWh)
		assert.Equal(t, 300.0, *w.AtOnce)
		assert.Len(t, s, 3, "%q", s) // the plan, its change, the start
	})
}

type forecasts func() ([]regions.Intensity, error)

func (f forecasts) Forecast(context.Context, regions.Query, time.Time) ([]regions.Intensity, error) {
	return f()
}

// A wait that is killed and started again goes on; one that was given up does
// not, nor one of long ago, nor that of another command.
func TestAWaitIsTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		began := wall()
		ahead := hourly{from: began, perKWh: []regions.Grams{300, 300, 300, 300, 300, 300, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100}}
		killed := func(after time.Duration) {
			m, err := openRecord(dir, "key", 6*time.Hour, wall())
			require.NoError(t, err)
			time.Sleep(after)
			require.NoError(t, m.lock.Unlock()) // as the kernel does
		}
		killed(4 * time.Hour)
		var s said
		w, err := forGreen(t.Context(), ahead, dir, &s)
		require.NoError(t, err)
		assert.Equal(t, 6*time.Hour, wall().Sub(began), "and not ten")
		assert.Equal(t, began.Unix(), w.AskedAt.Unix())
		assert.Contains(t, s[0], "resuming the wait that began ")

		killed(7 * time.Hour) // beyond its bound
		s = nil
		began = wall()
		w, err = forGreen(t.Context(), ahead, dir, &s)
		require.NoError(t, err)
		assert.Equal(t, footprint.WaitBound, w.Reason)
		assert.Equal(t, began, wall())
		assert.Contains(t, s[1], "starting now: the time to wait was over at ")

		killed(13 * time.Hour) // nobody wants that any more
		m, err := openRecord(dir, "key", 6*time.Hour, wall())
		require.NoError(t, err)
		assert.False(t, m.resumed)
		other, err := openRecord(dir, "other", 6*time.Hour, wall())
		require.NoError(t, err)
		assert.False(t, other.resumed)
		twin, err := openRecord(dir, "key", 6*time.Hour, wall()) // waits at the same time
		require.NoError(t, err)
		assert.False(t, twin.resumed)
		assert.NotEqual(t, m.path, twin.path)
		for _, m := range []*record{m, other, twin} {
			m.remove()
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // given up
		defer cancel()
		_, err = forGreen(ctx, hourly{from: wall(), perKWh: []regions.Grams{3, 2, 1, 1, 1, 1, 1}}, dir, &s)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, left)
	})
}

// What can't be kept is waited for all the same, and what is no record begins one.
func TestRecords(t *testing.T) {
	_, err := openRecord("", "key", time.Hour, time.Now())
	assert.ErrorIs(t, err, errNowhere)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	m, err := openRecord(file, "key", time.Hour, time.Now())
	require.Error(t, err)
	m.remove()
	assert.False(t, m.AskedAt.IsZero())
	for _, text := range []string{"", "{", "null", `{"asked_at":"2999-01-01T00:00:00Z"}`, "\x00"} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "key-0.json"), []byte(text), 0o600))
		m, err := openRecord(dir, "key", time.Hour, time.Now())
		require.NoError(t, err, text)
		assert.False(t, m.resumed, text)
		m.remove()
	}
	// Those of long ago are removed, unless somebody still waits.
	dir := t.TempDir()
	past := time.Now().Add(-stale - time.Hour)
	for _, key := range []string{"gone", "waits"} {
		m, err := openRecord(dir, key, time.Hour, time.Now())
		require.NoError(t, err)
		require.NoError(t, os.Chtimes(m.path, past, past))
		if key == "gone" {
			require.NoError(t, m.lock.Unlock())
		} else {
			defer m.remove()
		}
	}
	m, err = openRecord(dir, "new", time.Hour, time.Now())
	require.NoError(t, err)
	defer m.remove()
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	assert.Len(t, left, 4, "%q", left)

	assert.NotEqual(t, Key("/a", []string{"b", "c"}), Key("/a", []string{"bc"}))
	assert.NotEqual(t, Key("/a", []string{"b"}), Key("/b", []string{"b"}))
}
