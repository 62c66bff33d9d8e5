package watch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// progressOf gives the fractions that lines tell, one each so often.
func progressOf(t *testing.T, preset string, every time.Duration, lines ...string) (fractions []float64) {
	p, err := Preset(preset)
	require.NoError(t, err)
	m := NewMatcher(p, func(e Event) {
		if e.Edge == EpochProgress {
			assert.Equal(t, 1, e.Index)
			fractions = append(fractions, e.Fraction)
		}
	})
	s := m.Stream()
	for i, line := range lines {
		s.Feed([]byte(line), time.Unix(100, 0).Add(time.Duration(i)*every))
	}
	m.Close(true)
	return fractions
}

func TestProgressOfTheFirstEpoch(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		want  []float64
	}{
		{"transformers", []string{"{'loss': 1.2, 'epoch': 0.05}\n", "{'loss': 1.1, 'epoch': 0.5}\n", "{'loss': 1, 'epoch': 1.0}\n", "{'loss': 1, 'epoch': 1.5}\n"}, []float64{0.05, 0.5}},
		{"a bar", []string{"Epoch 1:   0%|  | 0/1875\r", "Epoch 1:  40%|█ | 750/1875\r", "Epoch 1: 100%|██| 1875/1875\n", "Epoch 2:  40%|█ | 750/1875\r"}, []float64{0.4}},
		{"lightning", []string{"Epoch 0:  25%|█ | 5/20 [00:01<00:03]\r", "Epoch 0:  50%|█ | 10/20 [00:01<00:03]\r", "Epoch 1:  50%|█ | 10/20 [00:01<00:03]\r"}, []float64{0.25, 0.5}},
		{"steps of so many", []string{"Epoch [1/5], Step [100/600], Loss: 0.2\n", "Epoch [1/5], Step [300/600], Loss: 0.2\n", "Epoch [2/5], Step [100/600], Loss: 0.2\n"}, []float64{100. / 600, 0.5}},
		{"one bracket after the other", []string{"Epoch [1][50/1000] loss 0.4\n", "[1/25][500/1000] loss\n"}, []float64{0.05, 0.5}},
		{"examples", []string{"Train Epoch: 1 [3200/60000 (5%)]\tLoss: 2.1\n", "Train Epoch: 1 [30000/60000 (50%)]\tLoss: 2.1\n"}, []float64{3200. / 60000, 0.5}},
		{"timm", []string{"Train: 0 [  50/1250 (  4%)]  Loss: 6.9\n", "Train: 0 [ 625/1250 ( 50%)]  Loss: 6.9\n"}, []float64{0.04, 0.5}},
		{"keras", []string{"Epoch 1/3\n", " 20/100 [==>...] - ETA: 3s - loss: 0.7\r", " 50/100 [==>...] - ETA: 3s - loss: 0.7\r", "100/100 [====] - 3s - loss: 0.7\n", "Epoch 2/3\n", " 50/100 [==>...] - ETA: 3s - loss: 0.7\r"}, []float64{0.2, 0.5}},
		{"a validation begins anew", []string{"Epoch 1: 90%|█ | 9/10\r", "Epoch 1: 20%|█ | 2/10\r"}, []float64{0.9}},
		{"a bar over the epochs, named after the one that goes on", []string{"Epoch 1/4:   0%|  | 0/4 [00:00<?, ?it/s]\r", "Epoch 1/4:  25%|██▌  | 1/4 [00:10<00:30, 10s/it]\r", "Epoch 2/4:  25%|██▌  | 1/4 [00:10<00:30, 10s/it]\r"}, nil},
		{"steps of the whole run", []string{"  total optimization steps / 学習ステップ数: 60\n", "epoch 1/3\n", "steps:  10%|█ | 6/60 [00:01<00:10, loss=0.1]\r", "steps:  20%|█ | 12/60 [00:01<00:10, loss=0.1]\r"}, []float64{0.3, 0.6}},
		{"steps without their number", []string{"Epoch 1, step 300, loss 0.2\n", "Epoch 1, step 400, loss 0.2\n"}, nil},
		{"more than all, or one of one", []string{"Epoch 1 step 7/5\n", "Epoch 1 step 1/1\n"}, nil},
	} {
		assert.InDeltaSlice(t, c.want, progressOf(t, "auto", time.Second, c.lines...), 1e-9, c.name)
	}
	assert.Equal(t, []float64{0.1}, progressOf(t, "auto", 10*time.Millisecond, "Epoch 1: 10%|█ |\r", "Epoch 1: 20%|█ |\r", "Epoch 1: 30%|█ |\r"), "once a second")
}
