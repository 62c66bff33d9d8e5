package predict

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A family is a kind of run, of which each seed gives one: what each epoch costs.
type family struct {
	name string
	// least is how often the interval holds the truth at the worst of the stages:
	// where that is below Level, the page says why.
	least float64
	make  func(r *rand.Rand, n int) []float64
}

func noisy(r *rand.Rand, n int, sd float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = math.Exp(sd * r.NormFloat64())
	}
	return x
}

func between(r *rand.Rand, a, b float64) float64 { return a + (b-a)*r.Float64() }

func each(x []float64, f func(i int, done float64) float64) []float64 {
	for i := range x {
		x[i] *= f(i, float64(i)/float64(len(x)))
	}
	return x
}

// families are the runs that the method was chosen by. They were laid down
// before it: what goes on in training runs, in sizes that are seen there.
var families = []family{
	{"steady", Level, func(r *rand.Rand, n int) []float64 { return noisy(r, n, between(r, 0.002, 0.03)) }},
	{"slow first epoch", Level, func(r *rand.Rand, n int) []float64 {
		x := noisy(r, n, 0.02)
		x[0] *= between(r, 1.2, 4)
		return x
	}},
	{"fast first epoch", 0.80, func(r *rand.Rand, n int) []float64 {
		x := noisy(r, n, 0.02)
		x[0] *= between(r, 0.6, 0.95)
		return x
	}},
	{"warm-up of some epochs", Level, func(r *rand.Rand, n int) []float64 {
		by, over := between(r, -0.3, 0.6), between(r, 1, 6)
		return each(noisy(r, n, 0.02), func(i int, _ float64) float64 { return 1 + by*math.Exp(-float64(i)/over) })
	}},
	{"validation every k epochs", 0.88, func(r *rand.Rand, n int) []float64 {
		k, by := []int{2, 5, 10, 20}[r.IntN(4)], between(r, 0.2, 1.5)
		return each(noisy(r, n, 0.02), func(i int, _ float64) float64 {
			if i%k == k-1 {
				return 1 + by
			}
			return 1
		})
	}},
	{"drift", Level, func(r *rand.Rand, n int) []float64 {
		by := between(r, -0.3, 0.5)
		return each(noisy(r, n, 0.02), func(_ int, done float64) float64 { return 1 + by*done })
	}},
	{"a step: throttling, another job", 0.81, func(r *rand.Rand, n int) []float64 {
		at, by := r.Float64(), between(r, 0.8, 1.4)
		return each(noisy(r, n, 0.02), func(_ int, done float64) float64 {
			if done >= at {
				return by
			}
			return 1
		})
	}},
	{"stalls", 0.88, func(r *rand.Rand, n int) []float64 {
		often, by := between(r, 0.01, 0.05), between(r, 2, 6)
		return each(noisy(r, n, 0.02), func(int, float64) float64 {
			if r.Float64() < often {
				return by
			}
			return 1
		})
	}},
	{"shared machine", 0.89, func(r *rand.Rand, n int) []float64 {
		state := 0.0
		return each(noisy(r, n, 0.05), func(int, float64) float64 {
			state = 0.8*state + 0.1*r.NormFloat64()
			return math.Exp(state)
		})
	}},
	{"data that grows in stages", 0.39, func(r *rand.Rand, n int) []float64 {
		by := between(r, 1.2, 2)
		return each(noisy(r, n, 0.02), func(_ int, done float64) float64 { return 1 + (by-1)*math.Floor(done*3)/3 })
	}},
}

// strangers are kinds of runs that no constant was set by: they were added
// afterwards, to see how the method does where it was not made.
var strangers = []family{
	{"three steps, up or down", 0.76, func(r *rand.Rand, n int) []float64 {
		level := make([]float64, n)
		for range 3 {
			at, by := r.IntN(n), math.Log(between(r, 0.8, 1.25))
			for i := at; i < n; i++ {
				level[i] += by
			}
		}
		return each(noisy(r, n, 0.02), func(i int, _ float64) float64 { return math.Exp(level[i]) })
	}},
	{"a level that wanders", Level, func(r *rand.Rand, n int) []float64 {
		step, state := between(r, 0.05, 0.2)/math.Sqrt(float64(n)), 0.0
		return each(noisy(r, n, 0.02), func(int, float64) float64 {
			state += step * r.NormFloat64()
			return math.Exp(state)
		})
	}},
	{"day and night", Level, func(r *rand.Rand, n int) []float64 {
		by, long, from := between(r, 0.05, 0.3), between(r, 8, 40), between(r, 0, 2*math.Pi)
		return each(noisy(r, n, 0.02), func(i int, _ float64) float64 {
			return 1 + by*math.Sin(from+2*math.Pi*float64(i)/long)
		})
	}},
	{"a leak, and restarts", Level, func(r *rand.Rand, n int) []float64 {
		by, long := between(r, 0.1, 0.6), between(r, 0.15, 0.5)
		return each(noisy(r, n, 0.02), func(_ int, done float64) float64 { return 1 + by*math.Mod(done, long)/long })
	}},
	{"data that shrinks in stages", 0.64, func(r *rand.Rand, n int) []float64 {
		by := between(r, 0.5, 0.85)
		return each(noisy(r, n, 0.02), func(_ int, done float64) float64 { return 1 - (1-by)*math.Floor(done*3)/3 })
	}},
}

type run struct {
	name   string
	epochs []float64
}

// published reads the runs of testdata/runs.txt.
func published(t *testing.T) (runs []run) {
	b, err := os.ReadFile("testdata/runs.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, " | ")
		require.Len(t, f, 3)
		x := run{name: f[0]}
		last := 0.0
		for _, s := range strings.Fields(f[2]) {
			v, err := strconv.ParseFloat(s, 64)
			require.NoError(t, err)
			x.epochs = append(x.epochs, v-last)
			last = v
		}
		runs = append(runs, x)
	}
	return runs
}

// A stage is when a run is predicted: after so many epochs, of n.
type stage struct {
	name string
	at   func(n int) int
	// narrow is how wide the interval of a steady run is at most, as a part of the
	// truth.
	narrow float64
}

func epochs(k int) func(int) int { return func(n int) int { return min(k, n-1) } }

func part(p float64) func(int) int { return func(n int) int { return max(1, int(p*float64(n))) } }

var stages = []stage{
	{"1 epoch", epochs(1), 1.22}, {"3 epochs", epochs(3), 0.55},
	{"10 %", part(0.1), 0.54}, {"25 %", part(0.25), 0.29}, {"50 %", part(0.5), 0.12},
}

// baselines are the rules of thumb that the method is held against: all that is left
// costs as much as the mean of the epochs so far, as the last one, as the middle one.
var baselines = []struct {
	name string
	of   func(x []float64) float64
}{
	{"mean", func(x []float64) float64 { return sum(x) / float64(len(x)) }},
	{"last", func(x []float64) float64 { return x[len(x)-1] }},
	{"median", median},
}

// score is how predictions came out: the mean errors of the baselines and ours, how
// many truths the interval held, and how wide it was, in parts of the truth.
type score struct {
	n, held, below, ours, width float64
	theirs                      [3]float64
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

// add predicts a run of planned epochs, of which x took place, after n.
func (s *score) add(x []float64, planned, n int) {
	truth, past := sum(x), sum(x[:n])
	o := extrapolate(x[:n], planned-n)
	s.n++
	for i, b := range baselines {
		s.theirs[i] += math.Abs(past+float64(planned-n)*b.of(x[:n])-truth) / truth
	}
	s.ours += math.Abs(past+o.Expected-truth) / truth
	s.width += (o.High - o.Low) / truth
	const rounding = 1e-9
	if truth <= (past+o.High)*(1+rounding) {
		s.below++
		if past+o.Low <= truth*(1+rounding) {
			s.held++
		}
	}
}

func (s *score) plus(o score) {
	s.n, s.held, s.below, s.ours, s.width = s.n+o.n, s.held+o.held, s.below+o.below, s.ours+o.ours, s.width+o.width
	for i := range s.theirs {
		s.theirs[i] += o.theirs[i]
	}
}

// beyond is by how much the error is larger than what is allowed: that of the best
// baseline and a tenth, or a point.
func (s score) beyond() float64 {
	best := slices.Min(s.theirs[:]) / s.n
	return s.ours/s.n - max(best+0.01, 1.1*best)
}

func (s score) String() string {
	text := ""
	for i, e := range s.theirs {
		if i > 0 {
			text += " / "
		}
		text += percent(e / s.n)
	}
	ours := percent(s.ours / s.n)
	if s.n > 1 && s.beyond() > 0 {
		ours = "*" + ours + "*"
	}
	return fmt.Sprintf("%s → %s, %.0f in %s", text, ours, 100*s.held/s.n, percent(s.width/s.n))
}

func percent(x float64) string {
	if x < 0.0995 {
		return fmt.Sprintf("%.1f", 100*x)
	}
	return fmt.Sprintf("%.0f", 100*x)
}

// runs of a family. Those that the constants were set by had the seeds from 0 to
// 399, from 8 to 700 epochs, and each cost to a power from 0.6 to 1.4, so that all
// sizes differed too; the power was negative for half of those that drift, step or
// grow.
func (f family) runs(number int, do func(seed uint64, x []float64)) {
	for seed := uint64(1000); seed < 1600; seed++ {
		r := rand.New(rand.NewPCG(seed, uint64(number)))
		do(seed, f.make(r, []int{10, 20, 50, 100, 200, 1000}[seed%6]))
	}
}

var update = flag.Bool("update", false, "rewrite the tables of docs/prediction.md; read the difference")

// TestPredictionIsAsGoodAsItsPage scores both methods on runs of which the truth
// is known, holds the default to its promises, and the page to the scores.
func TestPredictionIsAsGoodAsItsPage(t *testing.T) {
	var b strings.Builder
	head := func(first string) {
		fmt.Fprintf(&b, "| %s |", first)
		for _, s := range stages {
			fmt.Fprintf(&b, " %s |", s.name)
		}
		b.WriteString("\n|---|---|---|---|---|---|\n")
	}
	worse := 0
	row := func(name string, scores []score) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, s := range scores {
			fmt.Fprintf(&b, " %v |", s)
		}
		b.WriteString("\n")
	}
	all, short, long := make([]score, len(stages)), make([]score, len(stages)), make([]score, len(stages))
	head("made-up run")
	for i, f := range families {
		scores := make([]score, len(stages))
		f.runs(i, func(_ uint64, x []float64) {
			for j, stage := range stages {
				var s score
				s.add(x, len(x), stage.at(len(x)))
				scores[j].plus(s)
				all[j].plus(s)
				if len(x) <= 50 {
					short[j].plus(s)
				} else {
					long[j].plus(s)
				}
			}
		})
		row(f.name, scores)
		for j, s := range scores {
			assert.GreaterOrEqual(t, s.held/s.n, f.least, "%s after %v", f.name, stages[j].name)
			if s.beyond() > 0 {
				worse++
			}
			assert.LessOrEqual(t, s.beyond(), 0.008, "%s after %v", f.name, stages[j].name)
			if i == 0 { // steady
				assert.LessOrEqual(t, s.width/s.n, stages[j].narrow, "as narrow as the page says, after %v", stages[j].name)
			}
		}
	}
	row("**all**", all)
	row("those of 10 to 50 epochs", short)
	row("those of 100 to 1000 epochs", long)
	for j, s := range all {
		for k, b := range baselines {
			assert.LessOrEqual(t, s.ours, s.theirs[k]*(1+1e-9), "no worse than the %s after %v", b.name, stages[j].name)
			if j > 0 {
				assert.Less(t, s.ours, s.theirs[k], "better than the %s after %v", b.name, stages[j].name)
			}
		}
		assert.GreaterOrEqual(t, s.held/s.n, Level, "the interval holds what it claims after %v", stages[j].name)
		assert.LessOrEqual(t, s.held/s.n, 0.98, "and is not wider than needed after %v", stages[j].name)
	}
	b.WriteString("\n")
	head("made-up run of another kind")
	clear(all)
	for i, f := range strangers {
		scores := make([]score, len(stages))
		f.runs(len(families)+i, func(_ uint64, x []float64) {
			for j, stage := range stages {
				scores[j].add(x, len(x), stage.at(len(x)))
			}
		})
		row(f.name, scores)
		for j, s := range scores {
			all[j].plus(s)
			assert.GreaterOrEqual(t, s.held/s.n, f.least, "%s after %v", f.name, stages[j].name)
			if s.beyond() > 0 {
				worse++
			}
			assert.LessOrEqual(t, s.beyond(), 0.008, "%s after %v", f.name, stages[j].name)
		}
	}
	row("**all**", all)
	b.WriteString("\n")
	head("published run")
	real := make([]score, len(stages))
	for _, run := range published(t) {
		scores := make([]score, len(stages))
		for j, stage := range stages {
			scores[j].add(run.epochs, len(run.epochs), stage.at(len(run.epochs)))
			real[j].plus(scores[j])
		}
		row(run.name, scores)
	}
	row("**all**", real)
	for j, s := range real {
		assert.LessOrEqual(t, s.beyond(), 0.0, "published runs after %v", stages[j].name)
	}
	assert.LessOrEqual(t, worse, 6, "cells in which a baseline is better by more than a point and a tenth")
	b.WriteString("\n")
	head("a run that stops early")
	b.WriteString("| truth below the upper bound, % |")
	for _, stage := range stages {
		var s score
		families[0].runs(0, func(seed uint64, x []float64) {
			n := stage.at(len(x))
			stop := max(n, int(float64(len(x))*(0.3+0.7*float64(seed%100)/99)))
			s.add(x[:stop], len(x), n)
		})
		assert.Equal(t, s.n, s.below)
		fmt.Fprintf(&b, " %.0f |", 100*s.below/s.n)
	}
	b.WriteString("\n")

	const page = "../../docs/prediction.md"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	const from, to = "<!-- tables: go test ./footprint/predict -run Page -update -->\n", "<!-- end of tables -->\n"
	before, rest, ok := strings.Cut(string(text), from)
	require.True(t, ok)
	tables, behind, ok := strings.Cut(rest, to)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(before+from+b.String()+to+behind), 0o644))
		return
	}
	assert.Equal(t, b.String(), tables, "%s is stale", page)
}

func TestExtrapolateCountsValidationsThatAreDue(t *testing.T) {
	var x []float64
	for i := 1; i <= 12; i++ {
		x = append(x, 10)
		if i%5 == 0 {
			x[i-1] = 25
		}
	}
	// Of 13 to 24, 15 and 20 validate.
	assert.InDelta(t, 10*10+2*25, extrapolate(x, 12).Expected, 1e-9)
}

func TestExtrapolateFollowsATrendNoFartherThanItWasSeen(t *testing.T) {
	var x []float64
	for i := range 101 {
		x = append(x, 100+float64(i))
	}
	assert.InEpsilon(t, 100*(200+300)/2, extrapolate(x, 100).Expected, 0.02)
	far := extrapolate(x, 10_000).Expected
	assert.Less(t, far, 10_000.*200, "a hundredth of a run has not shown where it leads")
	assert.Greater(t, far, 10_000.*175, "the level of the later half")
}

// The bounds are in order and finite, whatever the epochs were.
func TestExtrapolateIsNeverAbsurd(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 99))
		x := make([]float64, 1+r.IntN(40))
		for i := range x {
			if r.IntN(4) > 0 {
				x[i] = math.Exp(5 * r.NormFloat64())
			}
		}
		o := extrapolate(x, 1+r.IntN(1000))
		require.False(t, math.IsNaN(o.Low+o.Expected+o.High) || math.IsInf(o.High, 0), "%v", x)
		require.GreaterOrEqual(t, o.Low, 0.0)
		require.LessOrEqual(t, o.Low, o.Expected)
		require.LessOrEqual(t, o.Expected, o.High)
	}
}

// Within a first epoch that warms up at its start, as the families do, and validates
// at its end: the interval holds the truth, however small the part is.
func TestWithinAnEpochTheIntervalHolds(t *testing.T) {
	for _, part := range []float64{0.01, 0.05, 0.2, 0.5, 0.9} {
		held, n := 0, 2000
		for seed := range uint64(n) {
			r := rand.New(rand.NewPCG(seed, 7))
			warmUp, validation, epochs := between(r, 0, 3), between(r, 0, 1.2), float64(1+r.IntN(100))
			rate := math.Exp(0.1 * r.NormFloat64()) // of this part against all
			o := Within(warmUp+part*rate, part, epochs-part)
			truth := (1 - part) + validation + (epochs-1)*(1+validation)
			if o.Low <= truth && truth <= o.High {
				held++
			}
			require.True(t, o.Low <= o.Expected && o.Expected <= o.High)
		}
		assert.GreaterOrEqual(t, float64(held)/float64(n), Level, part)
	}
	assert.Zero(t, Within(1, 0, 3))
	assert.Zero(t, Within(1, 0.5, 0))
	assert.Zero(t, Within(1, math.NaN(), 3))
}

func BenchmarkExtrapolate(b *testing.B) {
	x := noisy(rand.New(rand.NewPCG(1, 1)), 1024, 0.02)
	for b.Loop() {
		extrapolate(x, 10_000)
	}
}
