package watch

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tallied is what a tally makes of lines.
func tallied(t *testing.T, spec string, lines ...string) (n float64, resets int, lower bool, looks int) {
	t.Helper()
	tally, err := ParseTally(spec)
	require.NoError(t, err)
	m := NewMatcher(nil, func(e Event) {
		require.Equal(t, Count, e.Edge)
		require.Equal(t, tally.Unit, e.Name)
		require.Equal(t, tally.Expr, e.Source)
		require.GreaterOrEqual(t, e.N, 0.0)
		n += e.N
		looks++
		lower = lower || e.Lower
		if e.Reset {
			resets++
		}
	}, tally)
	s := m.Stream()
	for _, line := range lines {
		s.Feed([]byte(line+"\n"), time.Now())
	}
	m.Close(true)
	return n, resets, lower, looks
}

// The forms of logs that print a number that only grows.
func TestTallies(t *testing.T) {
	const megatron = `sample=consumed samples:\s+(\d+)`
	line := func(n string) string {
		return " [2026-11-29 03:00:10] iteration       10/     100 | consumed samples:           " + n + " | elapsed time per iteration (ms): 812.3 |"
	}
	for name, tt := range map[string]struct {
		spec   string
		lines  []string
		n      float64
		resets int
		lower  bool
	}{
		"megatron, from the start":       {megatron, []string{line("80"), line("160"), line("240")}, 240, 0, false},
		"megatron, from a checkpoint":    {megatron, []string{line("80000"), line("80080"), line("80160")}, 160, 0, true},
		"megatron, one line":             {megatron, []string{line("80")}, 0, 0, true},
		"megatron, starts again":         {megatron, []string{line("80"), line("160"), line("80"), line("160")}, 320, 1, false},
		"the same line by several ranks": {megatron, []string{line("80"), line("80"), line("160"), line("160")}, 160, 0, false},
		"nanoGPT":                        {`step=^iter (\d+): loss`, []string{"iter 0: loss 10.98, time 26502.12ms", "iter 10: loss 9.42", "step 10: val loss 1"}, 10, 0, false},
		"transformers": {
			`input_token='num_input_tokens_seen': (\d+)`,
			[]string{"{'loss': 1.2, 'num_input_tokens_seen': 1048576, 'epoch': 0.5}", "{'loss': 1.1, 'num_input_tokens_seen': 2097152, 'epoch': 1.0}"}, 2097152, 0, false,
		},
		"thousands, and colours": {`input_token=seen: ([\d,]+)`, []string{"\x1b[32mseen: 1,000\x1b[0m", "seen: \x1b[1m2,500\x1b[0m"}, 2500, 0, false},
		"JSON lines":             {`sample="samples":\s*(\d+)`, []string{`{"epoch":1,"samples":64}`, `{"epoch":2,"samples":128}`}, 128, 0, false},
		"nothing fits":           {megatron, []string{"hello"}, 0, 0, false},
		"no number":              {`sample=seen (\S+)`, []string{"seen many", "seen -5", "seen 5"}, 0, 0, true},
	} {
		n, resets, lower, _ := tallied(t, tt.spec, tt.lines...)
		assert.Equal(t, tt.n, n, name)
		assert.Equal(t, tt.resets, resets, name)
		assert.Equal(t, tt.lower, lower, name)
	}
	_, _, _, looks := tallied(t, `step=^iter (\d+)`, "iter 0")
	assert.Equal(t, 1, looks, "no work is a result")
}

func TestParseTally(t *testing.T) {
	for in, want := range map[string]string{
		`consumed samples: (\d+)`: "name the unit", `Sample=(\d+)`: "name the unit", `sample=(`: "missing closing", `sample=\d+`: "has 0 groups",
		`sample=(a)(b)`: "has 2 groups", ``: "name the unit", `=x`: "name the unit",
	} {
		_, err := ParseTally(in)
		assert.ErrorContains(t, err, want, in)
	}
}

func FuzzTally(f *testing.F) {
	f.Add("seen 5\nseen 7\r\nseen 1,000\nseen 3\n")
	f.Fuzz(func(t *testing.T, text string) {
		n, _, _, _ := tallied(t, `sample=seen ([\d,.eE]+)`, strings.Split(text, "\n")...)
		assert.GreaterOrEqual(t, n, 0.0)
	})
}

func TestMetricsOfALine(t *testing.T) {
	for line, want := range map[string]map[string]float64{
		"100/100 ━━━━ 2s 3ms/step - accuracy: 0.9132 - loss: 0.4123 - val_loss: 5.1e-01": {"accuracy": 0.9132, "loss": 0.4123, "val_loss": 0.51},
		"{'loss': 1.1, 'learning_rate': 1.8e-05, 'epoch': 1.0}":                          {"loss": 1.1, "learning_rate": 1.8e-05},
		`{"epoch":3,"loss":0.25,"step":50}`:                                              {"loss": 0.25},
		"[3]\ttrain-rmse:0.41\tvalid-rmse:0.52":                                          {"train-rmse": 0.41, "valid-rmse": 0.52},
		"Epoch 3/10: train loss 0.41, val loss 0.52, acc 91%":                            {"train_loss": 0.41, "val_loss": 0.52, "acc": 91},
		"Epoch 3, loss=-0.5 time=12.3s eta: 5":                                           {"loss": -0.5},
		"2026-11-29T03:00:00 INFO Epoch: 3 lr: .001":                                     {"lr": 0.001},
		"Epoch 3 took 4.2 s":                                                             nil,
		"über: 4 val/überloss 0.5 a\"b: 5 Verlust: 0.3":                                  {"Verlust": 0.3},
		"loss: nan":               nil,
		"\x1b[1mloss\x1b[0m: 0.5": {"loss": 0.5},
		"":                        nil,
	} {
		assert.Equal(t, want, metrics([]byte(line)), line)
	}
	many := strings.Repeat("m", 41) + "=1"
	for i := range 40 {
		many += " m" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "=1"
	}
	assert.Len(t, metrics([]byte(many)), maxMetrics)
}

// What lines tell of an epoch comes with its end, whichever line tells of that.
func TestMetricsComeWithTheirEpochs(t *testing.T) {
	type end struct {
		edge Edge
		loss float64
	}
	for name, tt := range map[string]struct {
		lines []string
		want  []end
	}{
		"keras": {
			[]string{"Epoch 1/2", "50/100 - loss: 9", "100/100 - loss: 0.5 - acc: 0.1", "Epoch 2/2", "100/100 - loss: 0.25"},
			[]end{{EpochStart, 0}, {EpochEnd, 0.5}, {EpochStart, 0}, {EpochEnd, 0.25}},
		},
		"dicts": {[]string{"{'loss': 0.5, 'epoch': 1.0}", "{'loss': 0.25, 'epoch': 2.0}"}, []end{{EpochEnd, 0.5}, {EpochEnd, 0.25}}},
		"steps of it": {
			[]string{"Epoch [1][1/50] loss 9", "Epoch [1][40/50] loss 0.5", "Epoch [2][1/50] loss 8", "Epoch [2][40/50] loss 0.25"},
			[]end{{EpochStart, 0}, {EpochStart, 0.5}, {EpochEnd, 0.25}},
		},
	} {
		p, err := Preset("auto")
		require.NoError(t, err)
		var got []end
		m := NewMatcher(p, func(e Event) {
			if e.Edge == EpochStart || e.Edge == EpochEnd {
				got = append(got, end{e.Edge, e.Metrics["loss"]})
			}
		})
		s := m.Stream()
		now := time.Now()
		for i, line := range tt.lines {
			s.Feed([]byte(line+"\n"), now.Add(time.Duration(i)*time.Second))
		}
		m.Close(true)
		assert.Equal(t, tt.want, got, name)
	}
}
