"""A machine with counters that tests move, the real command on it, and programs under test.

CARBONCTL is the path of the command. Nothing of the user who runs the tests is read or written.
"""

import csv
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(HERE)
COMMAND = os.path.abspath(os.environ.get("CARBONCTL") or "carbonctl")
PATIENCE = 60  # seconds; far more than any program here needs

CPU = """processor\t: {0}
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 158
model name\t: Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz
stepping\t: 10
physical id\t: 0
siblings\t: 2
core id\t\t: {0}
cpu cores\t: 2

"""


class Machine:
    """A root for --root: one CPU package and its memory, with counters in microjoules."""

    def __init__(self, root):
        self.root = root
        self.write("proc/cpuinfo", CPU.format(0) + CPU.format(1))
        self.write("proc/stat", "cpu  2406 0 1208 162500 622 0 44 0 0 0\n")
        self.write("proc/meminfo", "MemTotal: 16308244 kB\nMemFree: 11415770 kB\nMemAvailable: 13046595 kB\n")
        base = "sys/devices/virtual/powercap/intel-rapl"
        self.write(base + "/enabled", "1\n")
        self.cpu = self.zone(base + "/intel-rapl:0", "package-0")
        self.memory = self.zone(base + "/intel-rapl:0/intel-rapl:0:0", "dram")
        links = os.path.join(root, "sys/class/powercap")
        os.makedirs(links)
        for name, target in (("intel-rapl", ""), ("intel-rapl:0", "/intel-rapl:0"),
                             ("intel-rapl:0:0", "/intel-rapl:0/intel-rapl:0:0")):  # fmt: skip
            os.symlink("../../devices/virtual/powercap/intel-rapl" + target, os.path.join(links, name))

    def zone(self, folder, name):
        self.write(folder + "/name", name + "\n")
        self.write(folder + "/max_energy_range_uj", "4294967295000000\n")
        return self.write(folder + "/energy_uj", "1000000\n")

    def write(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return path


# What programs under test begin with: burn(n) lets the CPU's counter move by n hundredths of a
# joule, at 20 W.
PRELUDE = """
import os, sys, time
def burn(n, counter=os.environ["COUNTER"]):
    end = time.monotonic()
    with open(counter, "r+") as f:
        uj = int(f.read())
        for _ in range(n):
            end += 0.0005
            time.sleep(max(0, end - time.monotonic()))
            uj += 10_000
            f.seek(0)
            f.write(str(uj) + "\\n")
            f.flush()
"""


# How long a program may wait for an answer, where a test is not about that: as long as a busy
# machine needs.
PATIENT = f"""
import carbonctl._session
carbonctl._session.HELLO = carbonctl._session.ANSWER = carbonctl._session.STOP = {PATIENCE / 2}
"""


class Case(unittest.TestCase):
    """A test with a folder, a machine and an environment of its own."""

    patient = False

    def setUp(self):
        self.assertTrue(os.path.exists(COMMAND), "CARBONCTL must be the path of the command")
        folder = tempfile.TemporaryDirectory(prefix="carbonctl-python-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        self.machine = Machine(self.path("root"))
        self.env = {
            "PATH": os.environ["PATH"], "HOME": self.dir, "TMPDIR": self.dir, "LANG": "C.UTF-8",
            "PYTHONPATH": PACKAGE, "PYTHONDONTWRITEBYTECODE": "1", "COUNTER": self.machine.cpu,
            "MEMORY": self.machine.memory,
        }  # fmt: skip
        for name in ("STATE", "CONFIG", "CACHE"):
            self.env[f"XDG_{name}_HOME"] = self.path(name.lower())
        self.env["CARBONCTL"] = self.command("carbonctl")

    def command(self, name, flags="--charge machine"):
        """Make a command that is the real one on the machine of the test."""
        text = f'#!/bin/sh\ncase $1 in attach|wrap) c=$1; shift; exec {COMMAND} $c --root {self.path("root")} {flags} "$@";; esac\nexec {COMMAND} "$@"\n'
        return self.write(name, text, 0o755)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def start(self, code, *args, env=None, **more):
        """Start a program."""
        path = self.write("program.py", PRELUDE + (PATIENT if self.patient else "") + code)
        more.setdefault("cwd", self.dir)
        return subprocess.Popen([sys.executable, path, *args], env={**self.env, **(env or {})},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)  # fmt: skip

    def run_program(self, code, *args, code_wanted=0, **more):
        """Run a program to its end, which must have an exit code. Gives its output and errors."""
        with self.start(code, *args, **more) as p:
            try:
                out, err = p.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                p.kill()
                raise
        self.assertEqual(p.returncode, code_wanted, out + err)
        return out, err

    def json_of(self, code, *args, **more):
        """Run a program that prints one JSON value and says nothing else."""
        out, err = self.run_program("import json\n" + code, *args, **more)
        self.assertEqual(err, "")
        return json.loads(out)

    def assert_joules(self, got, n, message=None):
        """got are the joules of burn(n), but for what flows while an edge is read."""
        self.assertIsNotNone(got, message)
        self.assertAlmostEqual(got * 100, n, delta=max(1.5, 0.04 * n), msg=message)

    def rows(self, want=None):
        """The rows of the ledger, of which there must be so many. The helper of a program that
        has ended may still be writing its own; on a machine so busy that the ledger took longer
        than the helper may wait, the next command writes it."""
        began = time.monotonic()
        end = began + 10
        while True:
            rows = []
            for path in glob.glob(self.path("state/carbonctl/ledger.csv")):
                with open(path, newline="") as f:
                    rows = list(csv.DictReader(f))
            if want is None or len(rows) == want or time.monotonic() > end:
                break
            if time.monotonic() > began + 2:
                subprocess.run([COMMAND, "report"], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.02)
        if want is not None:
            self.assertEqual(len(rows), want)
        return rows

    def reports(self):
        """The reports that are kept beside the ledger, the oldest first."""
        found = []
        for path in sorted(glob.glob(self.path("state/carbonctl/ledger.csv.d/runs/*.json.gz"))):
            with gzip.open(path) as f:
                found.append(json.load(f))
        return found

    def helpers(self):
        """Processes of helpers on the machine of this test."""
        found = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as f:
                    line = f.read()
            except OSError:
                continue
            if self.dir.encode() in line and b"--control" in line:
                found.append(int(path.split("/")[2]))
        return found

    def no_helpers(self):
        """No helper may be left half a second from now."""
        end = time.monotonic() + 10
        while self.helpers() and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(self.helpers(), [])
