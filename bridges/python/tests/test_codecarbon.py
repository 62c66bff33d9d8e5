"""CodeCarbon's names: the ten ways in which public scripts use it, and what they get wrong."""

import csv
import os

from .support import Case

COLUMNS = """timestamp project_name run_id experiment_id duration emissions emissions_rate cpu_power gpu_power ram_power
cpu_energy gpu_energy ram_energy energy_consumed water_consumed country_name country_iso_code region cloud_provider
cloud_region os python_version codecarbon_version cpu_count cpu_model gpu_count gpu_model longitude latitude
ram_total_size tracking_mode cpu_utilization_percent gpu_utilization_percent ram_utilization_percent ram_used_gb
on_cloud pue wue""".split()
FR, IT = 41.44, 285.0  # g/kWh, within a few percent
IMPORT = "from carbonctl.compat.codecarbon import EmissionsTracker, OfflineEmissionsTracker, track_emissions\n"


class Base(Case):
    patient = True

    def setUp(self):
        super().setUp()
        self.env["CARBONCTL_REGION"] = "FR"

    def csv(self, name="emissions.csv"):
        with open(self.path(name), newline="") as f:
            rows = list(csv.reader(f))
        for row in rows:
            self.assertEqual(len(row), 38)
        self.assertEqual(rows[0], COLUMNS)
        return [dict(zip(COLUMNS, row)) for row in rows[1:]]

    def assert_kg(self, kg, n, factor=FR):
        self.assert_joules(float(kg) * 1000 / factor * 3.6e6, n)


class Users(Base):
    def test_1_plain(self):
        """No arguments; the value is printed."""
        out, err = self.run_program(IMPORT + """
tracker = EmissionsTracker()
tracker.start()
burn(50)
emissions = tracker.stop()
print(emissions)
""")  # fmt: skip
        self.assertEqual(err, "")
        self.assert_kg(out, 50)
        (row,) = self.csv()
        self.assert_kg(row["emissions"], 50)
        self.assert_joules(float(row["energy_consumed"]) * 3.6e6, 50)
        self.assert_joules(float(row["cpu_energy"]) * 3.6e6, 50)
        self.assertAlmostEqual(float(row["emissions_rate"]), float(row["emissions"]) / float(row["duration"]))
        self.assertAlmostEqual(float(row["cpu_power"]), float(row["cpu_energy"]) * 3.6e6 / float(row["duration"]), places=3)
        self.assertEqual((row["project_name"], row["country_iso_code"], row["on_cloud"], row["pue"]), ("codecarbon", "FR", "N", "1.0"))
        self.assertEqual((row["cpu_model"], row["cpu_count"]), ("Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz", "2"))
        self.assertEqual((row["longitude"], row["cpu_utilization_percent"]), ("", ""))
        (ledger,) = self.rows(1)
        self.assertEqual(ledger["run_id"], row["run_id"])

    def test_2_table(self):
        """A quiet tracker, whose kg go to a table to eight decimals, and grams per sample."""
        out, err = self.run_program(IMPORT + """
tracker = EmissionsTracker(log_level="error", save_to_file=False, measure_power_secs=1)
tracker.start(); burn(50); kg = tracker.stop()
print(f"{kg:.8f}", round(kg, 8), kg * 1000 / 64)
import json; json.dumps({"kg": kg})
""")  # fmt: skip
        self.assertEqual(err, "")
        self.assert_kg(float(out.split()[2]) * 64 / 1000, 50)
        self.assertFalse(os.path.exists(self.path("emissions.csv")))

    def test_3_several(self):
        """One tracker after another, in the same variable; one is never stopped."""
        out, _ = self.run_program(IMPORT + """
for n in 10, 20, 30:
    tracker = EmissionsTracker(project_name=f"model {n}")
    tracker.start(); burn(n); print(tracker.stop())
tracker = EmissionsTracker(); tracker.start(); burn(40)
tracker = EmissionsTracker(); tracker.start(); burn(50); print(tracker.stop())
""")  # fmt: skip
        for kg, n in zip(out.split(), (10, 20, 30, 50)):
            self.assert_kg(kg, n)
        self.assertEqual([r["project_name"] for r in self.csv()], ["model 10", "model 20", "model 30", "codecarbon"])
        self.assertEqual(len({r["run_id"] for r in self.csv()}), 4)
        self.assertEqual([r["project"] for r in self.rows(4)], ["model 10", "model 20", "model 30", ""])

    def test_4_tasks(self):
        """A task per fold and model; the total is thrown away."""
        got = self.json_of(IMPORT + """
tracker = EmissionsTracker(project_name="cv", save_to_file=False, log_level="error")
out = []
for fold in range(2):
    for n, model in ((10, "svm"), (20, "mlp")):
        tracker.start_task(f"{model} {fold}")
        burn(n)
        data = tracker.stop_task()
        out.append([data.emissions, data.energy_consumed, data.duration, data.cpu_energy + data.gpu_energy + data.ram_energy])
out.append(tracker.stop())
print(json.dumps(out))
""")  # fmt: skip
        for (kg, kwh, seconds, parts), n in zip(got, (10, 20, 10, 20)):
            self.assert_kg(kg, n)
            self.assert_joules(kwh * 3.6e6, n)
            self.assertAlmostEqual(parts, kwh)
            self.assertGreater(seconds, 0)
        self.assert_kg(got[4], 60)

    def test_5_trials(self):
        """A tracker per trial, around one per study; own figures put in place of ours."""
        got = self.json_of(IMPORT + """
study = EmissionsTracker(project_name="study", save_to_file=False); study.start()
out = []
for trial in range(3):
    t = EmissionsTracker(project_name=f"trial {trial}", save_to_file=False); t.start()
    burn(10)
    t.stop()
    d = t.final_emissions_data
    out.append([d.emissions, (d.gpu_energy + d.ram_energy + 0.5) * 0.4])
out.append(study.stop())
print(json.dumps(out))
""")  # fmt: skip
        for kg, own in got[:3]:
            self.assert_kg(kg, 10)
            self.assertAlmostEqual(own, 0.2)
        self.assert_kg(got[3], 30)
        self.rows(1)

    def test_6_guarded(self):
        """Guarded imports cost nothing and do nothing."""
        out, _ = self.run_program("""
try: from carbonctl.compat.codecarbon import EmissionsTracker
except ImportError: EmissionsTracker = None
tracker = EmissionsTracker(save_to_file=False) if EmissionsTracker else None
import threading
print(threading.active_count(), [m for m in ("dataclasses", "logging", "socket", "json", "csv") if m in sys.modules])
print(os.listdir(os.environ["HOME"]))
""")
        self.assertEqual(out.splitlines()[0], "1 []")
        self.assertNotIn("state", out)
        self.rows(0)

    def test_7_fields(self):
        """Each field goes to a logger of metrics."""
        got = self.json_of(IMPORT + """
tracker = EmissionsTracker(log_level="critical")
before = [tracker.final_emissions, getattr(tracker, "final_emissions_data", "missing")]
tracker.start(); burn(30); kg = tracker.stop()
data = getattr(tracker, "final_emissions_data", None)
import dataclasses
print(json.dumps([before, kg == tracker.final_emissions == data.emissions, list(data.values), list(dataclasses.asdict(data)),
   [k for k in data.__dict__][:38], json.loads(data.toJSON()), data.joules, data.low, data.high, data.measured_share, data.coverage]))
""")  # fmt: skip
        self.assertEqual(got[0], [None, None])
        self.assertTrue(got[1])
        for names in got[2:5]:
            self.assertEqual(names, COLUMNS)
        self.assert_kg(got[5]["emissions"], 30)
        self.assertIsNone(got[5]["longitude"])
        self.assert_joules(got[6], 30)
        self.assertTrue(got[7] <= 0.3 <= got[8])
        self.assertEqual(got[9:], [1, 1])

    def test_8_endpoints(self):
        """Decorated endpoints: a row per call."""
        out, err = self.run_program(IMPORT + """
@track_emissions(offline=True, country_iso_code="ITA", log_level="error")
def endpoint(n): burn(n); return n
@track_emissions
def other(): return "bare"
@track_emissions(project_name="async", offline=True, country_iso_code="ITA")
async def co(): burn(30); return "co"
@track_emissions(offline=True, country_iso_code="ITA")
def gen():
    burn(10); yield 1
    burn(10); yield 2
import asyncio
print(endpoint(10), endpoint(20), asyncio.run(co()), list(gen()), endpoint.__name__)
try:
    @track_emissions(offline=True, country_iso_code="ITA")
    def bad(): raise KeyError("own")
    bad()
except KeyError: print("raised")
""")  # fmt: skip
        self.assertEqual((out, err), ("10 20 co [1, 2] endpoint\nraised\n", ""))
        rows = self.csv()
        for row, n in zip(rows, (10, 20, 30, 20)):
            self.assert_kg(row["emissions"], n, IT)
            self.assertEqual(row["country_iso_code"], "ITA")
        self.assertEqual(len(rows), 5)
        self.assertEqual(len({r["run_id"] for r in rows}), 5)
        self.rows(1)  # one run of the interpreter

    def test_9_private(self):
        """Private attributes written after construction, with a comma too many."""
        out, _ = self.run_program(IMPORT + """
tracker = EmissionsTracker(save_to_file=False)
tracker._country_iso_code = "ITA",
tracker._cloud_provider = None
tracker.start(); burn(10)
print(tracker.stop(), tracker.final_emissions_data.country_iso_code)
""")  # fmt: skip
        kg, country = out.split()
        self.assert_kg(kg, 10, IT)
        self.assertEqual(country, "ITA")

    def test_10_flush(self):
        """flush every so many steps; a file per experiment, with what a subclass adds."""
        got = self.json_of(IMPORT + """
class Mine(EmissionsTracker):
    def __init__(self, *args, experiment=None, **kwargs):
        super().__init__(*args, output_file=f"emissions_{experiment}.csv", **kwargs)
tracker = Mine("exp", 1, experiment=7, experiment_id="seven")
tracker.start(); out = []
for step in range(3): burn(10); out.append(tracker.flush())
print(json.dumps(out + [tracker.stop()]))
""")  # fmt: skip
        for kg, n in zip(got, (10, 20, 30, 30)):
            self.assert_kg(kg, n)
        (row,) = self.csv("emissions_7.csv")
        self.assertEqual((row["project_name"], row["experiment_id"]), ("exp", "seven"))

    def test_with(self):
        out, err = self.run_program(IMPORT + """
with EmissionsTracker(output_dir="made/here", pue=2, wue=1.5) as tracker: burn(30)
print(tracker.final_emissions)
with EmissionsTracker(output_dir="made/here") as tracker: burn(10); raise ValueError("own")
""", code_wanted=1)  # fmt: skip
        self.assertTrue(err.endswith("ValueError: own\n"))
        self.assert_kg(out, 60)
        first, second = self.csv("made/here/emissions.csv")
        self.assert_joules(float(first["energy_consumed"]) * 3.6e6, 60)
        self.assertAlmostEqual(float(first["water_consumed"]), float(first["energy_consumed"]) / 2 * 1.5)
        self.assert_kg(second["emissions"], 10)
        self.assertEqual([r["status"] for r in self.rows(2)], ["completed", "failed"])

    def test_stand_in(self):
        """A program that imports codecarbon, and is not changed."""
        script = self.write("theirs.py", """
import sys
from codecarbon import EmissionsTracker
from codecarbon.emissions_tracker import OfflineEmissionsTracker
from codecarbon.output import EmissionsData
import codecarbon
assert codecarbon.__version__
with EmissionsTracker(save_to_file=False) as t: pass
print(type(t.final_emissions_data) is EmissionsData, sys.argv[1:], __name__)
""")  # fmt: skip
        out, err = self.run_program(f"""
import subprocess
sys.exit(subprocess.call([sys.executable, "-m", "carbonctl.codecarbon", {script!r}, "a", "-b"]))
""")
        self.assertEqual((out, err), ("True ['a', '-b'] __main__\n", ""))
