"""Callbacks on stubs with the frameworks' signatures and order of calls (tests/stubs)."""

import os

from .support import PACKAGE, Case

KERAS = """
import keras
from carbonctl.callbacks import KerasCallback
def step(epoch): burn(5 * (epoch + 1))
"""
LIGHTNING = """
import lightning.pytorch as L
from carbonctl.callbacks import LightningCallback
class Model:
    def step(self, epoch): burn(5 * (epoch + 1))
"""
TRANSFORMERS = """
import transformers as T
from carbonctl.callbacks import TransformersCallback
class Model:
    def step(self, epoch): burn(5 * (epoch + 1))
"""
SHOW = """
r = c.tracker.report
print(json.dumps(dict(epochs=[(e.raw["index"], e.energy_joules, e.raw["ended"]) for e in r.epochs], status=r.status,
    energy=r.energy_joules, of=r.prediction.of_epochs if r.prediction else None, counts=r.counts, region=r.region,
    after=r.prediction.after_epochs if r.prediction else None)))
"""


class Stubs(Case):
    patient = True

    def setUp(self):
        super().setUp()
        self.env["PYTHONPATH"] = PACKAGE + os.pathsep + os.path.join(PACKAGE, "tests", "stubs")

    def check_epochs(self, got, *want, first=1):
        self.assertEqual([e[0] for e in got["epochs"]], list(range(first, first + len(want))))
        for (_, joules, ended), n in zip(got["epochs"], want):
            self.assert_joules(joules, n)
            self.assertTrue(ended)


class Keras(Stubs):
    def test_fit(self):
        got = self.json_of(KERAS + "c = KerasCallback(region='FR')\nkeras.Model().fit(epochs=3, callbacks=[c], step=step)" + SHOW)
        self.check_epochs(got, 5, 10, 15)
        self.assertEqual((got["status"], got["of"], got["region"]), ("completed", 3, "FR"))
        self.rows(1)

    def test_twice(self):
        """Each fit is a run of its own, and one that is resumed keeps its numbers."""
        got = self.json_of(KERAS + """
c = KerasCallback()
keras.Model().fit(epochs=2, callbacks=[c], step=step)
keras.Model().fit(epochs=4, initial_epoch=2, callbacks=[c], step=step)""" + SHOW)  # fmt: skip
        self.check_epochs(got, 15, 20, first=3)
        self.rows(2)

    def test_exception(self):
        """Keras calls nothing then: the run ends, as failed, with the next fit or the program."""
        code = KERAS + """
c = KerasCallback()
def bad(epoch):
    step(epoch)
    if epoch: raise RuntimeError("own")
try: keras.Model().fit(epochs=3, callbacks=[c], step=bad)
except RuntimeError: pass
"""
        self.json_of(code + "keras.Model().fit(epochs=1, callbacks=[c], step=step)" + SHOW)
        self.assertEqual([r["status"] for r in self.rows(2)], ["failed", "completed"])
        self.run_program(code.replace("except RuntimeError: pass", "finally: pass"), code_wanted=1)
        self.assertEqual([r["status"] for r in self.rows(3)], ["failed", "completed", "failed"])
        self.no_helpers()

    def test_stopped_early(self):
        got = self.json_of(KERAS + """
c, model = KerasCallback(), keras.Model()
def stop(epoch):
    step(epoch)
    model.stop_training = True
model.fit(epochs=9, callbacks=[c], step=stop)""" + SHOW)  # fmt: skip
        self.check_epochs(got, 5)

    def test_tracker_of_the_program(self):
        """It goes on after fit, and folds follow each other."""
        got = self.json_of(KERAS + """
import carbonctl
with carbonctl.Tracker("folds") as t:
    c = KerasCallback(tracker=t)
    for fold in range(2): keras.Model().fit(epochs=2, callbacks=[c], step=step)
    assert t.running
    burn(5)
""" + SHOW)  # fmt: skip
        self.check_epochs(got, 5, 10, 5, 10)
        self.assert_joules(got["energy"], 35)
        self.rows(1)

    def test_nothing_measured(self):
        out, err = self.run_program(
            KERAS + "c = KerasCallback()\nprint(keras.Model().fit(epochs=2, callbacks=[c], step=step), bool(c.tracker.report))",
            env={"CARBONCTL": "/nowhere"},
        )
        self.assertEqual(out, "{'loss': 0.5, 'val_loss': 0.6} False\n")
        self.assertEqual(err.count("\n"), 1)

    def test_copies(self):
        """A callback that is pickled or copied, as for workers, is one that has not begun."""
        out, _ = self.run_program(KERAS + """
import copy, pickle
c = KerasCallback(region="FR"); c.set_params({"epochs": 2}); c.on_train_begin()
for d in copy.deepcopy(c), pickle.loads(pickle.dumps(c)):
    assert type(d) is type(c) and d.tracker is not c.tracker and not d.tracker.running
c.on_train_end()
keras.Model().fit(epochs=1, callbacks=[d], step=step)
print(d.tracker.report.region, len(d.tracker.report.epochs))
""")
        self.assertEqual(out, "FR 1\n")

    def test_forked(self):
        """A training that a worker begins is tracked there."""
        self.run_program(KERAS + """
c = KerasCallback()
child = os.fork()
keras.Model().fit(epochs=1 if child else 2, callbacks=[c], step=lambda e: time.sleep(.01))
assert len(c.tracker.report.epochs) == (1 if child else 2), c.tracker.report.epochs
if child: assert os.waitpid(child, 0)[1] == 0
""")
        self.rows(2)


class Lightning(Stubs):
    def test_fit(self):
        """What is between setup and the first epoch, as the sanity check, is in the run alone."""
        got = self.json_of(LIGHTNING + """
c = LightningCallback(region="FR")
L.Trainer(max_epochs=3, callbacks=[c]).fit(Model())""" + SHOW)  # fmt: skip
        self.check_epochs(got, 5, 10, 15)
        self.assertEqual((got["status"], got["of"]), ("completed", 3))
        self.rows(1)

    def test_endless(self):
        """No prediction where nobody knows how many epochs there will be."""
        for most in "-1", "None":
            got = self.json_of(LIGHTNING + f"""
c = LightningCallback()
L.Trainer(max_epochs={most}, callbacks=[c]).fit(Model())""" + SHOW)  # fmt: skip
            self.check_epochs(got, 5, 10, 15)
            self.assertIsNone(got["of"])

    def test_exception(self):
        for error in "RuntimeError", "KeyboardInterrupt":
            got = self.json_of(LIGHTNING + f"""
class Bad(Model):
    def step(self, epoch):
        super().step(epoch)
        if epoch: raise {error}
c = LightningCallback()
try: L.Trainer(max_epochs=3, callbacks=[c]).fit(Bad())
except {error}: pass""" + SHOW)  # fmt: skip
            self.check_epochs(got, 5, 10)
            self.assertEqual(got["status"], "failed")
        self.rows(2)

    def test_rank(self):
        out, _ = self.run_program(LIGHTNING + """
c = LightningCallback()
L.Trainer(max_epochs=2, callbacks=[c], local_rank=1).fit(Model())
print(c.tracker.report.note)""")  # fmt: skip
        self.assertEqual(out, "not started\n")
        self.rows(0)

    def test_which_name(self):
        """The class is a subclass of that of the package which the program has imported."""
        out, _ = self.run_program("""
import pytorch_lightning as pl
from carbonctl.callbacks import LightningCallback as a
import lightning.pytorch as L
from carbonctl.callbacks import LightningCallback as b
from carbonctl.callbacks import LightningCallback as c
print(issubclass(a, pl.Callback), issubclass(b, L.Callback), b is c, a.__name__, a.__module__)
""")
        self.assertEqual(out, "True True True LightningCallback carbonctl.callbacks\n")


class Transformers(Stubs):
    def test_train(self):
        got = self.json_of(TRANSFORMERS + """
c = TransformersCallback(region="FR")
T.Trainer(Model(), T.TrainingArguments(num_train_epochs=2.5), callbacks=[c]).train()""" + SHOW)  # fmt: skip
        self.check_epochs(got, 5, 10, 15)
        self.assertEqual((got["status"], got["of"], got["counts"]), ("completed", 3, {"input_token": 3 * 4 * 128}))

    def test_resumed(self):
        got = self.json_of(TRANSFORMERS + """
c = TransformersCallback()
T.Trainer(Model(), T.TrainingArguments(num_train_epochs=3), callbacks=[c], resume=1.75).train()""" + SHOW)  # fmt: skip
        self.check_epochs(got, 10, 15, first=2)

    def test_endless(self):
        got = self.json_of(TRANSFORMERS + """
c = TransformersCallback()
T.Trainer(Model(), callbacks=[c], endless=True).train()""" + SHOW)  # fmt: skip
        self.check_epochs(got, 5, 10, 15)
        self.assertIsNone(got["of"])

    def test_class(self):
        """Trainer takes the class too; only one process a node tracks."""
        out, _ = self.run_program(TRANSFORMERS + """
for zero in True, False:
    trainer = T.Trainer(Model(), callbacks=[TransformersCallback], local_zero=zero)
    trainer.train()
    print(bool(trainer.callbacks[0].tracker.report))
""")  # fmt: skip
        self.assertEqual(out, "True\nFalse\n")
        self.rows(1)


class Imports(Stubs):
    patient = False  # nothing is imported but by the program

    def test_lazy(self):
        """Nothing of a framework is imported before its class is asked for."""
        out, _ = self.run_program("""
import carbonctl, carbonctl.callbacks
names = "keras", "lightning", "transformers", "tensorflow", "mlflow", "wandb", "IPython"
print([n for n in names if n in sys.modules], dir(carbonctl.callbacks))
carbonctl.callbacks.KerasCallback
print([n for n in names if n in sys.modules])
""")
        self.assertEqual(
            out, "[] ['KerasCallback', 'LightningCallback', 'TransformersCallback']\n['keras']\n"
        )

    def test_missing(self):
        self.env["PYTHONPATH"] = PACKAGE
        out, _ = self.run_program("""
for name in "KerasCallback", "TransformersCallback", "Other":
    try: exec(f"from carbonctl.callbacks import {name}")
    except ImportError as e: print(e)
""")
        self.assertEqual(
            out.splitlines()[:2],
            ["none of keras.callbacks, tf_keras.callbacks, tensorflow.keras.callbacks is installed",
             "none of transformers is installed"],
        )  # fmt: skip
        self.assertIn("cannot import name 'Other'", out)


LOGGED = """
c = KerasCallback(region="FR")
def fit(): keras.Model().fit(epochs=2, callbacks=[c], step=step)
"""
EPOCH = {f"carbonctl/epoch/{k}" for k in
         ("energy_joules", "energy_low_joules", "energy_high_joules", "emissions_g", "duration_s", "power_watts",
          "predicted_total_emissions_g")}  # fmt: skip
TOTAL = {f"carbonctl/{k}" for k in
         ("energy_joules", "energy_low_joules", "energy_high_joules", "emissions_g", "duration_s", "coverage",
          "measured_share", "cpu_joules", "memory_joules")}  # fmt: skip


class Logging(Stubs):
    def test_mlflow(self):
        for old in "", "1":
            got = self.json_of(KERAS + LOGGED + """
import mlflow
with mlflow.start_run(): fit()
print(json.dumps(mlflow.logged))
""", env={"OLD": old})  # fmt: skip
            self.assertEqual([(step, later) for _, step, later in got[:2]], [(1, None if old else False), (2, None if old else False)])
            self.assertEqual(set(got[0][0]), EPOCH)
            self.assert_joules(got[0][0]["carbonctl/epoch/energy_joules"], 5)
            self.assert_joules(got[1][0]["carbonctl/epoch/energy_joules"], 10)
            self.assertEqual(set(got[2][0]), TOTAL)
            self.assert_joules(got[2][0]["carbonctl/energy_joules"], 15)
            self.assertEqual(len(got), 3)

    def test_wandb(self):
        """The program's own count of steps is not moved."""
        got = self.json_of(KERAS + LOGGED + """
import wandb
run = wandb.init()
fit()
print(json.dumps([run.logged, run.defined, run.summary]))
""")  # fmt: skip
        logged, defined, summary = got
        self.assertEqual([(d["carbonctl/epoch/index"], step, commit) for d, step, commit in logged], [(1, None, False), (2, None, False)])
        self.assertEqual(set(logged[0][0]), EPOCH | {"carbonctl/epoch/index"})
        self.assertEqual(defined, [["carbonctl/epoch/index", None], ["carbonctl/epoch/*", "carbonctl/epoch/index"]])
        self.assertEqual(set(summary), TOTAL)

    def test_no_run(self):
        """Imported, and no run active: nothing is logged, nothing said."""
        out, err = self.run_program(KERAS + LOGGED + """
import mlflow, wandb
fit()
print(mlflow.logged)
""")
        self.assertEqual((out, err), ("[]\n", ""))

    def test_not_imported(self):
        out, err = self.run_program(KERAS + LOGGED + "fit()\nprint('mlflow' in sys.modules, 'wandb' in sys.modules)")
        self.assertEqual((out, err), ("False False\n", ""))

    def test_broken(self):
        """A server that cannot be reached: one warning, and the training goes on."""
        out, err = self.run_program(KERAS + LOGGED + """
import mlflow
with mlflow.start_run(): fit()
print(len(c.tracker.report.epochs))
""", env={"BROKEN": "1"})  # fmt: skip
        self.assertEqual(out, "2\n")
        self.assertEqual(err, "carbonctl: mlflow: ConnectionError: no server; nothing more is logged there in this run\n")

    def test_function(self):
        got = self.json_of("""
import carbonctl
got = []
def mine(metrics, step): got.append((metrics, step))
with carbonctl.Tracker(log_to=mine) as t:
    for e in t.epochs(range(2)): burn(5)
with carbonctl.Tracker(log_to=[mine]) as t: burn(5)
print(json.dumps(got))
""")
        self.assertEqual([set(m) for m, _ in got], [EPOCH, EPOCH, TOTAL, TOTAL])
        self.assertEqual([step for _, step in got[:2]], [1, 2])

    def test_named(self):
        """By name it is imported; without a run there is a word."""
        out, err = self.run_program("""
import carbonctl
with carbonctl.Tracker(log_to="mlflow") as t:
    for e in t.epochs(range(2)): burn(1)
with carbonctl.Tracker(log_to="comet") as t: burn(1)
import mlflow
with mlflow.start_run(), carbonctl.Tracker(log_to=None) as t:
    for e in t.epochs(range(2)): burn(1)
print(mlflow.logged)
""")
        self.assertEqual(out, "[]\n")
        self.assertEqual(
            err.splitlines(),
            ["carbonctl: mlflow: no run is active, epochs are not logged there",
             "carbonctl: log_to='comet': write \"auto\", \"mlflow\", \"wandb\", a function of metrics and step, or None; ignored"],
        )  # fmt: skip
