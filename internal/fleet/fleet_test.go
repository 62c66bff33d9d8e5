package fleet

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
	"github.com/carbonctl/carbonctl/runs"
)

const t0 = 1_795_000_000 // where the range begins

func read(t *testing.T, f *fake, length, step time.Duration) (map[string]runs.Row, Seen) {
	rows := map[string]runs.Row{}
	from := time.Unix(t0, 0)
	seen, err := Store{URL: f.start(t), From: from, To: from.Add(length), Step: step}.Read(t.Context(), func(r runs.Row) {
		require.NotContains(t, rows, r.RunID)
		require.NoError(t, r.Impossible())
		rows[r.RunID] = r
	})
	require.NoError(t, err)
	return rows, seen
}

func TestStartOfAnID(t *testing.T) {
	assert.InDelta(t, t0+0.5, startOf(id(t0+0.5)), 1e-3)
	for _, bad := range []string{"", "x", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"} {
		assert.Zero(t, startOf(bad), bad)
	}
}

// TestARunThatIsCutOff is one of which the end is not seen: at least what the last scrape
// shows.
func TestARunThatIsCutOff(t *testing.T) {
	f := &fake{}
	scraped{id: "r1", target: "node-1", start: t0 + 100, watts: 10, first: t0 + 107, last: t0 + 700, every: 15, info: map[string]string{"project": "p", "label_team": "vision", "job_id": "7", "machine": "m", "counted_by": "other"}}.onto(&f.tapes)
	rows, seen := read(t, f, time.Hour, time.Minute)
	r := rows["r1"]
	last := 692.0 // the last scrape
	assert.InDelta(t, 3*10*(last-100), r.Energy.Joules(), 1e-6)
	assert.InDelta(t, 15*(last-100), r.EnergyLow.Joules(), 1e-3)
	assert.Nil(t, r.EnergyHigh, "nothing bounds what was not seen")
	assert.InDelta(t, 10*(last-100), r.CPU.Joules(), 1e-6)
	assert.InDelta(t, 1.0/3, float64(*r.MeasuredShare), 1e-9)
	assert.InDelta(t, (last-100)/100, float64(r.Emissions), 1e-9)
	assert.InDelta(t, last-100, float64(r.DurationS), 1e-6)
	assert.InDelta(t, t0+last, float64(r.EndedAt.Unix()), 0)
	assert.Nil(t, r.EmissionsHigh)
	assert.Equal(t, footprint.Recovered, r.Status)
	assert.Equal(t, int64(t0+100), r.StartedAt.Unix())
	assert.Equal(t, []any{"p", `{"team":"vision"}`, "7", "m", "other", "node-1", "FR", "lifecycle", "annual-average", "Ember"},
		[]any{r.Project, r.Labels, r.JobID, r.Machine, r.CountedBy, r.Host, r.Zone, r.IntensityScope, r.IntensityKind, r.IntensitySource})
	assert.InDelta(t, 1.25, float64(*r.PUE), 0)
	assert.Equal(t, 1, seen.Cut)
	assert.Equal(t, 15*time.Second, seen.Interval)
	assert.InDelta(t, 30*15, seen.Missed, 1e-6, "one interval at its mean power")
	assert.Equal(t, []string{"node-1"}, seen.Hosts)
}

// TestTheTimeBetweenScrapes is that of the runs themselves, which come and go: not that of
// other targets, and no mean over a time in which there was none.
func TestTheTimeBetweenScrapes(t *testing.T) {
	f := &fake{}
	for i := range 3 {
		at := t0 + 100*float64(i)
		name := fmt.Sprintf("node-%d", i)
		scraped{id: id(at), target: name, start: at, watts: 10, first: at + 7, last: at + 60, every: 15, info: map[string]string{"project": "a\"b\\"}}.onto(&f.tapes)
	}
	// One that was scraped once tells nothing of it.
	scraped{id: id(t0 + 900), target: "node-9", start: t0 + 900, watts: 10, first: t0 + 910, last: t0 + 912, every: 15}.onto(&f.tapes)
	_, seen := read(t, f, time.Hour, 15*time.Second)
	assert.Equal(t, 4, seen.Cut)
	assert.Equal(t, 15*time.Second, seen.Interval)
	assert.InDelta(t, 4*30*15, seen.Missed, 1e-6)

	f = &fake{}
	scraped{id: id(t0 + 900), target: "node-9", start: t0 + 900, watts: 10, first: t0 + 910, last: t0 + 912, every: 15}.onto(&f.tapes)
	_, seen = read(t, f, time.Hour, 15*time.Second)
	assert.Zero(t, seen.Interval, "nobody can tell")
}

// TestARunThatComesInTwoWays, by scrapes and by a textfile, counts once: as the textfile has it, which
// saw its end.
func TestARunThatComesInTwoWays(t *testing.T) {
	for _, step := range []time.Duration{15 * time.Second, 5 * time.Minute} {
		f := &fake{}
		run := scraped{id: id(t0 + 100), target: "node-1:9105", start: t0 + 100, watts: 10, first: t0 + 107, last: t0 + 290, every: 15}
		run.onto(&f.tapes)
		run.target, run.ends, run.last, run.extra = "node-1:9100", t0+300, t0+3500, map[string]string{"textfile": "nightly"}
		run.onto(&f.tapes)
		rows, seen := read(t, f, time.Hour, step)
		require.Len(t, rows, 1)
		r := rows[run.id]
		assert.InDelta(t, 3*10*200, r.Energy.Joules(), 1e-3)
		assert.InDelta(t, 6*10*200, r.EnergyHigh.Joules(), 1e-2)
		assert.InDelta(t, 2, float64(r.Emissions), 1e-6)
		assert.Equal(t, footprint.Completed, r.Status)
		assert.Equal(t, []int{1, 0}, []int{seen.Runs, seen.Cut})
	}
}

// TestRunsOfOneTextfile: one that goes on, or was killed, has not the end of the one before,
// also where a step holds both.
func TestRunsOfOneTextfile(t *testing.T) {
	for _, step := range []time.Duration{15 * time.Second, 5 * time.Minute, time.Hour} {
		f := &fake{}
		extra := map[string]string{"textfile": "nightly"}
		one := scraped{id: id(t0 + 100), target: "node-1:9100", start: t0 + 100, ends: t0 + 300, watts: 10, first: t0 + 107, last: t0 + 310, every: 15, extra: extra}
		two := scraped{id: id(t0 + 320), target: "node-1:9100", start: t0 + 320, watts: 10, first: t0 + 322, last: t0 + 712, every: 15, extra: extra}
		one.onto(&f.tapes)
		two.onto(&f.tapes)
		rows, _ := read(t, f, time.Hour, step)
		r := rows[two.id]
		assert.Equal(t, footprint.Recovered, r.Status, step)
		assert.InDelta(t, 392, float64(r.DurationS), 1e-6, step)
		assert.Nil(t, r.EnergyHigh, step)
	}
}

// TestARunThatIsWhole has told its end, as a textfile or a Pushgateway does: its bounds
// are the report's.
func TestARunThatIsWhole(t *testing.T) {
	f := &fake{}
	scraped{id: "r1", target: "node-1", start: t0 + 100, ends: t0 + 300, watts: 10, first: t0 + 107, last: t0 + 3500, every: 15}.onto(&f.tapes)
	rows, seen := read(t, f, time.Hour, time.Minute)
	r := rows["r1"]
	assert.InDelta(t, 3*10*200, r.Energy.Joules(), 1e-6)
	assert.InDelta(t, 6*10*200, r.EnergyHigh.Joules(), 1e-3)
	assert.InDelta(t, 2*2, float64(*r.EmissionsHigh), 1e-6)
	assert.Equal(t, footprint.Completed, r.Status)
	assert.InDelta(t, 200, float64(r.DurationS), 1e-6)
	assert.Zero(t, seen.Cut)
	assert.Zero(t, seen.Missed)
}

// TestRunsOfOneTarget follow each other on the same series, where the counter falls, and
// where it does not: the other ID tells.
func TestRunsOfOneTarget(t *testing.T) {
	for name, watts := range map[string]float64{"the counter falls": 10, "it does not": 10_000} {
		for _, step := range []time.Duration{15 * time.Second, time.Minute, 5 * time.Minute, time.Hour} {
			t.Run(fmt.Sprint(name, " ", step), func(t *testing.T) {
				f := &fake{}
				scraped{id: id(t0 + 5), target: "node-1", start: t0 + 5, watts: 10, first: t0 + 10, last: t0 + 200, every: 15}.onto(&f.tapes)
				scraped{id: id(t0 + 210), target: "node-1", start: t0 + 210, watts: watts, first: t0 + 220, last: t0 + 400, every: 15}.onto(&f.tapes)
				rows, _ := read(t, f, time.Hour, step)
				require.Len(t, rows, 2)
				first, second := 3*10*(190.0-5), 3*watts*(400-210)
				assert.InDelta(t, second, rows[id(t0+210)].Energy.Joules(), 1e-3)
				earlier, later := rows[id(t0+5)], rows[id(t0+210)]
				assert.LessOrEqual(t, earlier.Energy.Joules(), first+1e-6, "never more than what was seen")
				assert.LessOrEqual(t, float64(earlier.DurationS), 200.0-5, "the least that it can have been, and never the other's")
				assert.InDelta(t, 400-210, float64(later.DurationS), 10.1)
				for _, r := range rows {
					assert.Equal(t, "lifecycle", r.IntensityScope, "a target has factors of one scope")
				}
				if step == 15*time.Second {
					assert.InDelta(t, 190-5, float64(earlier.DurationS), 15)
				}
				if watts == 10 && step < time.Hour || step == 15*time.Second {
					assert.InDelta(t, first, rows[id(t0+5)].Energy.Joules(), 1e-3)
				}
			})
		}
	}
}

// TestRunsWithTheLabelsOfOneTarget go on at once, and a store has their counters as one
// series: nothing of it is either's.
func TestRunsWithTheLabelsOfOneTarget(t *testing.T) {
	for _, step := range []time.Duration{15 * time.Second, time.Minute, time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			f := &fake{}
			scraped{id: id(t0 + 5), target: "one", start: t0 + 5, watts: 10, first: t0 + 10, last: t0 + 400, every: 15}.onto(&f.tapes)
			scraped{id: id(t0 + 20), target: "one", start: t0 + 20, watts: 5, first: t0 + 27, last: t0 + 300, every: 15}.onto(&f.tapes)
			scraped{id: id(t0 + 6), target: "other", start: t0 + 6, watts: 5, first: t0 + 27, last: t0 + 306, every: 15}.onto(&f.tapes)
			for _, tape := range f.tapes {
				slices.SortFunc(tape.points, func(a, b point) int { return cmp.Compare(a.at, b.at) })
			}
			rows, seen := read(t, f, time.Hour, step)
			require.Len(t, rows, 3)
			assert.Equal(t, []any{2, []string{"one"}, 1}, []any{seen.Mixed, seen.MixedAt, seen.Cut})
			for _, at := range []float64{5, 20} {
				row := rows[id(t0+at)]
				assert.Zero(t, row.Energy)
				assert.Nil(t, row.MeasuredShare, "not known")
				assert.Zero(t, row.Emissions)
				assert.InDelta(t, t0+at, float64(row.StartedAt.Unix()), 0)
			}
			assert.InDelta(t, 3*5*(297-6), rows[id(t0+6)].Energy.Joules(), 1e-3)
		})
	}
}

// TestAnAnswerInPart is a success that says what is missing, once for all questions.
func TestAnAnswerInPart(t *testing.T) {
	f := &fake{warnings: []string{"partial response:\nstore-7 is down", "PromQL info: metric might not be a counter"}}
	scraped{id: "r1", target: "node-1", start: t0 + 100, watts: 10, first: t0 + 107, last: t0 + 700, every: 15}.onto(&f.tapes)
	rows, seen := read(t, f, time.Hour, time.Minute)
	assert.Len(t, rows, 1)
	assert.Equal(t, []string{"partial response: store-7 is down"}, seen.Warnings)
}

// TestALowerBound is a property: whatever is scraped, by any step, no run has more than
// it used up to its last scrape.
func TestALowerBound(t *testing.T) {
	for _, step := range []time.Duration{47 * time.Second, 10 * time.Minute, 2 * time.Hour} {
		f := &fake{}
		most := map[string]float64{}
		for i := range 40 {
			start := t0 + 1 + float64(i*97%3000)
			s := scraped{id: fmt.Sprintf("%04d", int(start-t0)), target: fmt.Sprint("node-", i%7), start: start, watts: float64(1 + i*31%400), first: start + float64(i%14), last: start + float64(i*53%900), every: 15}
			if s.last < s.first {
				continue
			}
			s.extra = map[string]string{"run_id": s.id} // they may go on at the same time
			s.onto(&f.tapes)
			n := int((s.last - s.first) / 15)
			most[s.id] = 3 * s.watts * (s.first + float64(n)*15 - start)
		}
		rows, seen := read(t, f, 2*time.Hour, step)
		assert.True(t, len(rows) == len(most), "%v: %d of %d runs", step, len(rows), len(most))
		assert.Equal(t, len(most), seen.Runs)
		for id, r := range rows {
			assert.InDelta(t, most[id], r.Energy.Joules(), 1e-3, "%v %s: each has series of its own, so that nothing is lost", step, id)
		}
	}
}

func TestWhatBeganBefore(t *testing.T) {
	f := &fake{}
	scraped{id: "old", target: "node-1", start: t0 - 100, watts: 10, first: t0 - 90, last: t0 + 700, every: 15}.onto(&f.tapes)
	scraped{id: "pushed", target: "gateway", start: t0 - 900, ends: t0 - 800, watts: 10, first: t0 - 90, last: t0 + 700, every: 15}.onto(&f.tapes)
	rows, seen := read(t, f, time.Hour, time.Minute)
	assert.Empty(t, rows)
	assert.Equal(t, 2, seen.Before)
	assert.Equal(t, []string{"gateway", "node-1"}, seen.Hosts, "they are not missing")
}

// TestAGapOfScrapes loses nothing, however long: the counter goes on.
func TestAGapOfScrapes(t *testing.T) {
	f := &fake{}
	s := scraped{id: "r", target: "node-1", start: t0 + 1, watts: 10, first: t0 + 5, last: t0 + 100, every: 15}
	s.onto(&f.tapes)
	s.first, s.last = t0+3000, t0+3500
	s.onto(&f.tapes)
	rows, _ := read(t, f, time.Hour, 15*time.Second)
	assert.InDelta(t, 3*10*(3495-1), rows["r"].Energy.Joules(), 1e-3)
}

// TestAStoreThatRefusesMuch is asked for less at a time, and adds up to the same.
func TestAStoreThatRefusesMuch(t *testing.T) {
	f := &fake{}
	for i := range 20 {
		scraped{id: fmt.Sprintf("%04d", i), target: fmt.Sprint("node-", i%3), start: t0 + float64(i*400), watts: 10, first: t0 + float64(i*400) + 3, last: t0 + float64(i*400) + 399, every: 15}.onto(&f.tapes)
	}
	want, _ := read(t, f, 3*time.Hour, 15*time.Second)
	asked := f.asked
	require.Len(t, want, 20)
	f.limit = 50
	got, _ := read(t, f, 3*time.Hour, 15*time.Second)
	assert.Greater(t, f.asked, 3*asked)
	require.Len(t, got, 20)
	for id := range want {
		assert.Equal(t, want[id].Energy, got[id].Energy, id)
	}
	f.limit = -1
	f.tapes = nil
	_, seen := read(t, f, time.Hour, 0)
	assert.Zero(t, seen.Runs)
}

func TestMissingTargets(t *testing.T) {
	f := &fake{}
	scraped{id: "r", target: "node-1", start: t0 + 1, watts: 10, first: t0 + 5, last: t0 + 100, every: 15}.onto(&f.tapes)
	for _, l := range []map[string]string{{"job": "carbonctl", "instance": "node-2"}, {"job": "other", "instance": "node-3"}} {
		f.tapes = append(f.tapes, tape{name: "up", labels: l, points: []point{{t0 + 50, 0}}})
	}
	f.tapes = append(f.tapes, tape{name: energyName, labels: map[string]string{"job": "x", "component": "cpu"}, points: []point{{t0 + 50, 7}}})
	_, seen := read(t, f, time.Hour, time.Minute)
	assert.Equal(t, []string{"node-2"}, seen.Silent)
	assert.Equal(t, 1, seen.Unnamed)
}

func TestWhatAStoreIsAskedWith(t *testing.T) {
	f := &fake{}
	from := time.Unix(t0, 0)
	for _, c := range []struct {
		auth Auth
		want map[string]string
	}{
		{Auth{}, map[string]string{"Authorization": "", "X-Scope-Orgid": ""}},
		{Auth{Token: "t0k", Tenant: "lab"}, map[string]string{"Authorization": "Bearer t0k", "X-Scope-Orgid": "lab"}},
		{Auth{User: "ada", Password: "x"}, map[string]string{"Authorization": "Basic YWRhOng="}},
	} {
		_, err := Store{URL: f.start(t) + "/prometheus", Auth: c.auth, From: from, To: from.Add(time.Hour)}.Read(t.Context(), func(runs.Row) {})
		require.NoError(t, err)
		last := f.requests[len(f.requests)-1]
		assert.True(t, strings.HasPrefix(last.URL.Path, "/prometheus/api/v1/query"))
		for k, v := range c.want {
			assert.Equal(t, v, last.Header.Get(k))
		}
	}
}

func TestBadStores(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	from := time.Unix(t0, 0)
	for _, c := range []struct {
		what   string
		answer http.HandlerFunc
		want   string
	}{
		{"401", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) }, "401 Unauthorized"},
		{"400", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			fmt.Fprint(w, `{"status":"error","errorType":"bad_data","error":"parse\nerror"}`)
		}, "400 Bad Request: parse error"},
		{"a page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "no answer of a Prometheus API"},
		{"another object", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":7}`) }, "no answer of a Prometheus API"},
		{"an error with 200", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"status":"error"}`) }, "status is not success"},
		{"half an answer", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"status":"success","data":{"result":[{"metric":{`)
		}, "unexpected EOF"},
		{"another host", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }, "redirected to another host"},
		{"always too much", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(422) }, "422"},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := httptest.NewServer(c.answer)
			defer s.Close()
			_, err := Store{URL: s.URL + "/secret-path", Auth: Auth{Token: "t0k"}, From: from, To: from.Add(time.Hour)}.Read(t.Context(), func(runs.Row) {})
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "secret-path")
			assert.NotContains(t, err.Error(), "t0k")
		})
	}
	for _, bad := range []string{"", "prom:9090", "ftp://h/", "http://u:p@h/", "http://h/?x=1", "http://%zz"} {
		_, err := Store{URL: Prefix + bad, From: from, To: from.Add(time.Hour)}.Read(t.Context(), func(runs.Row) {})
		require.Error(t, err, bad)
		assert.NotContains(t, err.Error(), "u:p")
	}
	_, err := Store{URL: "http://h", From: from, To: from}.Read(t.Context(), func(runs.Row) {})
	require.Error(t, err)
}

func TestAnswer(t *testing.T) {
	var got []series
	d := json.NewDecoder(strings.NewReader(`{"warnings":["x"],"data":{"resultType":"matrix","result":[{"metric":{"__name__":"a","b":"c"},"values":[[1,"0.5"],[2.5,"NaN"],[3,"+Inf"],[4,"-1"],[4,"2"],[3,"9"]]},{"metric":{},"value":[7,"1e3"]}]},"status":"success"}`))
	require.NoError(t, new(client).answer(d, func(s series) error { got = append(got, s); return nil }))
	assert.Equal(t, []series{
		{"a", map[string]string{"b": "c"}, []point{{1, 0.5}, {4, 2}}},
		{"", map[string]string{}, []point{{7, 1000}}},
	}, got)
	stop := errors.New("stop")
	d = json.NewDecoder(strings.NewReader(`{"data":{"result":[{}]}}`))
	assert.ErrorIs(t, new(client).answer(d, func(series) error { return stop }), stop)
}

// FuzzAnswer checks that no answer does harm: it is an error, or series of finite values
// in the order of time.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"status":"success","data":{"result":[{"metric":{"a":"b"},"values":[[1,"2"],[2,"3"]]}]}}`))
	f.Add([]byte(`{"status":"success","data":{"result":[{"value":[1e999,"2"]}]}}`))
	f.Add([]byte(`{"data":[[[[`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = new(client).answer(json.NewDecoder(bytes.NewReader(b)), func(s series) error {
			assert.True(t, slices.IsSortedFunc(s.points, func(a, b point) int {
				if a.at < b.at {
					return -1
				}
				return 1
			}))
			for _, p := range s.points {
				assert.True(t, p.value >= 0 && !math.IsInf(p.value, 1))
			}
			return nil
		})
	})
}
