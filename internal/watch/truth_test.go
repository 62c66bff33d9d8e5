package watch

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// span is an epoch in lines: it lasts from the end of one line to that of another.
type span struct{ from, to float64 }

// replay gives the epochs that are found in a log whose line i is printed at
// second i, as the account of a run makes them of the events.
func replay(t testing.TB, p *Pattern, log []byte) (epochs []span) {
	begin := time.Unix(0, 0)
	var open *span
	var last float64 // where the last epoch ended
	m := NewMatcher(p, func(e Event) {
		if e.Edge == EpochProgress {
			return
		}
		at := e.At.Sub(begin).Seconds()
		switch {
		case e.Edge == EpochStart && e.Again:
			if open != nil {
				open.from = at
			}
		case e.Edge == EpochStart:
			if open != nil {
				epochs = append(epochs, span{open.from, at})
			}
			open, last = &span{from: at}, at
		case e.Again:
			require.NotEmpty(t, epochs)
			epochs[len(epochs)-1].to, last = at, at
		case open != nil:
			epochs = append(epochs, span{open.from, at})
			open, last = nil, at
		default:
			assert.True(t, e.Whole)
			epochs = append(epochs, span{last, at})
			last = at
		}
	})
	s := m.Stream()
	n := 0
	for in := bufio.NewScanner(bytes.NewReader(log)); in.Scan(); {
		n++
		s.Feed(append(in.Bytes(), '\n'), begin.Add(time.Duration(n)*time.Second))
	}
	m.Close(false)
	if open != nil {
		epochs = append(epochs, span{open.from, float64(n + 1)})
	}
	return epochs
}

// judge compares with the truth, the first and the last line of each epoch. What a
// line reports was done before it was printed, and what it announces comes after, so
// that an edge may lie on either side of its line. Where an epoch has but one line
// the two are an epoch apart: epochs then have to end there.
func judge(epochs, truth []span) string {
	if len(epochs) == 0 && len(truth) > 0 {
		return "unseen"
	}
	if len(epochs) != len(truth) {
		return fmt.Sprintf("wrong: %d epochs, not %d", len(epochs), len(truth))
	}
	for i, want := range truth {
		got := epochs[i]
		lines := want.to - want.from + 1
		room := math.Max(1, lines/10)
		if lines == 1 {
			room = 0
		}
		early := got.from >= want.from-1-room && got.from <= want.from+room || i == 0 && got.from <= want.from
		if lines == 1 && i == 0 {
			early = got.from < want.from
		}
		if late := got.to >= want.to-room && got.to <= want.to+math.Max(room, 1); !early || !late || lines == 1 && got.to != want.to {
			return fmt.Sprintf("wrong: epoch %d is lines %g to %g, not %g to %g", i+1, got.from, got.to, want.from, want.to)
		}
	}
	return "right"
}

// A log is what a program prints: some lines, those of each epoch, some more. In a
// line {n} is the epoch from 1, {z} from 0, {s} a step from 1, {x} a result, {f} the
// part of the run in epochs, {p} the part of the epoch in percent; "20* …" is
// twenty of it, with {s} counting.
type log struct {
	name              string
	head, epoch, tail []string
	epochs            int    // 3 if 0
	want              string // "right" if ""
}

// lines gives the log, and the first and last line of each epoch.
func (l log) lines() (text []byte, truth []span) {
	epochs := l.epochs
	if epochs == 0 {
		epochs = 3
	}
	n := 0
	add := func(line string, epoch int) {
		times := 1
		if count, rest, ok := strings.Cut(line, "* "); ok {
			if k, err := strconv.Atoi(count); err == nil {
				times, line = k, rest
			}
		}
		for s := range times {
			n++
			text = append(text, strings.NewReplacer(
				"{n}", strconv.Itoa(epoch), "{z}", strconv.Itoa(epoch-1), "{s}", strconv.Itoa(s+1), "{s0}", strconv.Itoa(s),
				"{x}", fmt.Sprintf("%.4f", 0.3+1/float64(n+epoch)), "{p}", strconv.Itoa(100*(s+1)/times),
				"{f}", strconv.FormatFloat(float64(epoch-1)+float64(s+1)/float64(times), 'g', 3, 64),
			).Replace(line)+"\n"...)
		}
	}
	for _, line := range l.head {
		add(line, 0)
	}
	for e := range epochs {
		from := n + 1
		for _, line := range l.epoch {
			add(line, e+1)
		}
		truth = append(truth, span{float64(from), float64(n)})
	}
	for _, line := range l.tail {
		add(line, epochs)
	}
	return text, truth
}

func one(line string) []string { return []string{line} }

const (
	step  = "20* step {s} loss {x}"
	plain = "20* loss {x}"
)

// logs are forms that programs print, each written down after what its framework's
// documentation shows or what is common in public logs.
var logs = []log{
	// The verb before the number, the word after it.
	{name: "start, with settings", epoch: []string{"Start epoch {z} ===,lr=0.001", "20* Epoch: [{z}][{s0}/20]\tTime 3.9 (3.9)\tLoss {x} (1.0)"}},
	{name: "training, with settings", epoch: []string{"Training Epoch {n}, lr = 0.01", step}},
	{name: "settings", epoch: []string{"Epoch {n}/3 | lr 0.001", step}},
	{name: "settings, then results", epoch: []string{"Epoch {n}/3 | lr 1e-4, batch size 32", step, "Epoch {n}/3 | train loss {x} | val loss {x}"}},
	{name: "settings, then results without the word", epoch: []string{"Epoch {n}/3, lr=0.001", step, "train loss {x} val loss {x}"}},
	{name: "clock", epoch: []string{"Epoch {n}/3 12:00:01", step}},
	{name: "beginning of", epoch: []string{">>> Beginning of epoch {n}", step}},
	{name: "completed", epoch: []string{step, "Epoch {n} completed"}},
	{name: "finished", epoch: []string{step, "Epoch {n}/3 finished."}},
	{name: "completed out of", epoch: []string{step, "2018-11-17 12:56:10,213 - x - INFO - Epoch {n} completed out of 3 loss: {x}"}},
	{name: "took", epoch: []string{step, "Epoch {n} of 3 took 1.62s"}},
	{name: "done, before", epoch: []string{step, "done with epoch {n}"}},
	{name: "after", epoch: []string{step, "After epoch {n}: accuracy {x}"}},
	{name: "both verbs", epoch: []string{"Starting epoch {n}", step, "Finished epoch {n}"}},
	{name: "lightning's checkpoint", epoch: []string{step, "Epoch {z}, global step {n}00: 'val_loss' reached {x} (best {x}), saving model"}},
	{name: "dl4j", epoch: []string{"5* 12:00:00.123 [main] INFO  o.d.o.l.ScoreIterationListener - Score at iteration {s} is {x}", "12:00:00.923 [main] INFO  a.b.Train - *** Completed epoch {z} ***"}},
	{name: "gensim", head: one(": INFO : training model with 3 workers"), epoch: []string{"20* 2022-01-01 10:00:00,100 : INFO : EPOCH {z} - PROGRESS: at {p}.01% examples, 360000 words/s, in_qsize 5", "2022-01-01 10:01:00,100 : INFO : EPOCH {z}: training on 5920725 raw words (4196437 effective words) took 20.1s, 222211 effective words/s"}},
	{name: "one result line", epoch: one("Epoch {n}/3 - loss: {x} - accuracy: 0.12")},
	{name: "one result line, logger", epoch: one("2024-10-18 10:00:10 INFO Epoch {n}/3 - loss: {x} - val_loss: {x}")},
	{name: "one result line, numbers alone", epoch: one("Epoch {n}: {x} {x}")},
	{name: "one result line, short", epoch: one("Ep {n}/3 | train {x} | val {x}")},
	{name: "results of two sets", epoch: []string{"[Train] Epoch {n}: loss = {x}", "[Val] Epoch {n}: loss = {x}"}},
	{name: "results of three sets, and a mention", epoch: []string{"[Train] Epoch 00{n}: loss = {x}", "[Val] Epoch 00{n}: loss = {x}", "best model (Epoch {n}) saved as best_epoch_00{n}.pth"}},
	{name: "results in its midst", epoch: []string{"40* Epoch {n} loss {x}"}},
	{name: "best epoch on the same line", epoch: []string{step, "Best epoch: {n} | current epoch: {n}, loss {x}"}},
	{name: "settings that name epochs", head: []string{"epochs: 3", "warmup_epochs: 1", "epoch 0 lr table: 0.1 0.2 0.3", "Loading checkpoint (epoch 12)"}, epoch: []string{"Epoch {n}/3", step}},
	{name: "resumed", head: one("resuming from epoch 50"), epoch: []string{"Epoch 5{n}/53", step}},
	// Prefixes.
	{name: "level and blank", epoch: []string{"2024-05-06 10:00:00,100 INFO Epoch {n}/3", "20* 2024-05-06 10:00:00,100 INFO loss={x}"}},
	{name: "loguru", epoch: []string{"2024-05-06 10:00:00.100 | INFO     | __main__:train:40 - Epoch {n}/3", plain}},
	{name: "python's", epoch: []string{"INFO:root:Epoch {n}/3", plain}},
	{name: "journald", epoch: []string{"May 06 10:00:00 host python[1234]: Epoch {n}/3", plain}},
	{name: "compose", epoch: []string{"trainer-1  | Epoch {n}/3", plain}},
	{name: "kubernetes", epoch: []string{"2024-05-06T10:00:00.123456789Z stdout F Epoch {n}/3", plain}},
	{name: "ray", epoch: []string{"(RayTrainWorker pid=123, ip=10.0.0.1) Epoch {n}/3", plain}},
	{name: "torchrun", epoch: []string{"[default0]:Epoch {n}/3", plain}},
	{name: "ranks", epoch: []string{"[rank0]: Epoch {n}/3 start", "[rank1]: Epoch {n}/3 start", "[rank2]: Epoch {n}/3 start", "20* [rank0]: step {s} loss {x}"}},
	{name: "ddp tutorial", epoch: []string{"[GPU0] Epoch {z} | Batchsize: 32 | Steps: 32", "[GPU1] Epoch {z} | Batchsize: 32 | Steps: 32", "[GPU2] Epoch {z} | Batchsize: 32 | Steps: 32", "[GPU3] Epoch {z} | Batchsize: 32 | Steps: 32"}},
	{name: "emoji", epoch: []string{"🚀 Epoch {n}/3", plain}},
	{name: "bold", epoch: []string{"\x1b[4m\x1b[1m > EPOCH: {z}/3\x1b[0m", "20* \x1b[1m   --> STEP: {s}/20 -- GLOBAL_STEP: {s}\x1b[0m"}},
	{name: "klog", epoch: []string{"I0506 10:00:00.123456  1234 train.go:40] epoch {n}/3", plain}},
	// Spellings.
	{name: "glued", epoch: []string{"Epoch{n}", plain}},
	{name: "underscore", epoch: []string{"epoch_{n}: training", plain}},
	{name: "colon", epoch: []string{"epoch:{n}/3 lr:0.1", plain}},
	{name: "padded", epoch: []string{"20* Epoch [ {z}/25] step {s} loss {x}"}},
	{name: "number first", epoch: []string{"{n}/3epoch", plain}},
	{name: "number and word", epoch: []string{"[{n}/3 epochs]", plain}},
	{name: "equals", epoch: []string{"20* epoch=1{n} step={s} loss={x}"}},
	{name: "upper case", epoch: []string{"===== EPOCH {n} =====", plain}},
	{name: "hash", epoch: []string{"Epoch #{n}", plain}},
	{name: "Spanish", epoch: []string{"Época {n}/3", "20*   pérdida {x}"}},
	{name: "German", epoch: []string{"Epoche {n} von 3", plain}},
	{name: "Chinese", epoch: []string{"第{n}轮训练 / 共3轮", "20* 损失 {x}"}},
	// Frameworks.
	{name: "mmengine", head: one("06/28 03:16:20 - mmengine - INFO - Checkpoints will be saved to work_dirs/a."), epoch: []string{"20* 06/28 03:16:20 - mmengine - INFO - Epoch(train)   [{n}][  {s}0/200]  lr: 5.0e-07  eta: 0:10:00  time: 0.80  loss: {x}", "06/28 03:17:00 - mmengine - INFO - Saving checkpoint at {n} epochs", "06/28 03:17:00 - mmengine - INFO - Epoch(val) [{n}][1/1]  eta: 0:00:01"}},
	{name: "mmcv", epoch: one("20* 2021-06-01 10:00:00,123 - mmdet - INFO - Epoch [{n}][{s}0/200]\tlr: 1.9e-03, eta: 1:00:00, time: 0.4, loss: {x}")},
	{name: "basicsr", epoch: one("20* 23-05-05 21:26:00.413 - INFO: [epoch:  {z}, iter:     {s}00, lr:(2.000e-04,)] l_pix: {x}")},
	{name: "cyclegan", epoch: []string{"20* (epoch: {n}, iters: {s}00, time: 0.2, data: 0.1) G_A: {x}", "End of epoch {n} / 3 \t Time Taken: 12 sec"}},
	{name: "timm", epoch: one("20* Train: {z} [   {s}/1251 (  {p}%)]  Loss: {x} (6.9)  Time: 0.4s")},
	{name: "swin", epoch: []string{"20* [2021-04-13 12:00:00 swin] (main.py 190): INFO Train: [{z}/3][{s}/1251]\teta 0:10:00 lr 0.000001\tloss {x}", "[2021-04-13 12:00:00 swin] (main.py 200): INFO EPOCH {z} training takes 0:10:00"}},
	{name: "mxnet", epoch: []string{"20* INFO:root:Epoch[{z}] Batch [{s}-50]\tSpeed: 900.1 samples/sec\taccuracy={x}", "INFO:root:Epoch[{z}] Train-accuracy={x}", "INFO:root:Epoch[{z}] Time cost=12.3", "INFO:root:Epoch[{z}] Validation-accuracy={x}"}},
	{name: "sagemaker", epoch: one("#quality_metric: host=algo-1, epoch={z}, train binary_classification_accuracy <score>=({x})")},
	{name: "ignite", head: one("2021-01-01 10:00:00,100 ignite.engine.engine.Engine INFO: Engine run starting with max_epochs=3."), epoch: []string{"20* Epoch[{n}] Iteration[{s}/20] Loss: {x}", "2021-01-01 10:00:00,100 ignite.engine.engine.Engine INFO: Epoch[{n}] Complete. Time taken: 00:00:12.345"}},
	{name: "xgboost with a clock", epoch: one("[10:18:30] [{z}]\ttrain-rmse:{x}\teval-rmse:{x}")},
	{name: "lightgbm's command", head: one("[LightGBM] [Info] Finished loading parameters"), epoch: []string{"[LightGBM] [Info] Iteration:{n}, training l2 : {x}", "[LightGBM] [Info] Iteration:{n}, valid_1 l2 : {x}", "[LightGBM] [Info] 0.012 seconds elapsed, finished iteration {n}"}},
	{name: "catboost", head: one("Learning rate set to 0.1"), epoch: one("{z}:\tlearn: {x}\ttotal: 47ms\tremaining: 47s")},
	{name: "scikit-learn", epoch: []string{"Iteration {n}, loss = {x}", "Validation score: {x}"}},
	{name: "scikit-learn's boosting", head: one("      Iter       Train Loss   Remaining Time "), epoch: one("         {n}           {x}            4.20s")},
	{name: "scikit-learn's SGD", epoch: []string{"-- Epoch {n}", "Norm: 32.1, NNZs: 64, Bias: -0.2, T: 1000, Avg. loss: {x}", "Total training time: 0.01 seconds."}},
	{name: "mlperf", epoch: []string{`:::MLLOG {"namespace": "", "time_ms": 1, "event_type": "INTERVAL_START", "key": "epoch_start", "value": null, "metadata": {"file": "a.py", "lineno": 1, "epoch_num": {n}}}`, step, `:::MLLOG {"namespace": "", "time_ms": 1, "event_type": "INTERVAL_END", "key": "epoch_stop", "value": null, "metadata": {"file": "a.py", "lineno": 1, "epoch_num": {n}}}`}},
	{name: "torchtune", epoch: one("20* {n}|{s}|Loss: {x}:  {p}%|██| {s}/20 [00:01<00:01]")},
	{name: "PyTorch's tutorial", epoch: one("20* [{n},  {s}000] loss: {x}"), tail: one("Finished Training")},
	{name: "PyTorch's dcgan", epoch: one("20* [{z}/3][{s}/1000]\tLoss_D: {x}\tLoss_G: {x}")},
	{name: "fastai, hours", head: one("epoch     train_loss  valid_loss  accuracy  time    "), epoch: one("{z}         {x}    {x}    0.701234  1:00:11     ")},
	{name: "chainer", head: one("epoch       main/loss   validation/main/loss  elapsed_time"), epoch: one("{n}           {x}    {x}      13.34")},
	{name: "spacy", head: []string{"E    #       LOSS TOK2VEC  LOSS NER  ENTS_F  SCORE ", "---  ------  ------------  --------  ------  ------"}, epoch: one("20*   {z}     {s}00        {x}     1.2964    10.1    0.10")},
	{name: "stable-baselines", epoch: []string{"------------------------------", "| time/              |      |", "|    iterations      | {n}    |", "|    total_timesteps | 2048 |", "------------------------------"}},
	{name: "paddle", epoch: one("20* 2022-04-12 17:06:00,849 - INFO - epoch: {z}, batch_id: {s}00, AUC:0.5, loss:{x}")},
	{name: "mindspore", epoch: []string{"20* epoch: {n} step: {s}0, loss is {x}", "epoch time: 10000 ms, per step time: 5.5 ms"}},
	{name: "dllogger", epoch: one("20* DLL 2021-01-01 12:00:00.123456 - Epoch: {z} Iteration: {s}  train.loss : {x}  img/s : 1000.1")},
	{name: "flair", epoch: []string{"20* 2021-05-06 12:00:00,123 epoch {n} - iter {s}0/200 - loss {x} - samples/sec: 90.1 - lr: 0.1", "2021-05-06 12:00:00,123 EPOCH {n} done: loss {x} - lr 0.1"}},
	{name: "accelerate", epoch: one("05/06/2024 10:00:00 - INFO - __main__ - epoch {z}: {'accuracy': 0.8} train_loss: {x}")},
	{name: "iterations with steps", epoch: one("20* 2018-08-20 23:27:00,778 - train.log - INFO - iteration:{n} step:{s}00/2000, NER loss: {x}")},
	{name: "keras, early", epoch: []string{"Epoch {n}/50", "20/20 [==============================] - 3s 150ms/step - loss: {x}"}, tail: one("Epoch 3: early stopping")},
	{name: "keras, one line each", epoch: []string{"Epoch {n}/3", "20/20 - 3s - loss: {x} - 3s/epoch - 150ms/step"}},
	{name: "luz", epoch: []string{"Epoch {n}/3", "Train metrics: Loss: {x}", "Valid metrics: Loss: {x}"}},
	{name: "flux", epoch: []string{"[ Info: Epoch {n}", "[ Info: loss = {x}"}},
	{name: "julia's box", epoch: []string{"┌ Info: epoch", "│   epoch = {n}", "└   loss = {x}"}},
	// Fractions: transformers and its kin.
	{name: "transformers", head: []string{"***** Running training *****", "  Num Epochs = 3"}, epoch: []string{"20* {'loss': {x}, 'learning_rate': 2e-05, 'epoch': {f}}", "{'eval_loss': {x}, 'eval_runtime': 1.9, 'epoch': {n}.0}"}, tail: one("{'train_runtime': 187.4, 'train_loss': 0.38, 'epoch': 3.0}")},
	{name: "transformers, numbers as text", epoch: one("20* {'loss': '{x}', 'grad_norm': '1.2', 'epoch': '{f}'}")},
	// Structured.
	{name: "logfmt", epoch: one(`time=2024-05-06T10:00:00Z level=info msg="epoch done" epoch={n} of=3 loss={x}`)},
	{name: "slog", epoch: one("2024/05/06 10:00:00 INFO epoch done epoch={n} loss={x}")},
	{name: "Go's log", epoch: one("2024/05/06 10:00:00 epoch {n}/3: loss {x}")},
	{name: "nested JSON", epoch: one(`{"time":"2024-05-06T10:00:00Z","level":"info","msg":"epoch done","fields":{"epoch":{n},"loss":{x}}}`)},
	{name: "JSON over lines", epoch: []string{"{", `  "epoch": {n},`, `  "loss": {x}`, "}"}},
	{name: "JSON with a start", epoch: []string{`{"event": "epoch_start", "epoch": {n}}`, step}},
	// Several models or folds, each with epochs of its own.
	{name: "one epoch each", epoch: []string{"Epoch 1/1", step}, epochs: 4},
	{name: "one epoch each, with results", epoch: []string{"Model {n}", "Epoch 1/1", step, "Epoch 1/1 - loss: {x}"}, epochs: 4},
	// What is not an epoch.
	{name: "iterations alone", epoch: one("20*  iteration        {s}/      60 | consumed samples: 0 | lm loss: {x} |"), want: "unseen"},
	{name: "other epochs", epochs: 1, epoch: []string{"best epoch 3", "saving at epoch 7", "epochs: 10", "Validation epoch 3", "loss of epoch 3", "resume from epoch 4", "step 3/10", "rep 1/3"}, want: "unseen"},
}

func TestEpochsOfLogs(t *testing.T) {
	count := map[string]int{}
	for _, l := range slices.Concat(logs, forms) {
		text, truth := l.lines()
		p, err := Preset("auto")
		require.NoError(t, err)
		want := l.want
		if want == "" {
			want = "right"
		}
		got := judge(replay(t, p, text), truth)
		assert.Equal(t, want, got, l.name)
		verdict, _, _ := strings.Cut(got, ":")
		count[verdict]++
	}
	t.Logf("of %d logs: %d right, %d wrong, %d unseen", len(logs)+len(forms), count["right"], count["wrong"], count["unseen"])
}

// A pattern whose lines come at the end, without a word that says so.
func TestStartsThatLookLikeEndsAreTold(t *testing.T) {
	for _, late := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p, err := Compile(`^pass (\d+)$`)
			require.NoError(t, err)
			m := NewMatcher(p, func(Event) {})
			s := m.Stream()
			for n := range 5 {
				if late {
					time.Sleep(time.Minute)
				}
				s.Feed(fmt.Appendf(nil, "pass %d\n", n+1), time.Now())
				if !late {
					time.Sleep(time.Minute)
				}
			}
			synctest.Wait()
			m.Close(true)
			assert.Equal(t, late, m.Seen().Late)
		})
	}
}
