"""Commands that are not there, not ours, or not well; settings that are wrong."""

import os
import time

from .support import Case

USE = """
import carbonctl
t = carbonctl.Tracker(region="FR")
for _ in range(3):
    with t:
        for e in t.epochs(range(2)):
            with t.task("x") as x: pass
        t.count("sample", 1)
@carbonctl.track
def f(): return 7
print(f(), f(), x.energy_joules, t.report.energy_joules, bool(t.report), t.prediction)
"""
NOTHING = "7 7 None None False None\n"


class Missing(Case):
    def one_warning(self, *words, want=NOTHING, code=USE, **env):
        began = time.monotonic()
        out, err = self.run_program(code, env=env)
        self.assertEqual(out, want)
        lines = err.splitlines()
        self.assertEqual(len(lines), 1, err)
        self.assertTrue(lines[0].startswith("carbonctl: "), err)
        for word in words:
            self.assertIn(word, lines[0])
        self.rows(0)
        return time.monotonic() - began

    def test_none(self):
        self.one_warning("no carbonctl command found", "put it on PATH", CARBONCTL="", PATH=self.dir + "/none")

    def test_not_there(self):
        self.one_warning("/nowhere/carbonctl: no such file", CARBONCTL="/nowhere/carbonctl")

    def test_not_executable(self):
        path = self.write("plain", "text")
        self.one_warning("plain: not an executable file", "chmod +x", CARBONCTL=path)
        self.one_warning("not an executable file", CARBONCTL=self.dir)

    def test_old(self):
        path = self.write("old", "#!/bin/sh\necho 'carbonctl: unknown command \"attach\"' >&2\nexit 2\n", 0o755)
        self.one_warning("unknown command", "install a newer carbonctl", CARBONCTL=path)

    def test_other_version(self):
        path = self.write("newer", "#!/bin/sh\necho '{\"op\":\"hello\",\"protocol\":\"carbonctl.control/v9\"}'\ncat >/dev/null\n", 0o755)
        self.one_warning("carbonctl.control/v9", CARBONCTL=path)

    def test_no_program(self):
        path = self.write("broken", "#!/nowhere/interpreter\n", 0o755)
        self.one_warning("broken", CARBONCTL=path)
        self.one_warning("cannot be driven", CARBONCTL="/bin/true")

    def test_not_json(self):
        path = self.write("odd", "#!/bin/sh\necho hello; echo '{'; echo '[]'; echo 7\n", 0o755)
        self.one_warning("cannot be driven", CARBONCTL=path)

    def test_silent(self):
        """One that says nothing is waited for once: a second at the start, two at the end."""
        path = self.write("silent", "#!/bin/sh\nexec cat >/dev/null\n", 0o755)
        took = self.one_warning("does not answer", CARBONCTL=path)
        self.assertLess(took, 6, "three runs, and calls, that would each wait three seconds")

    def test_talks_without_end(self):
        path = self.write("noisy", "#!/bin/sh\nwhile echo noise; do sleep 0.01; done 2>/dev/null\n", 0o755)
        self.assertLess(self.one_warning("cannot be driven", "attach --control", CARBONCTL=path), 2)

    def test_warnings_that_raise(self):
        """Neither -W error nor a handler of the program's own makes us raise."""
        self.run_program("""
import logging, warnings
warnings.simplefilter("error")
class Bad(logging.Handler):
    def emit(self, record): raise RuntimeError("own")
logging.getLogger().addHandler(Bad())
""" + USE, env={"CARBONCTL": "/nowhere"})  # fmt: skip

    def test_path(self):
        """On PATH, and beside the package."""
        self.env["PATH"] = self.dir + ":" + self.env["PATH"]
        out, _ = self.run_program("import carbonctl\nprint(carbonctl.find())", env={"CARBONCTL": ""})
        self.assertEqual(out.strip(), self.path("carbonctl"))
        out, _ = self.run_program("import carbonctl\nprint(carbonctl.find())", env={"CARBONCTL": "carbonctl"})
        self.assertEqual(out.strip(), self.path("carbonctl"))


class Settings(Case):
    def test_unknown_region(self):
        """Energy is measured all the same, and the report says whose emissions they are."""
        out, err = self.run_program("""
import carbonctl
for _ in range(2):
    with carbonctl.Tracker(region="XX") as t: burn(5)
print(t.report.energy_joules, t.report.raw["region"]["how"])
""")
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn('unknown region "XX"; the world\'s mean is used', err)
        self.assert_joules(float(out.split()[0]), 5)
        self.assertIn("default", out)

    def test_wrong_setting(self):
        """An argument that cannot be loses no measurement: each is told, by its name, and left out."""
        out, err = self.run_program("""
import carbonctl
with carbonctl.Tracker(pue=0.5, intensity=-3, charge="me", interval=-1, ledger="", labels={"": 1, "k": 2}, project="p") as t: burn(5)
print(t.report.energy_joules, t.report.raw["labels"])
""")
        self.assert_joules(float(out.split()[0]), 5)
        self.assertIn("{'k': '2'}", out)
        self.assertEqual(self.rows(1)[0]["project"], "p")
        for wrong in ("pue=0.5: ", "intensity=-3: ", "charge=me: ", "interval=-1000ms: ", "ledger=: ", "labels: invalid key '': "):
            self.assertIn("carbonctl: " + wrong, err)
        self.assertEqual(err.count("; ignored\n"), 6, err)
        self.assertEqual(err.count("\n"), 6, err)

    def test_wrong_flag(self):
        """One of the program's own spoils its own tracker alone."""
        out, err = self.run_program("""
import carbonctl
with carbonctl.Tracker(flags=["--no-such"]) as t: burn(5)
with carbonctl.Tracker(flags="--no-such") as t: burn(5)
with carbonctl.Tracker(flags="--label k=v") as u: burn(5)
print(t.report.energy_joules, u.report.energy_joules)
""")
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn("unknown flag: --no-such", err)
        none, joules = out.split()
        self.assertEqual(none, "None")
        self.assert_joules(float(joules), 5)

    def test_odd_arguments(self):
        """What cannot be an argument is told or made one; what cannot be a request is told."""
        out, err = self.run_program("""
import carbonctl
t = carbonctl.Tracker(7, region="FR", project="a\\0b\\udc80 --x", labels=["x"], interval="often").start()
burn(5)
t.epoch_start(0); t.epoch_end("x"); t.epoch_start("y"); t.count("Bad Unit!", 1); t.count("sample", -1); t.count("sample", "x")
with t.task("x") as x: burn(5)
r = t.stop()
print(r.energy_joules, x.energy_joules)
""")  # fmt: skip
        whole, task = out.split()
        self.assert_joules(float(whole), 10)
        self.assert_joules(float(task), 5)
        self.assertIn("labels=['x']: not a dict", err)
        self.assertIn("interval='often': not a number of seconds", err)
        for word in ("index", "unit", "n:"):
            self.assertIn(word, err)
        self.assertTrue(all(line.startswith("carbonctl: ") for line in err.splitlines()), err)
        self.assertEqual(self.rows(1)[0]["project"], "ab? --x")

    def test_unwritable_ledger(self):
        out, err = self.run_program("""
import carbonctl
with carbonctl.Tracker(ledger="/proc/nowhere/ledger.csv") as t: burn(5)
print(t.report.energy_joules, any("ledger" in w for w in t.report.warnings))
""")
        self.assert_joules(float(out.split()[0]), 5)
        self.assertIn("True", out)
        self.assertIn("carbonctl: could not record this run: ", err)
        self.assertEqual(err.count("\n"), 1, err)

    def test_environment(self):
        out, _ = self.run_program("""
import carbonctl
with carbonctl.Tracker() as t: pass
print(t.report.region, t.report.project)
""", env={"CARBONCTL_REGION": "DE", "CARBONCTL_PROJECT": "env"})  # fmt: skip
        self.assertEqual(out, "DE env\n")

    def test_other_settings_within(self):
        """One run has one region: a tracker within another is told."""
        out, err = self.run_program("""
import carbonctl
with carbonctl.Tracker(region="FR"):
    with carbonctl.Tracker(region="DE") as t: burn(5)
with carbonctl.Tracker(region="DE") as u: burn(5)
print(t.report.region, u.report.region)
""")
        self.assertEqual(out, "FR DE\n")
        self.assertEqual(err.count("\n"), 1)


class Wrapped(Case):
    def test_events(self):
        """Inside wrap the run around us has the record, and there is one."""
        program = self.write("inside.py", """
import carbonctl, os
from tests.support import PRELUDE
exec(PRELUDE)
with carbonctl.Tracker("whole", region="DE") as t:
    for e in t.epochs(range(3)):
        with t.task("validate") as v: burn(5)
        t.count("sample", 10)
    child = os.fork()
    if not child:
        t.count("sample", 1000); os._exit(0)
    os.waitpid(child, 0)
@carbonctl.track
def f(): burn(1)
f()
print(t.report.energy_joules, t.report.note, v.energy_joules)
""")  # fmt: skip
        out, err = self.run_program(f"""
import subprocess
sys.exit(subprocess.call([os.environ["CARBONCTL"], "wrap", "-q", "--region", "FR", "--", sys.executable, {program!r}]))
""")
        self.assertEqual(err, "")
        self.assertEqual(out, "None this runs under carbonctl wrap, whose result has the figures None\n")
        self.rows(1)
        (report,) = self.reports()
        self.assertEqual([e["index"] for e in report["epochs"]], [1, 2, 3])
        self.assertEqual(sorted({x["name"] for x in report["tasks"]}), ["f", "validate", "whole"])
        self.assertEqual(report["work"][0]["count"], 30)
        self.assertTrue(all(x["ended"] for x in report["tasks"] + report["epochs"]))
        for e in report["epochs"]:  # its edges are read when the line is, later on a busy machine
            self.assertLessEqual(e["energy_low_joules"], 0.05)
            self.assertGreaterEqual(e["energy_high_joules"], 0.05)
            self.assertGreater(e["energy_joules"], 0)

    def test_stale(self):
        """Variables of a run that has ended: this is a run of its own."""
        with open(os.devnull):
            out, _ = self.run_program(
                "import carbonctl\nwith carbonctl.Tracker() as t: burn(5)\nprint(t.report.energy_joules)",
                env={"CARBONCTL_RUN_ID": "01981c2e-0000-7000-8000-000000000000", "CARBONCTL_EVENTS": self.path("gone")},
            )
        self.assert_joules(float(out), 5)
        self.rows(1)
