package watch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCountsOfSteps(t *testing.T) {
	none := count{}
	for line, want := range map[string]count{
		" 42%|████▏     | 420/1000 [00:12<00:17, 34.5it/s, loss=0.4]":          {420, 1000, true, true},
		"train: 42%|████▏     | 420/1000 [00:12<00:17]":                        {420, 1000, true, true},
		" 42%|████▏     |":                                                     {42, 100, true, false},
		"157/469 [=========>....] - ETA: 3s":                                   {157, 469, true, false},
		"\x1b[1m157/469\x1b[0m \x1b[32m━━━━━\x1b[0m \x1b[1m1s\x1b[0m 2ms/step": {157, 469, true, false},
		"Training ━━━━━╸━━━━ 120/500 0:00:03":                                  {120, 500, true, true},
		"Training ━━━━━╸━━━━  42% 0:00:03":                                     {42, 100, true, true},
		"[=====>....] 42%":      {42, 100, true, false},
		"step 120/500 loss 0.3": {120, 500, false, true},
		"2026-11-29 12:30:01 INFO train.py:40 Step [120/500]": {120, 500, false, true},
		"batch 120 of 500":              {120, 500, false, true},
		"Iter 120/500, lr 1e-3":         {120, 500, false, true},
		"iteration: 120/500":            {120, 500, false, true},
		"mini-batch 120/500":            {120, 500, false, true},
		"[120/500] loss 0.3":            {120, 500, false, true},
		"loss: 2.303494  [   64/60000]": {64, 60000, false, true},
		" 120/391 ":                     {120, 391, false, false},
		// Of something else.
		"Validation: 42%|████▏     | 42/100 [00:12<00:17]": none,
		"Validation DataLoader 0: 42%|████▏     | 42/100":  none,
		"[Val] step 12/50":        none,
		"Test: [ 10/100] Acc 0.4": none,
		"Downloading model.bin: 42%|████▏     | 42/100":               none,
		"model.bin: 42%|████▏     | 420M/1.0G [00:12<00:17, 34MB/s]":  none,
		"Map: 42%|████▏     | 420/1000 [00:12<00:17]":                 none,
		"texts: 42%|████▏     | 420/1000 [00:12<00:17, 34 examples/s": none,
		"Generating train split: 42%|████▏     | 420/1000":            none,
		"global step 120/500": none,
		"Sanity Checking DataLoader 0: 50%|█████     | 1/2": none,
		"2026/11/29 12:30:01 loss 0.3":                      none,
		"[12/31/2026 12:30] loss 0.3":                       none,
		"accuracy 42% of 100":                               none,
		"step 7/5":                                          none,
		"GPU mem [#####-----] 50%":                          none,
		"Memory ━━━━ 42%":                                   none,
		"disk usage: 42%|████▏     |":                       none,
		"GPU utilisation  42%|████▏     | 42/100":           none,
		"attempt [1/5]":                                     none,
		"mem 3000 MB, step 120/500":                         {120, 500, false, true},
		"step 1/1":                                          none,
		"step 99999999999999999999/99999999999999999999":    none,
		"loaded 3/4 files":                                  none,
	} {
		got, ok := newCounter().find(colourless([]byte(line)))
		assert.Equal(t, want != none, ok, line)
		if ok {
			assert.Equal(t, want, got, line)
		}
	}
}

// firstEpoch is what a script of lines, a second each, tells of the first epoch.
func firstEpoch(t *testing.T, lines ...string) (fractions []float64, again []bool) {
	p, err := Preset("auto")
	require.NoError(t, err)
	m := NewMatcher(p, func(e Event) {
		if e.Edge == EpochProgress {
			assert.Equal(t, 1, e.Index)
			fractions, again = append(fractions, e.Fraction), append(again, e.Again)
		}
	})
	s := m.Stream()
	for i, line := range lines {
		s.Feed([]byte(line+"\n"), time.Unix(100+int64(i), 0))
	}
	m.Close(true)
	return fractions, again
}

// Two numbers once are nothing yet; a bar is.
func TestStepsOfTheFirstEpoch(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines string
		want  []float64
	}{
		{"steps", "Epoch 1/3;step 1/10;step 2/10;step 4/10;Epoch 2/3;step 5/10", []float64{0.2, 0.4}},
		{"a bar", "Epoch 1/3; 10%|█ | 1/10 [0; 20%|█ | 2/10 [0", []float64{0.1, 0.2}},
		{"none yet", "Epoch 1/3;[3/7] linking", nil},
		{"before any epoch", "step 1/10;step 2/10;step 3/10", nil},
		{"a bar that began before counts more than the epoch", " 0%| | 0/30 [0;Epoch 1/3; 10%|█ | 3/30 [0; 20%|█ | 6/30 [0", nil},
		{"one that was full before is another", " 0%| | 0/10 [0; 100%|█| 10/10 [0;Epoch 1/3; 10%|█ | 1/10 [0", []float64{0.1}},
		{"as many as there are epochs", "Epoch 1/10;[1/10] a;[2/10] b;[3/10] c", nil},
		{"several processes", "Epoch 1/3;step 1/10;step 1/10;step 2/10;step 1/10;step 2/10;step 3/10", []float64{0.2, 0.3}},
		{"a bar within a bar", "Epoch 1/3; 10%|█ | 1/10 [0; 20%|█ | 2/10 [0; 50%|█ | 1/2 [0; 30%|█ | 3/10 [0; 50%|█ | 1/2 [0; 40%|█ | 4/10 [0", []float64{0.1, 0.2, 0.3, 0.4}},
		{"the epoch's own lines are believed more", "Epoch 1/3 step 2/10;[1/100] x;[99/100] x", []float64{0.2}},
	} {
		got, again := firstEpoch(t, strings.Split(c.lines, ";")...)
		assert.InDeltaSlice(t, c.want, got, 1e-9, c.name)
		assert.NotContains(t, again, true, c.name)
	}
}

// What of two bars trains is not known: an epoch lasts as long as both.
func TestBarsOneAfterTheOther(t *testing.T) {
	got, again := firstEpoch(t, "Epoch 1/3", " 50%|█ | 1/2 [0", " 100%|█ | 2/2 [0", " 0%| | 0/10 [0", " 10%|█ | 1/10 [0", " 20%|█ | 2/10 [0")
	// After 4 s, one of ten seconds; after 5 s, two of ten.
	assert.InDeltaSlice(t, []float64{0.5, 4. / 13, 5. / 13}, got, 1e-9)
	assert.Equal(t, []bool{false, true, true}, again)

	// Twice the same number of steps.
	got, again = firstEpoch(t, "Epoch 1/3", " 50%|█ | 1/2 [0", " 100%|█ | 2/2 [0", " 0%| | 0/2 [0", " 50%|█ | 1/2 [0")
	assert.InDeltaSlice(t, []float64{0.5, 4. / 5}, got, 1e-9)
	assert.Equal(t, []bool{false, true}, again)

	// One that is never full is over when it has been quiet for longer than ever; if
	// it goes on all the same, the other was within it.
	got, again = firstEpoch(t, "Epoch 1/3", " 10%|█ | 1/10 [0", " 20%|█ | 2/10 [0", "x", "x", "x", " 0%| | 0/5 [0", " 20%| | 1/5 [0", " 30%|█ | 3/10 [0", " 40%|█ | 4/10 [0")
	assert.InDeltaSlice(t, []float64{0.1, 0.2, 7. / 11, 0.3, 0.4}, got, 1e-9)
	assert.Equal(t, []bool{false, false, true, true, false}, again)
}

// A bar is drawn right after the last of those within it.
func TestABarBehindThoseWithinIt(t *testing.T) {
	p, err := Preset("auto")
	require.NoError(t, err)
	var got []float64
	m := NewMatcher(p, func(e Event) {
		if e.Edge == EpochProgress && !e.Again {
			got = append(got, e.Fraction)
		}
	})
	s := m.Stream()
	at := time.Unix(100, 0)
	say := func(after time.Duration, format string, args ...any) {
		at = at.Add(after)
		s.Feed(fmt.Appendf(nil, format, args...), at)
	}
	say(0, "Epoch 1/2\n")
	for i := range 10 {
		say(time.Millisecond, "%d%%|█ | %d/10 [0\r", 10*i, i)
		for j := range 9 {
			say(100*time.Millisecond, "%d%%|█ | %d/8 [0\r", 100*j/8, j)
		}
	}
	m.Close(true)
	require.NotEmpty(t, got)
	assert.Equal(t, 0.9, got[len(got)-1])
}

// A program that says how many steps all epochs have: 30 for 3 epochs.
func TestStepsOfAllEpochs(t *testing.T) {
	got, _ := firstEpoch(t, "***** Running training *****", "  Num Epochs = 3", "  Total optimization steps = 30", "  0%| | 0/30 [0", " 10%|█ | 3/30 [0", " 20%|█ | 6/30 [0", " 50%|█ | 15/30 [0")
	assert.InDeltaSlice(t, []float64{0.3, 0.6}, got, 1e-9)

	// It stops within its only epoch, of which the fractions are.
	got, _ = firstEpoch(t, "  Num examples = 51,760 | Num Epochs = 1 | Total steps = 60", "{'loss': 1.2, 'epoch': 0.001}", " 10%|█ | 6/60 [0", "{'loss': 1.2, 'epoch': 0.002}", " 50%|█ | 30/60 [0")
	assert.InDeltaSlice(t, []float64{0.001, 0.1, 0.5}, got, 1e-9)
}

func FuzzCounts(f *testing.F) {
	f.Add([]byte(" 42%|████▏     | 420/1000 [00:12<00:17]"))
	f.Add([]byte("step 12 of 50"))
	c := newCounter()
	f.Fuzz(func(t *testing.T, line []byte) {
		x, ok := c.find(line)
		if ok && (x.done < 0 || x.done > x.of || x.of < 2) {
			t.Fatalf("%+v", x)
		}
		var b bars
		for done := range 3 {
			fraction, _, _ := b.take(count{done: done, of: max(x.of, 2)}, time.Time{}, time.Unix(int64(done), 0))
			if fraction < 0 || fraction > 1 {
				t.Fatal(fraction)
			}
		}
	})
}
