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


class Wrong(Base):
    """Bad input: told once, and the program goes on."""

    def test_order(self):
        out, err = self.run_program(IMPORT + """
t = EmissionsTracker(save_to_file=False)
print(t.stop(), t.flush(), t.stop_task("none").emissions)
t.start(); t.start(); burn(10); a = t.stop(); b = t.stop()
print(a == b, a, t.stop_task().emissions, t.start_task("late"), t.start())
""")  # fmt: skip
        first, second = out.splitlines()
        self.assertEqual(first, "nan nan nan")
        self.assertTrue(second.startswith("True "))
        self.assert_kg(second.split()[1], 10)
        self.assertIn("stop: this tracker has not started", err)
        self.assertEqual(err.count("\n"), 4, err)

    def test_nothing_measured(self):
        out, err = self.run_program(IMPORT + """
t = EmissionsTracker(); t.start(); kg = t.stop()
print(kg, type(kg), f"{kg:.6f}", round(kg, 8), t.final_emissions_data.energy_consumed * 2, t.final_emissions_data.toJSON().count("null") > 10)
with t as u: u.start_task("x"); print(u.stop_task("x").emissions)
@track_emissions
def f(): return 7
print(f())
""", env={"CARBONCTL": "/nowhere"})  # fmt: skip
        self.assertEqual(out, "nan <class 'float'> nan nan nan True\nnan\n7\n")
        self.assertEqual(err.count("/nowhere"), 1)
        self.assertEqual([r["emissions"] for r in self.csv()], ["", ""])

    def test_country(self):
        out, err = self.run_program(IMPORT + """
t = OfflineEmissionsTracker(country_iso_code="XX"); t.start(); burn(10); print(t.stop())
d = t.final_emissions_data; print(d.country_iso_code, d.country_name)
""")  # fmt: skip
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn('unknown region "XX"', err)
        kg, place = out.splitlines()
        self.assertGreater(float(kg), 0)

    def test_regions(self):
        """Both forms of a country, its parts, and clouds."""
        got = self.json_of("""
from carbonctl.compat import _settings
def zone(**kw): return _settings.zone(_settings.read((), {"log_level": "error", **kw}))
print(json.dumps([zone(country_iso_code="FRA"), zone(country_2letter_iso_code="FR"),
  zone(country_iso_code="FRA", country_2letter_iso_code="FR"), zone(country_iso_code="USA", region="georgia"),
  zone(country_iso_code="USA", region="New York"), zone(country_iso_code="CAN", region="quebec"), zone(country_iso_code="US", region="US-CA"),
  zone(country_iso_code="USA", region="CA"), zone(country_iso_code="SWE", region="SE3"), zone(country_iso_code="USA", region="atlantis"),
  zone(cloud_provider="AWS", cloud_region="eu-west-1", country_iso_code="IRL"), zone(), zone(region="FR")]))
""")
        self.assertEqual(got, ["FRA", "FR", "FRA", "US-GA", "US-NY", "CA-QC", "US-CA", "US-CA", "SWE", "USA", "aws:eu-west-1", None, "FR"])

    def test_ignored(self):
        """Arguments without effect are named once; those of other versions too."""
        _, err = self.run_program(IMPORT + """
for _ in range(2):
    t = EmissionsTracker(api_key="k", save_to_api=True, not_there=1, force_cpu_power=100, allow_multiple_runs=True, save_to_logger=False)
    t.start(); t.stop()
""")  # fmt: skip
        self.assertEqual(err, "carbonctl: without effect here: api_key, force_cpu_power, not_there, save_to_api\n")

    def test_config(self):
        self.write(".codecarbon.config", "[codecarbon]\nproject_name = 100% file\npue = 1.5\noutput_dir = nowhere\nlog_level = info\n")
        out, err = self.run_program(IMPORT + """
t = EmissionsTracker(output_dir="given", measure_power_secs="often"); t.start(); burn(10); t.stop()
d = t.final_emissions_data; print(d.project_name, d.pue, os.path.exists("given/emissions.csv"))
""", env={"CODECARBON_PROJECT_NAME": "variable", "codecarbon_experiment_id": "x"})  # fmt: skip
        self.assertEqual(out, "variable 1.5 True\n")
        self.assertEqual(err.count("\n"), 2, err)
        self.assertIn("measure_power_secs='often': not a number", err)
        self.assertIn(".codecarbon.config, ", err)
        self.assertIn("CODECARBON_PROJECT_NAME", err)

    def test_broken_config(self):
        self.write(".codecarbon.config", "project_name = x\n")
        out, err = self.run_program(IMPORT + "t = EmissionsTracker(); t.start(); print(t.stop() >= 0)")
        self.assertEqual(out, "True\n")
        self.assertEqual(err.count("\n"), 1, err)

    def test_process_mode(self):
        out, err = self.run_program(IMPORT + """
t = EmissionsTracker(tracking_mode="process", save_to_file=False); t.start()
burn(10); kg = t.stop(); print(kg == kg, t.final_emissions_data.tracking_mode)
""")  # fmt: skip
        self.assertEqual((out, err), ("True process\n", ""))
        self.assertEqual(self.reports()[0]["charge"], "process")

    def test_two_at_once(self):
        out, _ = self.run_program(IMPORT + """
a = EmissionsTracker(project_name="a"); b = EmissionsTracker(project_name="b")
a.start(); burn(10); b.start(); burn(20); print(a.stop()); burn(30); print(b.stop())
""")  # fmt: skip
        a, b = out.split()
        self.assert_kg(a, 30)
        self.assert_kg(b, 50)
        self.assertEqual(len({r["run_id"] for r in self.csv()}), 2)
        (row,) = self.rows(1)
        self.assert_joules(float(row["energy_joules"]), 60)

    def test_forked_worker(self):
        out, _ = self.run_program(IMPORT + """
t = EmissionsTracker(); t.start(); burn(10); sys.stdout.flush()
if not (child := os.fork()):
    t.start(); t.start_task("x"); t.stop_task(); print(t.stop(), flush=True)
    own = EmissionsTracker(project_name="worker"); own.start(); burn(20); print(own.stop(), flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(t.stop())
""")  # fmt: skip
        nothing, worker, parent = out.split()
        self.assertEqual(nothing, "nan")
        self.assert_kg(worker, 20)
        self.assert_kg(parent, 30)
        self.assertEqual([r["project_name"] for r in self.csv()], ["worker", "codecarbon"])

    def test_folder_that_vanishes(self):
        os.mkdir(self.path("gone"))
        out, err = self.run_program(IMPORT + """
t = EmissionsTracker(); t.start(); burn(10); os.rmdir(os.getcwd()); os.chmod(os.path.dirname(t._settings["output_dir"]), 0o700)
open(t._settings["output_dir"], "w").close()
print(t.stop())
""", cwd=self.path("gone"))  # fmt: skip
        self.assert_kg(out, 10)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn("emissions.csv not written", err)

    def test_other_columns(self):
        """A file of an older version is left as it is."""
        self.write("emissions.csv", "timestamp,project_name,duration\n2020,x,1\n")
        _, err = self.run_program(IMPORT + "for _ in 1, 2:\n t = EmissionsTracker(); t.start(); burn(10); t.stop()")
        self.assertIn("emissions.csv has other columns", err)
        self.assertEqual(err.count("\n"), 1)
        with open(self.path("emissions.csv")) as f:
            self.assertEqual(len(f.readlines()), 2)
        self.assertEqual(len(self.csv("emissions.carbonctl.csv")), 2)

    def test_same_columns(self):
        """Another order is kept, a torn row stays apart, and more columns stay empty."""
        self.write("emissions.csv", ",".join(["new", *reversed(COLUMNS)]) + "\ntorn,ro\u00e9")
        self.run_program(IMPORT + "t = EmissionsTracker(project_name='p, \"q\"'); t.start(); burn(10); t.stop()")
        with open(self.path("emissions.csv"), newline="") as f:
            lines = list(csv.reader(f))
        self.assertEqual(lines[1], ["torn", "ro\u00e9"])
        row = dict(zip(lines[0], lines[2]))
        self.assertEqual((row["project_name"], row["new"], len(lines)), ('p, "q"', "", 3))

    def test_update(self):
        code = IMPORT + """
t = EmissionsTracker(on_csv_write="update"); t.start(); burn(10); t.stop()
t._save(t.final_emissions_data)
"""
        self.run_program(code)
        self.run_program(code)
        self.assertEqual(len(self.csv()), 2)

    def test_writers(self):
        """Rows of several processes at once are all there, under one header."""
        self.run_program("""
from carbonctl.compat._emissions import EmissionsData, append
children = []
for i in range(6):
    if not (pid := os.fork()):
        for k in range(20): append("emissions.csv", EmissionsData(run_id=f"{i}.{k}", duration=1.0), update=k % 2 == 1)
        os._exit(0)
    children.append(pid)
for c in children: assert os.waitpid(c, 0)[1] == 0
""")  # fmt: skip
        self.assertEqual(len({r["run_id"] for r in self.csv()}), 120)

    def test_hardware(self):
        out, _ = self.run_program(IMPORT + "print(EmissionsTracker(save_to_file=False).get_detected_hardware()['cpu_count'] > 0)")
        self.assertEqual(out, "True\n")
