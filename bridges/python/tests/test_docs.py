"""The Python of the pages, as it stands there, on the machine of a test and stubs of frameworks."""

import os
import re
import unittest

from .support import PACKAGE, Case

DOCS = os.path.join(os.path.dirname(os.path.dirname(PACKAGE)), "docs")
PAGES = {"quickstart.md": DOCS, "migrate.md": DOCS, "README.md": PACKAGE}

# What the blocks take as given.
GIVEN = """
import keras, lightning.pytorch as _l, transformers as _t
def train(): burn(5)
validate = train
x = y = None
class _Model:
    def step(self, epoch): burn(2)
class _Keras(keras.Model):
    def fit(self, *a, **k): return super().fit(*a, **k, step=_Model().step)
    def __call__(self, question): burn(1); return "because"
model = keras_model = _Keras()
lightning_trainer, lightning_model = _l.Trainer, _Model()
def transformers_trainer(callbacks): return _t.Trainer(_Model(), callbacks=callbacks)
"""


def blocks(page, kind):
    with open(os.path.join(PAGES[page], page), encoding="utf-8") as f:
        return re.findall(rf"(?ms)^```{kind}\n(.*?)^```$", f.read())


class Docs(Case):
    def test_blocks(self):
        """Each runs alone, ends well, warns of nothing, and leaves one row or more."""
        self.env["PYTHONPATH"] = PACKAGE + os.pathsep + os.path.join(PACKAGE, "tests", "stubs")
        ran = rows = 0
        for page in PAGES:
            for block in blocks(page, "python"):
                with self.subTest(page=page, block=block):
                    os.makedirs(self.path("out"), exist_ok=True)
                    out, err = self.run_program(GIVEN + block)
                    self.assertEqual(err, "")
                    self.assertNotIn("not known", out)
                    ran += 1
                    self.assertGreater(len(self.rows()), rows, "no run was recorded")
                    rows = len(self.rows())
        self.assertEqual(ran, 9)

    def test_migrated(self):
        """What the blocks on migration print: energy of what they did, in the units that are said."""
        self.env["PYTHONPATH"] = PACKAGE + os.pathsep + os.path.join(PACKAGE, "tests", "stubs")
        codecarbon, carbontracker, zeus = blocks("migrate.md", "python")
        os.makedirs(self.path("out"))
        out, _ = self.run_program(GIVEN + codecarbon)
        kg, kwh = re.match(r"([0-9.]+) kg CO2e, (\S+) kWh\n$", out).groups()
        self.assert_joules(float(kwh) * 3.6e6, 5)
        self.assertLess(float(kg), 1e-6)
        with open(self.path("out/emissions.csv")) as f:
            self.assertEqual(len(f.readline().split(",")), 38)
        out, _ = self.run_program(GIVEN + carbontracker)
        self.assertIn("measured over 3 epoch(s)", out)
        self.assertIn("<after 3 of 3 epochs: ", out)
        out, _ = self.run_program(GIVEN + zeus)
        _, gpus, cpu, high = re.match(r"(\S+) (\S+) (\{.*\}) (\S+)\n$", out).groups()
        self.assertEqual(float(gpus), 0)  # this machine has none
        self.assertIn("0: 0.0", cpu)
        self.assertGreater(float(high), 0.04)


class Fences(unittest.TestCase):
    def test_known(self):
        """Each fence is of a kind that some test runs, or marked: the docs' test counts those."""
        known = {"console", "python", "ipython", "go"}
        for page in PAGES:
            for fence in re.findall(r"(?m)^```(.+)$", self.read(page)):
                self.assertIn(fence.replace(" not-run", ""), known, page)

    def read(self, page):
        with open(os.path.join(PAGES[page], page), encoding="utf-8") as f:
            return f.read()
