package watch

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scan feeds output in pieces of a size, and gives what was found.
func scan(t testing.TB, p *Pattern, out []byte, piece int) (found []string, seen Seen) {
	m := NewMatcher(p, func(e Event) {
		if e.Edge == EpochProgress {
			return // of which TestProgressOfTheFirstEpoch is
		}
		s := fmt.Sprintf("%s %d/%d", strings.TrimPrefix(string(e.Edge), "epoch-"), e.Index, e.Of)
		if e.Whole {
			s += " whole"
		}
		if e.Again {
			s += " again"
		}
		assert.False(t, e.At.IsZero())
		found = append(found, s)
	})
	s := m.Stream()
	for len(out) > 0 {
		n := min(piece, len(out))
		s.Feed(out[:n], time.Now())
		out = out[n:]
	}
	m.Close(false)
	return found, m.Seen()
}

// Recordings are in the format of each framework, with its bars and colours.
func TestPresetsFindEpochsInWhatFrameworksPrint(t *testing.T) {
	startEnd := []string{"start 1/3", "end 1/3", "start 2/3", "end 2/3", "start 3/3", "end 3/3"}
	starts := []string{"start 1/3", "start 2/3", "start 3/3"}
	wholes := func(of int, indexes ...int) (s []string) {
		for _, i := range indexes {
			s = append(s, fmt.Sprintf("end %d/%d whole", i, of))
		}
		return s
	}
	for _, tt := range []struct {
		file, preset string
		want         []string
	}{
		{"keras", "keras", startEnd},
		{"keras2", "keras", startEnd},
		{"lightning", "lightning", []string{"start 1/0", "start 2/0", "start 3/0", "end 3/0"}},
		{"lightning_rich", "lightning", append(starts[:3:3], "end 3/3")},
		{"transformers", "transformers", wholes(3, 1, 2, 3)},
		{"ultralytics", "ultralytics", append(starts[:3:3], "end 3/3")},
		{"xgboost", "xgboost", wholes(0, 1, 2, 3, 4)},
		{"xgboost_every10", "xgboost", wholes(0, 1, 11, 21, 30)},
		{"lightgbm", "lightgbm", append(wholes(0, 1, 2, 3, 4), "end 4/0 again")}, // "Best iteration is:" and its line
		{"fastai", "fastai", startEnd},
		{"plain", "plain", starts},
		{"plain_result", "plain", wholes(3, 1, 2, 3)},
		{"plain_steps", "plain", starts},
		{"plain_bar", "plain", starts},
		{"plain_train", "plain", []string{"start 1/0", "start 2/0", "start 3/0"}},
		{"plain_last", "plain", []string{"start 1/2", "start 2/2", "start 3/3"}},
		{"tqdm_epochs", "plain", wholes(3, 1, 2, 3)},
		{"tqdm_epochs", "tqdm", wholes(3, 1, 2, 3)},
		{"tqdm", "tqdm", wholes(3, 1, 2, 3)},
		{"skorch", "skorch", wholes(0, 1, 2, 3)},
		{"json", "json", wholes(0, 1, 2, 3)},
		{"json_steps", "json", []string{"start 1/0", "start 2/0", "start 3/0"}},
	} {
		out, err := os.ReadFile("testdata/" + tt.file + ".txt")
		require.NoError(t, err)
		presets := []string{tt.preset, "auto"}
		if tt.file == "tqdm" {
			presets = presets[:1] // it counts anything
		}
		for _, preset := range presets {
			for _, piece := range []int{1, 7, 1 << 20} {
				p, err := Preset(preset)
				require.NoError(t, err)
				got, seen := scan(t, p, out, piece)
				want := tt.want
				if preset == "auto" && tt.file == "plain" {
					want = starts // a bar that is full would end them
				}
				assert.Equal(t, want, got, "%s with %s, %d bytes at a time", tt.file, preset, piece)
				assert.Zero(t, seen.Skipped)
			}
		}
	}
}

// What else people print of epochs.
func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"Training epoch 3/10 ...":                     "start 3/10",
		"Starting epoch 3 of 10":                      "start 3/10",
		"INFO:root:Begin of epoch 3":                  "start 3/0",
		"Finished epoch 3/10 in 4.2 s":                "end 3/10 whole",
		"[12:00:01] Completed training epoch 3":       "end 3/0 whole",
		"End of epoch #3, loss 0.2":                   "end 3/0 whole",
		"Epochs:  30%|███       | 3/10 [00:03<00:07]": "end 3/10 whole",
	} {
		p, err := Preset("plain")
		require.NoError(t, err)
		got, _ := scan(t, p, []byte(text+"\n"), 100)
		assert.Equal(t, []string{want}, got, text)
	}
	// The bars within that over all epochs count steps.
	p, err := Preset("tqdm")
	require.NoError(t, err)
	got, _ := scan(t, p, []byte("  0%|  | 0/2 [0]\n 50%|▌ | 5/10 [0]\n100%|█ | 10/10 [0]\n 50%|▌ | 1/2 [0]\n100%|█ | 2/2 [0]\n"), 100)
	assert.Equal(t, []string{"end 1/2 whole", "end 2/2 whole"}, got)
}

func TestOnePresetIsNotAnother(t *testing.T) {
	for _, tt := range []struct{ preset, text string }{
		{"keras", "1875/1875 ━━━━ 3s - loss: 0.1\n"},
		{"plain", "best epoch 3\nsaving at epoch 7\nepochs: 10\nepoch train_loss valid_loss\n"},
		{"xgboost", "[12:00:01] WARNING: x-y:1\n[3] done\n"},
		{"lightgbm", "[LightGBM] [Info] Number of data points: 3\n"},
		{"transformers", "{'loss': 1.0, 'epoch': 0.9}\n"},
		{"json", `{"epochs": 3}` + "\n" + `not {"epoch": x}` + "\n"},
		{"fastai", "1 2 3\n12:00 13:00\n"},
		{"ultralytics", "  3/4 of it\n"},
		{"plain", "Validation epoch 3\nloss of epoch 3\nfirst epoch 3\n"},
		{"skorch", "      1        0.6905       0.6150        0.6749  0.0301\n"},
		{"tqdm", "  0%|          | 0/3 [00:00<?, ?it/s]\n3/3 done\n"},
	} {
		p, err := Preset(tt.preset)
		require.NoError(t, err)
		got, _ := scan(t, p, []byte(tt.text), 100)
		assert.Empty(t, got, tt.preset)
	}
	_, err := Preset("keras3")
	assert.ErrorContains(t, err, "auto, ultralytics, lightning")
}

func TestCompile(t *testing.T) {
	for _, tt := range []struct {
		expr, text string
		want       []string
	}{
		{`EPOCH=(\d+)`, "EPOCH=1\nx\nEPOCH=1\nEPOCH=2\n", []string{"start 1/0", "start 2/0"}},
		{`pass \d+ of`, "pass 7 of 9\npass 8 of 9\n", []string{"start 7/0", "start 8/0"}},
		{`e(?P<epoch>\d+)t(?P<total>\d+)`, "e0t5\ne1t5\n", []string{"start 1/5", "start 2/5"}},
		{`finished (?P<ended>\d+)`, "finished 1\nfinished 2\n", []string{"end 1/0 whole", "end 2/0 whole"}},
		{`^next round$`, "next round\nnext round\n", []string{"start 1/0", "start 2/0"}},
		{`finished (\d+)`, "finished 1\nfinished 2\n", []string{"end 1/0 whole", "end 2/0 whole"}},
		{`train epoch: (\d+)`, "train epoch: 1, loss 0.3\ntrain epoch: 2, loss 0.2\n", []string{"end 1/0 whole", "end 2/0 whole"}},
		{`pass (?P<started>\d+)`, "pass 1 loss 0.3\npass 2 loss 0.2\n", []string{"start 1/0", "start 2/0"}},
		{`run (\d+)`, "run 1\nrun 2\nrun 3\nrun 1\nrun 2\n", []string{"start 1/0", "start 2/0", "start 3/0", "start 1/0", "start 2/0"}},
		{`rank\d* (?P<epoch>\d+)`, "rank0 1\nrank0 2\nrank1 1\nrank1 2\n", []string{"start 1/0", "start 2/0"}},
		{`n=(\d+)`, "n=99999999999999999999\nn=x\n", nil},
	} {
		p, err := Compile(tt.expr)
		require.NoError(t, err)
		got, _ := scan(t, p, []byte(tt.text), 1000)
		assert.Equal(t, tt.want, got, tt.expr)
	}
	_, err := Compile(`(`)
	assert.ErrorContains(t, err, "epoch pattern")
	_, err = Compile(`\d*`)
	assert.ErrorContains(t, err, "every line")
}

func TestLiteral(t *testing.T) {
	for expr, want := range map[string]string{
		`Epoch (\d+)`: "Epoch ", `(?i)epoch`: "", `a|b`: "", `x(abc)+y?`: "abc", `\d+`: "", `(foo)?bar`: "bar", `\x{FFFD}a`: "",
	} {
		assert.Equal(t, want, literal(expr), expr)
	}
}

func TestAPatternThatBacktracksElsewhereDoesNotHere(t *testing.T) {
	p, err := Compile(`(x+x+)+y(\d+)`)
	require.NoError(t, err)
	begin := time.Now()
	scan(t, p, []byte(strings.Repeat("x", 60_000)+"y\n"), 1<<20)
	assert.Less(t, time.Since(begin), 5*time.Second, "an hour would be usual")
}

func TestBadOutput(t *testing.T) {
	p, err := Preset("plain")
	require.NoError(t, err)
	long := strings.Repeat("a", 10<<20)
	out := long + "Epoch 9/9\n" + "Epoch 1/2 \xff\xfe\x80\n" + "\xc3\x28 Epoch\n" + strings.Repeat("b", longest) + "\nEpoch 2/2\n"
	var got []string
	m := NewMatcher(p, func(e Event) { got = append(got, fmt.Sprint(e.Edge, e.Index)) })
	s := m.Stream()
	for b := []byte(out); len(b) > 0; {
		n := min(len(b), 1<<20)
		s.Feed(b[:n], time.Now())
		for m.backlog() > 0 { // as slow as an ordinary program
			runtime.Gosched()
		}
		b = b[n:]
	}
	m.Close(false)
	assert.Equal(t, []string{"epoch-start1", "epoch-start2"}, got)
	assert.Zero(t, m.Seen().Skipped)
}

func (m *Matcher) backlog() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.streams {
		n += len(s.in)
	}
	return n
}

func TestWhatComesTooFastIsLeftOutByWholeLines(t *testing.T) {
	p, err := Compile(`^line (\d+) end$`)
	require.NoError(t, err)
	hold, entered := make(chan struct{}), make(chan struct{}, 1)
	var indexes []int
	m := NewMatcher(p, func(e Event) {
		indexes = append(indexes, e.Index)
		if e.Index == 1 {
			entered <- struct{}{}
			<-hold
		}
	})
	s := m.Stream()
	s.Feed([]byte("line 1 end\n"), time.Now())
	<-entered
	total := 1
	for i := 2; total < 300_000; i++ { // 5 MB, in pieces that end anywhere
		text := fmt.Sprintf("line %d end\n", i)
		s.Feed([]byte(text[:5]), time.Now())
		s.Feed([]byte(text[5:]), time.Now())
		total++
	}
	close(hold)
	for m.backlog() > 0 {
		runtime.Gosched()
	}
	s.Feed([]byte("rest of a line\nline 400000 end\n"), time.Now())
	m.Close(false)
	seen := m.Seen()
	assert.Positive(t, seen.Skipped)
	assert.Equal(t, 400_000, indexes[len(indexes)-1], "it goes on")
	for i, n := range indexes[:len(indexes)-1] {
		require.Equal(t, i+1, n, "no line is torn")
	}
	assert.InDelta(t, total, int64(len(indexes)-1)+seen.Skipped, 2, "and those left out are counted")
	for _, x := range m.streams {
		assert.LessOrEqual(t, cap(x.in)+cap(x.out), 3*half)
	}
}

func TestTheNearestLinesAreKept(t *testing.T) {
	p, err := Compile(`^Iteration (\d+)$`)
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("hello\nloaded 3/4 files\n\x1b[31mepoch\x1b[0m one\n")
	for range 1000 {
		b.WriteString("a/b nothing\n")
	}
	b.WriteString("Epoch 1/9: loss\xff " + strings.Repeat("x", 500) + "\nEpoch 2/9\n")
	got, seen := scan(t, p, []byte(b.String()), 1<<20)
	assert.Empty(t, got)
	require.Len(t, seen.Nearest, 3)
	assert.Contains(t, seen.Nearest[0], "Epoch 1/9: loss?")
	assert.LessOrEqual(t, len([]rune(seen.Nearest[0])), 101)
	assert.Equal(t, []string{"Epoch 2/9", "epoch one"}, seen.Nearest[1:])
	assert.EqualValues(t, 1005, seen.Lines)
}

func FuzzMatcher(f *testing.F) {
	names, _ := os.ReadDir("testdata")
	for _, n := range names {
		if b, err := os.ReadFile("testdata/" + n.Name()); err == nil {
			f.Add(b, 13)
		}
	}
	f.Add([]byte("Epoch 1/0\x00Epoch 99999999999\r\n[0]\x1b["), 1)
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		p, err := Preset("auto")
		require.NoError(t, err)
		one, _ := scan(t, p, b, 1+int(uint(piece)%97))
		q, _ := Preset("auto")
		all, _ := scan(t, q, b, len(b)+1)
		assert.Equal(t, all, one, "how it comes in pieces does not matter")
	})
}

func FuzzCompile(f *testing.F) {
	f.Add(`Epoch (\d+)`, "Epoch 3")
	f.Add(`(?P<ended>x)?y`, "y")
	f.Fuzz(func(t *testing.T, expr, line string) {
		p, err := Compile(expr)
		if err != nil {
			return
		}
		if p.rules[0].re.MatchString(line) {
			assert.Contains(t, line, p.rules[0].literal)
		}
		p.match([]byte(line), true)
	})
}

func BenchmarkMatcher(b *testing.B) {
	log := []byte(strings.Repeat("2026-11-22 13:00:00,123 - INFO - step 1234 loss 0.123456 lr 3.2e-05 grad 1.23 tokens 123456\n", 5000) + "Epoch 3/10\n")
	for _, name := range []string{"plain", "auto"} {
		b.Run(name, func(b *testing.B) {
			p, err := Preset(name)
			if err != nil {
				b.Fatal(err)
			}
			m := NewMatcher(p, func(Event) {})
			s := m.Stream()
			b.SetBytes(int64(len(log)))
			for b.Loop() {
				for m.backlog() > half/4 {
					runtime.Gosched()
				}
				s.Feed(log, time.Now())
			}
			m.Close(false)
			if n := m.Seen().Skipped; n > 0 {
				b.Fatal(n, "lines were left out")
			}
		})
	}
}
