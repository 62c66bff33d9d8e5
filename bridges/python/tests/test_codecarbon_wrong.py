"""CodeCarbon's names: what is wrong is told once, and the program goes on."""

import csv
import os

from .test_codecarbon import COLUMNS, IMPORT, Base


class Wrong(Base):
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

    def test_numbers(self):
        """A number that cannot be is told, and what can be measured is: no row holds it."""
        out, err = self.run_program(IMPORT + """
t = EmissionsTracker(pue=0.5, wue=-2, measure_power_secs=-3, force_carbon_intensity_g_co2e_kwh=-1, save_to_file=False)
t.start(); burn(10); kg = t.stop(); d = t.final_emissions_data
print(kg, d.pue, d.wue, d.water_consumed)
t = EmissionsTracker(pue=float("inf"), measure_power_secs=0.0001, save_to_file=False); t.start(); burn(10); t.stop()
print(t.final_emissions, t.final_emissions_data.pue)
""")  # fmt: skip
        self.assert_kg(out.split()[0], 10)
        self.assertEqual(out.split()[1:4], ["1.0", "0.0", "0.0"])
        self.assert_kg(out.split()[4], 10)
        self.assertEqual(out.split()[5], "1.0")
        self.assertEqual(err.count("\n"), 6, err)
        self.assertIn("carbonctl: pue=0.5: must be a number of at least 1; ignored\n", err)
        self.assertIn("carbonctl: force_carbon_intensity_g_co2e_kwh=-1: must be a number of at least 0; ignored\n", err)

    def test_place(self):
        """The row has the place whose intensity is used: of a cloud its country, whatever is said beside."""
        out, err = self.run_program(IMPORT + """
for k in dict(country_iso_code="FRA", cloud_provider="aws", cloud_region="eu-west-1"), dict(country_iso_code="fra"), \\
    dict(country_iso_code='"FRA"'), dict(cloud_provider="aws", country_iso_code="FRA"):
    t = EmissionsTracker(save_to_file=False, **k); t.start(); t.stop(); d = t.final_emissions_data
    print(d.country_iso_code, d.cloud_provider, d.on_cloud)
""")  # fmt: skip
        self.assertEqual(out, "IE aws Y\nFRA None N\nFRA None N\nFRA aws Y\n")
        self.assertEqual(err, "carbonctl: cloud_provider 'aws' without cloud_region: not used to find the place\n")

    def test_config_without_effect(self):
        """What has none is named from files and variables too; a variable that is empty is none."""
        self.write(".codecarbon.config", "\ufeff[codecarbon]\nsave_to_api = true\nemissions_endpoint = False\nproject_name = bom\noutput_dir = ~/out\n")
        out, err = self.run_program(IMPORT + """
t = EmissionsTracker(); t.start(); burn(10); t.stop(); print(t.final_emissions_data.project_name)
""", env={"CODECARBON_MEASURE_POWER_SECS": "", "CODECARBON_COUNTRY": "FRA"})  # fmt: skip
        self.assertEqual(out, "bom\n")
        self.assertEqual(err.splitlines()[1:], ["carbonctl: without effect here: CODECARBON_COUNTRY, save_to_api"])
        self.assertEqual(len(self.csv("out/emissions.csv")), 1)

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
t = EmissionsTracker(output_dir="made/here"); t.start(); burn(10)
import shutil; shutil.rmtree(os.getcwd())
print(t.stop())
""", cwd=self.path("gone"))  # fmt: skip
        self.assert_kg(out, 10)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn("emissions.csv not written", err)
        self.assertFalse(os.path.exists(self.path("gone")))

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
