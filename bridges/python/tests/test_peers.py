"""CarbonTracker's and Zeus's names, in scripts in the manner of their users."""

import csv
import os
import re

from .support import PACKAGE, Case


class CarbonTracker(Case):
    patient = True

    def test_training(self):
        out, err = self.run_program("""
from carbonctl.compat.carbontracker import CarbonTracker
max_epochs = 4
tracker = CarbonTracker(epochs=max_epochs, region="FR", log_dir="logs", verbose=2)
for epoch in range(max_epochs):
    assert tracker.epoch_start() is None
    burn(20)
    assert tracker.epoch_end() is None
assert tracker.stop() is None
p = tracker.predict()
print(p.of_epochs, tracker.report.energy_joules, len(tracker.report.epochs))
""")
        self.assertEqual(err, "")
        blocks = re.findall(
            r"CarbonTracker \(carbonctl\): (.*) (\d+) epoch\(s\)\n\tTime:\t0:00:00\n\tEnergy:\t(\S+) kWh \((\S+) to (\S+)\)\n\tCO2eq:\t(\S+) g\n",
            out,
        )
        (predicted, n, kwh, low, high, g), actual = blocks
        self.assertEqual((predicted, n), ("predicted for", "4"))
        self.assertTrue(float(low) <= float(kwh) <= float(high))
        self.assertAlmostEqual(float(kwh) * 3.6e6, 0.8, delta=0.3)
        self.assertEqual(actual[:2], ("measured over", "4"))
        self.assert_joules(float(actual[2]) * 3.6e6, 80)
        self.assertAlmostEqual(float(actual[5]), float(actual[2]) * 41.44, delta=1e-5)
        of, joules, epochs = out.splitlines()[-1].split()
        self.assertEqual((of, epochs), ("4", "4"))
        (row,) = self.rows(1)
        self.assert_joules(float(row["energy_joules"]), 80)

    def test_some_epochs(self):
        """monitor_epochs ends the tracking early; break and a second stop are no harm."""
        out, err = self.run_program("""
from carbonctl.compat.carbontracker import CarbonTracker
t = CarbonTracker(epochs=10, monitor_epochs=2, epochs_before_pred=2, region="FR")
for epoch in range(5):
    t.epoch_start(); burn(10); t.epoch_end()
t.stop(); t.stop()
print(t.deleted, t.report.energy_joules)
t = CarbonTracker(10, 0, -1, verbose=0)
t.epoch_end()
t.epoch_start(); burn(10)
t.stop(); print(t.report.energy_joules)
""")
        self.assertEqual(err, "")
        self.assertEqual(re.findall("(predicted for|measured over) ([0-9]+)", out), [("predicted for", "10"), ("measured over", "2")])
        joules = [line.split()[-1] for line in out.splitlines() if line.startswith(("True", "0."))]
        self.assert_joules(float(joules[0]), 20)
        self.assert_joules(float(joules[1]), 10)

    def test_wrong(self):
        out, err = self.run_program("""
from carbonctl.compat.carbontracker import CarbonTracker
t = CarbonTracker(epochs=2, monitor_epochs=0, stop_and_confirm=True, sim_gpu="x", verbose=0)
CarbonTracker.set_api_keys({"electricitymaps": "k"})
t.stop()
t = CarbonTracker(epochs=1); os.close(1); t.epoch_start(); t.epoch_end()
os.open(os.devnull, os.O_WRONLY)
""")
        self.assertEqual(out, "")
        self.assertEqual(err.count("\n"), 2, err)
        self.assertIn("monitor_epochs=0", err)
        self.assertIn("without effect here: sim_gpu, stop_and_confirm", err)

    def test_nothing_measured(self):
        out, err = self.run_program("""
from carbonctl.compat.carbontracker import CarbonTracker
t = CarbonTracker(epochs=2)
for e in range(2): t.epoch_start(); t.epoch_end()
print(t.predict(), t.report.energy_joules)
""", env={"CARBONCTL": "/nowhere"})  # fmt: skip
        self.assertEqual(out, "None None\n")
        self.assertEqual(err.count("\n"), 1)


class Zeus(Case):
    patient = True

    def test_training(self):
        got = self.json_of("""
from carbonctl.compat.zeus import ZeusMonitor
monitor = ZeusMonitor(gpu_indices=[0], log_file="zeus.csv")
monitor.begin_window("training")
steps = []
for step in range(3):
    monitor.begin_window("step")
    burn(10)
    m = monitor.end_window("step")
    steps.append(m.cpu_energy[0])
training = monitor.end_window("training")
monitor.begin_window("x"); monitor.begin_window("x", restart=True); burn(5); x = monitor.end_window("x", cancel=True)
wrong = []
for f in (lambda: monitor.end_window("none"), lambda: (monitor.begin_window("y"), monitor.begin_window("y"))):
    try: f()
    except ValueError as e: wrong.append(str(e))
print(json.dumps([steps, training.cpu_energy[0], training.dram_energy, training.gpu_energy, training.total_energy,
    training.time, training.usage.low <= .3 <= training.usage.high, x.cpu_energy[0], wrong]))
""")
        for joules in got[0]:
            self.assert_joules(joules, 10)
        self.assert_joules(got[1], 30)
        self.assertEqual(got[2:5], [{"0": 0}, {}, 0])
        self.assertGreater(got[5], 0.014)
        self.assertTrue(got[6])
        self.assert_joules(got[7], 5)
        self.assertEqual(got[8], ["no window 'none' is open", "window 'y' is open already"])
        with open(self.path("zeus.csv"), newline="") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual([r["window_name"] for r in rows], ["step", "step", "step", "training"])
        self.rows(1)

    def test_gpus(self):
        """GPUs by the number that the program sees, and what is queued there is waited for."""
        out, err = self.run_program("""
import json
from carbonctl._report import Usage
from carbonctl.compat import zeus
gpu = lambda id, index, j: dict(kind="gpu", id=id, index=index, energy_joules=j, basis="measured")
used = Usage({"energy_joules": 6, "components": [gpu("GPU-aa", 0, 1.0), gpu("GPU-bb", 1, 2.0), gpu("GPU-bb", 1, 0.5),
  gpu("GPU-cc", 2, None), dict(kind="cpu", id="package-1", energy_joules=3.0, basis="measured")]})
out = []
for visible in "", "1,0", "GPU-bb", "2,1":
    os.environ["CUDA_VISIBLE_DEVICES"] = visible
    m = zeus.Measurement(1.0, used); out.append([m.gpu_energy, m.total_energy])
out.append([zeus.Measurement(1.0, used, [1]).gpu_energy, m.cpu_energy])
import types
calls = []
cuda = types.SimpleNamespace(is_available=lambda: True, is_initialized=lambda: True, device_count=lambda: 2, synchronize=calls.append)
sys.modules["torch"] = types.SimpleNamespace(cuda=cuda)
os.environ["CUDA_VISIBLE_DEVICES"] = ""
m = zeus.ZeusMonitor(); m.begin_window("a"); m.begin_window("b", sync_execution=False); m.end_window("a")
out.append(calls)
cuda.synchronize = None
m.end_window("b")
print(json.dumps(out))
""")
        self.assertEqual(
            out.strip(),
            '[[{"0": 1.0, "1": 2.5}, 3.5], [{"0": 2.5, "1": 1.0}, 3.5], [{"0": 2.5}, 2.5], [{"1": 2.5}, 2.5], '
            '[{"1": 2.5}, {"1": 3.0}], [0, 1, 0, 1]]',
        )
        self.assertIn("torch: GPU work not waited for", err)

    def test_nothing_measured(self):
        out, err = self.run_program("""
from carbonctl.compat.zeus import ZeusMonitor
m = ZeusMonitor(); m.begin_window("a"); x = m.end_window("a")
print(x.gpu_energy, x.cpu_energy, x.total_energy, x.time >= 0)
""", env={"CARBONCTL": "/nowhere"})  # fmt: skip
        self.assertEqual(out, "{} None 0 True\n")
        self.assertEqual(err.count("\n"), 1)


class Examples(Case):
    """The scripts in examples/, as they are."""

    def example(self, name, *words):
        with open(os.path.join(PACKAGE, "examples", name)) as f:
            out, err = self.run_program(f.read(), env={"CARBONCTL_REGION": "FR"})
        self.assertEqual(err, "")
        for word in words:
            self.assertRegex(out, word)

    def test_codecarbon(self):
        self.example("codecarbon_style.py", r"depth 2: \S+ kWh, \S+ kg CO2e\n", r"(?m)^total: \d\S* kg CO2e$")
        with open(self.path("emissions.csv"), newline="") as f:
            self.assertEqual([r["project_name"] for r in csv.DictReader(f)], ["grid-search", "baseline"])

    def test_carbontracker(self):
        self.example("carbontracker_style.py", r"predicted for 4 epoch", r"measured over 4 epoch", "CO2eq:")

    def test_zeus(self):
        self.example("zeus_style.py", r"(?m)^step 2: \S+ s, GPUs 0 J, CPU ", r"(?m)^training: ")
