"""The cell magic on a stub of IPython's shell (the real one: integration), and how results look."""

import os
import sys
import unittest
from html.parser import HTMLParser

from .support import PACKAGE, Case

CELL = """
import IPython, IPython.display, carbonctl
shell = IPython.Shell()
carbonctl.load_ipython_extension(shell)
def cell(line, code, ns={}):
    shell.user_ns.update(burn=burn, **ns)
    return shell.run_cell_magic("carbonctl", line, code)
shown = IPython.display.shown
"""


class Magic(Case):
    def setUp(self):
        super().setUp()
        self.env["PYTHONPATH"] = PACKAGE + os.pathsep + os.path.join(PACKAGE, "tests", "stubs")

    def test_cell(self):
        """Names stay, the last expression is shown, the result after it."""
        out, err = self.run_program(CELL + """
cell("--region FR --project demo --label stage=fit -o used training", "burn(5)\\nx = 6\\nx * 7\\n")
r = shell.user_ns["used"]
print(shell.user_ns["x"], r.energy_joules, r.region, r.project, r.name, shown == [r], r.raw["labels"])
""")
        lines = out.splitlines()
        self.assertEqual((lines[0], err), ("42", ""))
        x, joules, *rest = lines[1].split(maxsplit=6)
        self.assertEqual((x, rest), ("6", ["FR", "demo", "training", "True", "{'stage': 'fit'}"]))
        self.assert_joules(float(joules), 5)
        self.rows(1)

    def test_quiet_and_empty(self):
        out, _ = self.run_program(CELL + """
cell("-q", "")
cell("-q", "# only a comment")
cell("-q --into r", "def f(): return g()\\ndef g(): return 7\\ny = [f() for _ in range(2)]")
print(shown, shell.user_ns["y"], shell.user_ns["r"].energy_joules is not None)
""")
        self.assertEqual(out, "[] [7, 7] True\n")
        self.rows(3)

    def test_exception(self):
        """What the cell raises passes through; the result is shown all the same. What cannot be
        run begins no run."""
        out, _ = self.run_program(CELL + """
from IPython.core.error import UsageError
for code in "burn(5)\\nraise KeyError('own')", "1 +", "import asyncio\\nawait asyncio.sleep(0)", "return 7":
    try: cell("", code)
    except (KeyError, SyntaxError, UsageError) as e: print(type(e).__name__, len(shown), shown[0].status)
""")
        self.assertEqual(out, "KeyError 1 failed\nSyntaxError 1 failed\nUsageError 1 failed\nSyntaxError 1 failed\n")
        self.assertEqual([r["status"] for r in self.rows(1)], ["failed"])

    def test_wrong_options(self):
        """One line each, and the cell does not run."""
        out, _ = self.run_program(CELL + """
from IPython.core.error import UsageError
for line in "--regio FR", "--pue x", "--label stage", "--charge all", "a b", "-o 7", "'":
    try: cell(line, "raise SystemError")
    except UsageError as e: print(e)
""")
        lines = out.splitlines()
        self.assertEqual(len(lines), 7, out)
        for line, word in zip(lines, ("--regio", "--pue", "KEY=VALUE", "--charge", "unrecognized", "--into 7", "quotation")):
            self.assertTrue(line.startswith("%%carbonctl: "), line)
            self.assertIn(word, line)

    def test_nothing_measured(self):
        out, err = self.run_program(CELL + 'cell("", "print(7)")\nprint(shown[0])', env={"CARBONCTL": "/nowhere"})
        self.assertEqual(out, "7\nenergy not known: /nowhere: no such file, nothing is measured; set CARBONCTL to the path of the command\n")
        self.assertEqual(err.count("\n"), 1)

    def test_tracker_in_a_cell(self):
        """A tracker shows what was used so far."""
        out, _ = self.run_program("""
import carbonctl
t = carbonctl.Tracker("all", region="FR").start(); burn(5)
print("<table>" in t._repr_html_(), "J in" in str(t.report))
class P:
    def text(self, s): print(s.splitlines()[0])
t._repr_pretty_(P(), False); t.stop()
""")
        self.assertIn("True True\n", out)
        self.assertIn(" CO2e from ", out)


RAW = {
    "duration_s": 3.68, "energy_joules": 57.0, "energy_low_joules": 27.0, "energy_high_joules": 130.0,
    "emissions_g": 0.00066, "emissions_low_g": 0.0003, "emissions_high_g": 0.0015, "measured_share": 0.0,
    "region": {"zone": "FR", "name": "France"}, "intensity": {"g_per_kwh": 41.44, "year": 2025},
    "components": [
        {"kind": "cpu", "id": "package-0", "name": "<i>Xeon & co</i>", "basis": "modelled", "energy_joules": 37.0,
         "low_joules": 17.0, "high_joules": 90.0},
        {"kind": "memory", "id": "dram-0", "basis": "modelled", "energy_joules": 20.0, "low_joules": 10.0, "high_joules": 40.0},
        {"kind": "gpu", "id": "GPU-1", "basis": "measured", "energy_joules": None},
    ],
    "epochs": [{"index": 1, "energy_joules": 9.0}, {"index": 2, "energy_joules": 11.0}],
    "prediction": {"after_epochs": 2, "of_epochs": 10, "emissions_g": {"low": 0.001, "expected": 0.0033, "high": 0.006}},
    "work": [{"unit": "sample", "count": 50000}],
    "warnings": [{"code": "x", "text": "<script>alert(1)</script>"}],
}  # fmt: skip


class Tags(HTMLParser):
    """All tags must close, in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


class Shown(unittest.TestCase):
    def report(self, **changes):
        sys.path.insert(0, PACKAGE)
        self.addCleanup(sys.path.remove, PACKAGE)
        import carbonctl

        return carbonctl.Report({**RAW, **changes}, "vision")

    def test_text(self):
        self.assertEqual(str(self.report(prediction=None)).splitlines(), [
            "660 µg CO2e from 57 J in 3.68 s, modelled, energy likely 27 to 130 J",
            "  CPU         37 J  65 %  modelled, <i>Xeon & co</i>",
            "  memory      20 J  35 %  modelled, dram-0",
            "  GPU     not read        measured, GPU-1",
            "  grid    41.4 g/kWh, France 2025",
            "  epochs  2, 10.0 J each",
            "  sample  50 000",
            "  note    <script>alert(1)</script>",
        ])  # fmt: skip
        self.assertIn("  predicted  3.3 mg for all 10 epochs", str(self.report()))

    def test_html(self):
        """Every text is escaped, every tag closed; no script, no address."""
        html = self.report()._repr_html_()
        tags = Tags()
        tags.feed(html)
        self.assertEqual(tags.open, [])
        self.assertEqual(set(tags.seen), {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"})
        self.assertIn("&lt;script&gt;alert(1)", html)
        self.assertIn("&lt;i&gt;Xeon &amp; co", html)
        self.assertNotIn("http", html)
        for words in "660 µg CO2e from 57 J", "modelled", "27 to 130 J", "France 2025", "not read":
            self.assertIn(words, html)

    def test_bounds(self):
        table = [
            (dict(energy_low_joules=56.9, energy_high_joules=57.1, measured_share=1.0), "57.0 J in 3.68 s, measured, energy ± 0.2 %"),
            (dict(energy_high_joules=None, measured_share=1.0), "57 J in 3.68 s, measured, energy at least 27 J"),
            (dict(energy_joules=0.0, energy_low_joules=0.0, energy_high_joules=0.0), "0.00 µJ in 3.68 s"),
            (dict(energy_joules=1.5e6, energy_low_joules=1.4e6, energy_high_joules=1.7e6, measured_share=0.9), "1.50 MJ in 3.68 s, 90 % measured, the rest modelled, energy likely 1.40 to 1.70 MJ"),
            (dict(duration_s=4930.0), "57 J in 1h 22m"), (dict(duration_s=82.0), "57 J in 1m 22s"), (dict(duration_s=59.97), "57 J in 1m 00s"),
        ]  # fmt: skip
        for change, want in table:
            self.assertIn(want, str(self.report(**change)).splitlines()[0])

    def test_unknown(self):
        """What is not known is not 0."""
        import carbonctl

        for r in carbonctl.Usage(), carbonctl.Report(), carbonctl.Report(note="no sensors"):
            self.assertTrue(str(r).startswith("energy not known"))
            self.assertNotIn("0", str(r) + r._repr_html_().replace("60em", ""))
        self.assertEqual(str(carbonctl.Report(note="no <sensors>")), "energy not known: no <sensors>")
        self.assertIn("no &lt;sensors&gt;", carbonctl.Report(note="no <sensors>")._repr_html_())
        self.assertNotIn("CO2e", str(self.report(emissions_g=None)).splitlines()[0])
        self.assertTrue(str(carbonctl.Usage({"energy_joules": 5.0}, "fold")).startswith("fold: "))
