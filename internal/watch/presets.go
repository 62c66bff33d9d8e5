package watch

// preset is what a framework prints.
type preset struct {
	name  string
	rules []rule
}

// presets gives them all, those first whose lines can't be mistaken for
// another's. testdata holds the formats, as we have written them down.
func presets() []preset {
	const (
		steps  = `"(?:step|batch|iter|iteration|global_step)"\s*:`
		epoch  = `"(?:epoch|epoch_num|current_epoch)"\s*:\s*"?(?P<epoch>\d+)"?\s*[,}]`
		number = `(?:[-+]?[\d.]+(?:e[-+]?\d+)?|nan|inf|None)`
	)
	return []preset{
		{"ultralytics", []rule{
			{literal: "G ", does: starts, expr: `^\s*(?P<epoch>\d+)/(?P<total>\d+)\s+[\d.]+G\s`},
			{literal: " epochs completed in ", does: last, expr: `^\s*\d+ epochs completed in `},
		}},
		{"lightning", []rule{
			{literal: "`Trainer.fit` stopped", does: last, expr: "`Trainer.fit` stopped"},
			{literal: "Epoch ", does: fromZero, expr: `^Epoch (?P<epoch>\d+)/(?P<total>\d+)\s.*[━╸╺]`},
			{literal: "Epoch ", does: starts, expr: `^Epoch (?P<epoch>\d+): +\d+%\|`},
		}},
		{"xgboost", []rule{
			{literal: "]", does: ends, expr: `^(?:\[\d+:\d\d:\d\d\]\s+)?\[(?P<epoch>\d+)\]\s+[\w.-]+-[\w@.-]+:[-+\d.naif]`},
		}},
		{"lightgbm", []rule{
			{literal: "]", does: ends, expr: `^\[(?P<epoch>\d+)\]\s+[\w.-]+'s [\w@. -]+: [-+\d.naif]`},
			{literal: "teration", does: ends, expr: `^\[LightGBM\] \[Info\] (?:Iteration:(?P<epoch>\d+), |.* finished iteration (?P<ended>\d+))`},
		}},
		{"catboost", []rule{
			{literal: "learn: ", does: ends, expr: `^(?P<epoch>\d+):\s+(?:learn|test): `},
		}},
		{"sklearn", []rule{
			{literal: "Iteration ", does: ends, expr: `^Iteration (?P<epoch>\d+), loss = `},
			{literal: "Validation score", does: more, later: true, expr: `^Validation score: `},
			{literal: "Train Loss", does: heads, expr: `^\s*Iter\s+Train Loss\s`},
			{literal: ".", does: ends, later: true, expr: `^\s*(?P<epoch>\d+)\s+` + number + `\s+\S*\d`},
		}},
		{"mlperf", []rule{
			{literal: ":::MLLOG", does: starts, expr: `:::MLLOG.*"key": "epoch_start".*"epoch_num": (?P<epoch>\d+)`},
			{literal: ":::MLLOG", does: ends, expr: `:::MLLOG.*"key": "epoch_stop".*"epoch_num": (?P<epoch>\d+)`},
		}},
		{"torchtune", []rule{
			{literal: "|Loss:", does: starts, expr: `^\s*(?P<epoch>\d+)\|\d+\|Loss:`},
		}},
		{"pytorch", []rule{ // as its tutorials and examples print
			{literal: "] ", does: starts, expr: `^\[(?P<epoch>\d+),\s*\d+\] (?:\w+ )?[Ll]oss:?`},
			{literal: "][", does: starts, expr: `^\[(?P<epoch>\d+)/(?P<total>\d+)\]\[\s*\d+/\d+\]`},
			{literal: "Finished Training", does: last, expr: `^Finished Training`},
		}},
		{"timm", []rule{
			{literal: "Train: ", does: starts, expr: `(?:^|\s)Train: (?:\[(?P<epoch>\d+)/(?P<total>\d+)\]|(?P<started>\d+) ?)\[\s*\d+/\d+`},
			{literal: "training takes", does: ends, expr: `EPOCH (?P<epoch>\d+) training takes`},
		}},
		{"spacy", []rule{
			{literal: "E ", does: heads, expr: `^E\s+#\s`},
			{literal: ".", does: starts, later: true, expr: `^\s*(?P<epoch>\d+)\s+\d+\s+[\d.]+\s`},
		}},
		{"chainer", []rule{
			{literal: "epoch", does: heads, expr: `^epoch\s+.*(?:main/|elapsed_time)`},
			{literal: ".", does: ends, later: true, expr: `^\s*(?P<epoch>\d+)\s+\S.*\d\.\d`},
		}},
		{"sb3", []rule{ // an iteration of reinforcement learning: a rollout and an update
			{literal: "iterations", does: within, expr: `^\|\s+iterations\s+\|\s+(?P<epoch>\d+)\s+\|`},
			{literal: "poch", does: within, expr: `^\|\s+(?i:epochs?)\s+\|\s+(?P<epoch>\d+)\s+\|\s*$`},
			{literal: "---", does: shut, later: true, expr: `^-{5,}\s*$`},
		}},
		{"julia", []rule{
			{literal: "epoch", does: within, expr: `^│\s+epoch\s*=\s*(?P<epoch>\d+)\s*$`},
			{literal: "└", does: shut, later: true, expr: `^└`},
		}},
		{"transformers", []rule{
			{literal: "'train_runtime'", does: partly, expr: `\{.*'epoch': '?(?P<epoch>\d+(?:\.\d+)?)`},
			{literal: "'epoch'", does: passes, expr: `\{'.*'epoch': '?(?P<epoch>\d+(?:\.\d+)?)`},
			{literal: "Num Epochs", does: totals, expr: `Num Epochs\s*=\s*(?P<total>[\d,]+)(?:.*\bTotal steps\s*=\s*(?P<steps>[\d,]+))?`},
			{literal: "otal optimization", does: totals, expr: `[Tt]otal optimization steps(?:\s*/\s*[^\s:=]+)?\s*[=:]\s*(?P<steps>[\d,]+)`},
		}},
		{"json", []rule{
			{literal: `"train_runtime"`, does: partly, expr: `\{.*"epoch"\s*:\s*"?(?P<epoch>\d+(?:\.\d+)?)`},
			{literal: `poch`, does: starts, expr: `^\s*\{.*` + steps + `.*` + epoch},
			{literal: `poch`, does: starts, expr: `^\s*\{.*` + epoch + `.*` + steps},
			{literal: `poch`, does: starts, expr: `\{.*"epoch[_ -]?(?:start|begin)\w*".*` + epoch},
			{literal: `"epoch"`, does: passes, expr: `^\s*\{.*"epoch"\s*:\s*"?(?P<epoch>\d+\.\d+)`},
			{literal: `poch`, does: ends, expr: `^[^{}]*\{.*` + epoch + `(?:.*"(?:of|epochs|total_epochs|max_epochs|num_epochs)"\s*:\s*"?(?P<total>\d+))?`},
			{literal: `"epoch"`, does: within, expr: `^\s*"epoch"\s*:\s*(?P<epoch>\d+)\s*,?\s*$`},
			{literal: "}", does: shut, later: true, expr: `^\s*\}\s*,?\s*$`},
		}},
		{"fastai", []rule{
			{literal: "Epoch ", does: starts, expr: `^Epoch (?P<epoch>\d+)/(?P<total>\d+) ?: ?\|`},
			{literal: ":", does: row, expr: `^(?P<epoch>\d+)\s+(?:[\d.]+|nan)\s+(?:[\d.]+|nan|None)\s(?:.*\s)?\d+:\d\d(?::\d\d)?\s*$`},
		}},
		{"skorch", []rule{
			{literal: " dur", does: heads, expr: `^\s*epoch\s.*\sdur\s*$`},
			{literal: ".", does: ends, later: true, expr: `^\s*(?P<epoch>\d+)\s+\S.*\s\d+\.\d+\s*$`},
		}},
		{"keras", []rule{
			{literal: "Epoch ", does: announces, expr: `^Epoch (?P<epoch>\d+)/(?P<total>\d+)\s*$`},
			{literal: "/", does: full, expr: `^\s*(?P<epoch>\d+)/(?P<total>\d+) .*(?:━|\[=|- )`},
			{literal: "poch", does: plainly, later: true}, // "Epoch 3: early stopping"
		}},
		{"plain", []rule{
			{literal: "poch", does: bar, expr: `^(?i:epochs?)\s*:\s+` + tqdm},
			{literal: "poch", does: bar, expr: tqdm + `.*(?:\d ?epochs?/s|\ds/epoch)\b`},
			{literal: "teration", does: starts, expr: `\biteration\s*[:=]?\s*(?P<epoch>\d+)[\s,]+step\s*[:=]?\s*\d+/\d+`},
			{does: plainly},
		}},
		{"tqdm", []rule{
			{literal: "%|", does: bar, expr: `^(?:[^|]*:)?\s*` + tqdm},
		}},
	}
}

// tqdm is one of its bars: how much, how many, of how many.
const tqdm = `\d+%\|.*\|\s*(?P<epoch>\d+)/(?P<total>\d+) \[`

// always are the rules that hold whatever the program is, once an epoch was seen.
func always() []rule {
	return []rule{
		// The head of the next fold: the last epoch of the one before is over.
		{literal: "old", does: last, later: true, expr: `(?i)^\W*(?:starting |cv |outer |inner )?fold\W*\d`},
	}
}

// notAuto are presets that would take what counts anything for epochs.
var notAuto = []string{"tqdm"}
