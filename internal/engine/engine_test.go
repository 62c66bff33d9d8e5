package engine

import (
	"fmt"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/carbonctl/carbonctl/footprint"
)

var began = time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)

func file(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".prom")
	require.NoError(t, err)
	return string(b)
}

var number = regexp.MustCompile(`(?m)^([^#\n].*[} ])[-+.e\d]+$`)

// zeroed is an exposition with all its values 0.
func zeroed(text string) string { return number.ReplaceAllString(text, "${1}0") }

func target(t *testing.T, s string) Target {
	t.Helper()
	x, err := ParseTarget(s)
	require.NoError(t, err)
	return x
}

// looks lets a source take expositions, 5 s apart, "" being no answer.
func looks(t *testing.T, tgt Target, texts ...string) (*source, []map[string]footprint.Count) {
	t.Helper()
	s := newSource(tgt, began)
	var all []map[string]footprint.Count
	for i, text := range texts {
		by := map[string]footprint.Count{}
		if text == "" {
			s.failed = s.failed || !s.answered
		} else {
			e, err := parse([]byte(text), s.wants)
			require.NoError(t, err)
			s.take(e, began.Add(time.Duration(i)*5*time.Second))
			for _, c := range s.flush() {
				by[c.Unit] = c
			}
		}
		all = append(all, by)
	}
	return s, all
}

// total adds the looks up.
func total(all []map[string]footprint.Count) map[string]footprint.Count {
	sum := map[string]footprint.Count{}
	for _, by := range all {
		for unit, c := range by {
			s := sum[unit]
			c.N, c.Aborted, c.Resets, c.Lower = c.N+s.N, c.Aborted+s.Aborted, c.Resets+s.Resets, c.Lower || s.Lower
			sum[unit] = c
		}
	}
	return sum
}

// What each engine shows, from 0 to the sample of it.
func TestWhatEnginesShow(t *testing.T) {
	type counts map[string][2]float64 // done, aborted
	for _, tt := range []struct {
		target, file string
		want         counts
	}{
		{"vllm", "vllm-v1", counts{"output_token": {510_000}, "input_token": {200_000}, "cached_token": {50_000}, "request": {1550, 3}}},
		{"vllm", "vllm-v0", counts{"output_token": {40_961}, "input_token": {18_204}, "request": {127}}},
		{"vllm", "vllm-ray", counts{"output_token": {100_000}}},
		{"sglang", "sglang", counts{"output_token": {755_757}, "input_token": {812_890}, "cached_token": {310_000}, "request": {11_224, 4}}},
		{"tgi", "tgi", counts{"output_token": {201_344}, "input_token": {512_220}, "request": {987, 13}}},
		{"trtllm", "trtllm", counts{"output_token": {44_000}, "input_token": {90_000}, "request": {170}}},
		{"triton", "triton", counts{"request": {161, 2}, "sample": {1288}}},
		{"llamacpp", "llamacpp", counts{"output_token": {20_480}, "input_token": {5120}}},
		{"request=http://h#request_predict_seconds_count", "kserve", counts{"request": {1000}}},
		{`request=http://h#ray_serve_deployment_request_counter_total{deployment="LLM"}`, "ray-serve", counts{"request": {940}}},
		{"request=http://h#ts_inference_requests_total", "torchserve", counts{"request": {951}}},
		{`output_token=http://h#litellm_output_tokens_metric{model="tiny-1b"}`, "litellm", counts{"output_token": {12_800}}},
	} {
		text := file(t, tt.file)
		_, all := looks(t, target(t, tt.target), zeroed(text), text)
		got := counts{}
		for unit, c := range total(all) {
			got[unit] = [2]float64{c.N, c.Aborted}
			assert.Zero(t, c.Resets, tt.file)
		}
		assert.Equal(t, tt.want, got, tt.file)
		// Nothing more: nothing was done.
		_, all = looks(t, target(t, tt.target), text, text)
		for unit, c := range total(all) {
			assert.Zero(t, c.N+c.Aborted, "%s: %s", tt.file, unit)
		}
	}
	_, all := looks(t, target(t, "vllm"), file(t, "vllm-v1"))
	assert.Equal(t, 2, all[0]["output_token"].Series, "an engine each")
}

// The rules of counters: what falls was reset, what comes later, what is no number.
func TestRulesOfCounters(t *testing.T) {
	own := "output_token=http://h/metrics#x_total"
	const process = "process_start_time_seconds "
	start := func(s float64) string { return fmt.Sprintf("%s%f\n", process, seconds(began)+s) }
	for name, tt := range map[string]struct {
		texts  []string
		n      float64
		resets int
		lower  bool
	}{
		"counts on":             {[]string{"x_total 5\n", "x_total 8\n", "x_total 8\n", "x_total 1.2e+01\n"}, 7, 0, false},
		"series add up":         {[]string{"x_total{a=\"1\"} 5\nx_total{a=\"2\"} 1\n", "x_total{a=\"1\"} 6\nx_total{a=\"2\"} 3\n"}, 3, 0, false},
		"twice the same series": {[]string{"x_total{a=\"1\"} 5\nx_total{a=\"1\"} 1\n", "x_total{a=\"1\"} 6\nx_total{a=\"1\"} 3\n"}, 3, 0, false},
		"falls":                 {[]string{"x_total 50\n", "x_total 60\n", "x_total 4\n", "x_total 5\n"}, 15, 1, true},
		"one of two falls":      {[]string{"x_total{a=\"1\"} 5\nx_total{a=\"2\"} 10\n", "x_total{a=\"1\"} 6\nx_total{a=\"2\"} 3\n"}, 4, 1, true},
		"restarts and overtakes": {[]string{
			start(-100) + "x_total 5\n", start(4) + "x_total 9\n",
		}, 9, 1, true},
		"a label set that comes with the first request": {[]string{
			"# TYPE x counter\n", "# TYPE x counter\nx_total{reason=\"stop\"} 3\n",
		}, 3, 0, false},
		"a series of another process may have history": {[]string{
			"x_total{WorkerId=\"a\"} 3\n", "x_total{WorkerId=\"a\"} 4\nx_total{WorkerId=\"b\"} 1000\n", "x_total{WorkerId=\"a\"} 4\nx_total{WorkerId=\"b\"} 1001\n",
		}, 2, 0, true},
		"unless it says when it was created": {[]string{
			"x_total{WorkerId=\"a\"} 3\n",
			fmt.Sprintf("x_total{WorkerId=\"a\"} 4\nx_total{WorkerId=\"b\"} 10\nx_created{WorkerId=\"b\"} %f\n", seconds(began)+3),
		}, 11, 0, false},
		"a worker that is gone keeps what it has done": {[]string{
			"x_total{pid=\"1\"} 3\nx_total{pid=\"2\"} 3\n", "x_total{pid=\"1\"} 8\nx_total{pid=\"2\"} 4\n", "x_total{pid=\"2\"} 5\n",
		}, 7, 0, false},
		"no number stands still":                        {[]string{"x_total 5\n", "x_total NaN\n", "x_total +Inf\n", "x_total -3\n", "x_total 7\n"}, 2, 0, false},
		"no number first: its history is not the run's": {[]string{"x_total NaN\n", "x_total 1000000\n", "x_total 1000010\n"}, 10, 0, true},
		"beyond what can be counted":                    {[]string{"x_total 0\n", "x_total 1.7e308\n", "x_total 7\n"}, 7, 0, false},
		"starts late, from 0 by its process": {[]string{
			"", start(7) + "x_total 30\n", start(7) + "x_total 40\n",
		}, 40, 0, false},
		"starts late, with nothing done": {[]string{"", "x_total 0\n", "x_total 40\n"}, 40, 0, false},
		"answers late, and may have done more": {[]string{
			"", "x_total 30\n", "x_total 40\n",
		}, 10, 0, true},
		"answers late, and is old": {[]string{
			"", start(-100) + "x_total 30\n", start(-100) + "x_total 40\n",
		}, 10, 0, true},
		"misses a look":           {[]string{"x_total 5\n", "", "x_total 9\n"}, 4, 0, false},
		"without the suffix":      {[]string{"x 1\n", "x 1\n"}, 0, 0, false},
		"with a time":             {[]string{"x_total 1 1795921200000\n", "x_total 2 1795921205000\n"}, 1, 0, false},
		"a trailing comma":        {[]string{"x_total{a=\"1\",} 1\n", "x_total{a=\"1\",} 3\n"}, 2, 0, false},
		"labels in another order": {[]string{"x_total{a=\"1\",b=\"2\"} 1\n", "x_total{b=\"2\",a=\"1\"} 3\n"}, 2, 0, false},
	} {
		s, all := looks(t, target(t, own), tt.texts...)
		c := total(all)["output_token"]
		assert.Equal(t, tt.n, c.N, name)
		assert.Equal(t, tt.resets, c.Resets, name)
		assert.Equal(t, tt.lower, c.Lower, name)
		assert.Empty(t, s.refused, name)
	}
}

// An engine that counts a request when it ends bounds its tokens by the requests in work.
func TestRequestsInWorkBoundTheTokens(t *testing.T) {
	show := func(tokens, requests, running int) string {
		return fmt.Sprintf("tgi_request_generated_tokens_sum %d\ntgi_request_success %d\ntgi_batch_current_size %d\n", tokens, requests, running)
	}
	_, all := looks(t, target(t, "tgi"), show(1000, 10, 4), show(2000, 20, 6), show(3000, 30, 2))
	c := all[2]["output_token"]
	assert.Equal(t, []float64{400, 200}, []float64{c.Before, c.After}, "requests in work × mean tokens of a request")
	r := all[2]["request"]
	assert.Equal(t, []float64{4, 2}, []float64{r.Before, r.After})
	// Without the gauge nobody knows: more may have been done.
	text := "trtllm_generation_tokens_total 10\ntrtllm_request_success_total{finished_reason=\"stop\"} 1\n"
	_, all = looks(t, target(t, "trtllm"), text, text)
	assert.True(t, all[1]["output_token"].Lower)
	// An engine that began in the run had none in work before it.
	up := fmt.Sprintf("process_start_time_seconds %f\n", seconds(began)+1)
	_, all = looks(t, target(t, "tgi"), "", up+show(1000, 10, 4), up+show(2000, 20, 0))
	assert.Equal(t, 2000.0, total(all)["output_token"].N)
	assert.Zero(t, all[2]["output_token"].Before)
}

// An abort that is told before its request is owed, and no count falls.
func TestAbortsBeforeTheirRequests(t *testing.T) {
	show := func(all, aborted int) string {
		return fmt.Sprintf("sglang:num_requests_total %d\nsglang:num_aborted_requests_total %d\n", all, aborted)
	}
	_, looks := looks(t, target(t, "sglang"), show(0, 0), show(1, 3), show(10, 3))
	for _, l := range looks {
		assert.GreaterOrEqual(t, l["request"].N, 0.0)
	}
	assert.Equal(t, 7.0, total(looks)["request"].N)
	assert.Equal(t, 3.0, total(looks)["request"].Aborted)
}

// A prompt that another engine has computed is counted there.
func TestDisaggregatedPromptsCountOnce(t *testing.T) {
	show := func(n int) string {
		return fmt.Sprintf("vllm:prompt_tokens_total %d\nvllm:prompt_tokens_by_source_total{source=\"local_compute\"} %d\n"+
			"vllm:prompt_tokens_by_source_total{source=\"external_kv_transfer\"} %d\n", 3*n, n, 2*n)
	}
	_, all := looks(t, target(t, "vllm"), show(0), show(100))
	assert.Equal(t, 100.0, total(all)["input_token"].N)
}

func TestWhatIsNoCounterIsRefused(t *testing.T) {
	s, all := looks(t, target(t, "output_token=http://h#llamacpp:predicted_tokens_seconds"), file(t, "llamacpp"))
	assert.Empty(t, all[0])
	assert.Equal(t, "llamacpp:predicted_tokens_seconds is a gauge, and no counter", s.refused)

	two := file(t, "triton") + `nv_inference_count{model="pre",version="1"} 5` + "\n"
	s, all = looks(t, target(t, "triton"), two)
	assert.Empty(t, all[0])
	assert.Contains(t, s.refused, `it counts 2 models, and an ensemble its steps as well (pre, resnet): name one, as in http://localhost:8002/metrics#{model="pre"}`)
	s, all = looks(t, target(t, `triton=http://localhost:8002#{model="resnet"}`), zeroed(two), two)
	assert.Empty(t, s.refused)
	assert.Equal(t, 1288.0, total(all)["sample"].N)

	// A histogram that is named like a counter has no series of that name.
	s, all = looks(t, target(t, "output_token=http://h#vllm:iteration_tokens_total"), file(t, "vllm-v1"))
	assert.Zero(t, all[0]["output_token"].Series)
	_ = s
}

func TestParseTarget(t *testing.T) {
	for in, want := range map[string][2]string{
		"vllm":                                     {"http://localhost:8000/metrics", "vllm at http://localhost:8000/metrics"},
		"trtllm=http://10.0.0.7:8000":              {"http://10.0.0.7:8000/prometheus/metrics", "trtllm at http://10.0.0.7:8000/prometheus/metrics"},
		"vllm=https://h/x?key=secret":              {"https://h/x?key=secret", "vllm at https://h/x"},
		"requests=http://h:1/m#a:b_total{x=\"1\"}": {"http://h:1/m", "requests at http://h:1/m"},
		"sample=http://[::1]:9#n":                  {"http://[::1]:9/metrics", "sample at http://[::1]:9/metrics"},
	} {
		x, err := ParseTarget(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, [2]string{x.url, x.Name})
	}
	for in, want := range map[string]string{
		"":                        "unknown engine",
		"vlm":                     `unknown engine "vlm": use llamacpp, sglang, tgi, triton, trtllm, vllm, or UNIT=URL#METRIC`,
		"vllm=localhost:8000":     "invalid URL",
		"vllm=file:///etc/passwd": "invalid URL",
		"vllm=http://me:secret@h": "no password in a flag",
		"vllm=http://":            "invalid URL",
		"vllm=http://h#model=1":   "invalid labels",
		"Token=http://h#x":        "invalid unit",
		"token=http://h":          "no counter named",
		"token=http://h#":         "invalid metric",
		"token=http://h#a b":      "invalid metric",
		"token=http://h#a 5":      "invalid metric",
		`token=http://h#a{b=""}5`: "invalid metric",
		`vllm=http://h#{b=""} 5`:  "invalid labels",
		"token=http://h#x_bucket": "part of a histogram",
		`token=http://h#x{le="1"`: "invalid metric",
	} {
		_, err := ParseTarget(in)
		require.ErrorContains(t, err, want, in)
		assert.NotContains(t, err.Error(), "secret")
	}
}

func TestParseExposition(t *testing.T) {
	all := func(string) bool { return true }
	e, err := parse([]byte(`# HELP x words
# TYPE x counter
x_total{a="q\"u\\o\nte",b="é"} 1e3 # {id="x"} 1 2
 x_total{ a = "2" , } 0x1p3
{"quoted.name", a="3"} 7
{"quoted.name"} 8
y NaN
z 1_000
1z 5
x_total{a="unended} 5
x_total{a="1",a="2"} 5
# EOF
`), all)
	require.NoError(t, err)
	require.Len(t, e.samples["x_total"], 1, "hex is no number here, and a label is there once")
	assert.Equal(t, []label{{"a", "q\"u\\o\nte"}, {"b", "é"}}, e.samples["x_total"][0].labels)
	assert.Equal(t, 1000.0, e.samples["x_total"][0].value)
	assert.Len(t, e.samples["quoted.name"], 2)
	assert.True(t, math.IsNaN(e.samples["y"][0].value))
	assert.Equal(t, "counter", e.typeOf("x_total"))
	for _, text := range []string{"", "<html>\n<body>404</body>\n</html>", `{"error":"no"}`, "[]", "\x00\x01"} {
		_, err := parse([]byte(text), all)
		assert.Error(t, err, text)
	}
	// Only what is wanted is kept.
	e, err = parse([]byte("a 1\nb{x=\"1\"} 2\n"), func(n string) bool { return n == "b" })
	require.NoError(t, err)
	assert.Len(t, e.samples, 1)
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"vllm-v1", "torchserve", "triton"} {
		b, err := os.ReadFile("testdata/" + name + ".prom")
		require.NoError(f, err)
		f.Add(string(b))
	}
	f.Add(`{"a",b="\"} 1`)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parse([]byte(text), func(string) bool { return true })
		if err != nil {
			return
		}
		for name, list := range e.samples {
			for _, s := range list {
				assert.Equal(t, name, s.name)
				_ = key(s.labels, ofProcess)
			}
		}
		// Whatever it shows, a counter neither falls nor panics.
		x, err := ParseTarget("vllm")
		require.NoError(t, err)
		s := newSource(x, began)
		for i := range 3 {
			s.take(e, began.Add(time.Duration(i)*time.Second))
			for _, c := range s.flush() {
				assert.GreaterOrEqual(t, c.N, 0.0)
				assert.GreaterOrEqual(t, c.Aborted, 0.0)
			}
		}
	})
}

func TestPresetsAreDocumented(t *testing.T) {
	require.Equal(t, slices.Sorted(maps.Keys(presets())), Presets())
	page, err := os.ReadFile("../../docs/work.md")
	require.NoError(t, err)
	for name, p := range presets() {
		assert.True(t, strings.Contains(string(page), "| `"+name+"` |"), name)
		assert.True(t, strings.Contains(string(page), ":"+p.port+p.path), name)
		if p.hint != "" {
			assert.True(t, strings.Contains(string(page), p.hint[strings.LastIndex(p.hint, " with ")+6:]), p.hint)
		}
	}
}
