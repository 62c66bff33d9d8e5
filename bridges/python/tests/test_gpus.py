"""GPUs, by a driver's library that is built here and whose power is known: 400 W each, fully used."""

import os
import subprocess

from .support import PACKAGE, Case

SOURCE = os.path.join(PACKAGE, "..", "..", "nvml", "testdata", "fakenvml.c")


class GPUs(Case):
    patient = True

    def setUp(self):
        super().setUp()
        library = self.path("libnvidia-ml.so.1")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SOURCE, "-lm", "-lpthread"], check=True)
        self.env["FAKE_NVML"] = "gpus=2"
        self.env["CARBONCTL"] = self.command("carbonctl", f"--charge machine --nvml-library {library}")

    def test_windows(self):
        """Joules by GPU, by the numbers that the program sees."""
        for visible, want in (("", ["0", "1"]), ("1", ["0"]), ("1,0", ["0", "1"])):
            env = {"CUDA_VISIBLE_DEVICES": visible, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if visible else {}
            got = self.json_of("""
from carbonctl.compat.zeus import ZeusMonitor
m = ZeusMonitor()
m.begin_window("w"); time.sleep(.3); x = m.end_window("w")
print(json.dumps([x.gpu_energy, x.total_energy, x.time, x.usage.low, x.usage.high, sorted({c.id for c in x.usage.components if c.kind == "gpu"})]))
""", env=env)  # fmt: skip
            gpus, total, seconds, low, high, ids = got
            self.assertEqual(list(gpus), want, visible)
            self.assertEqual(len(ids), len(want))
            self.assertAlmostEqual(total, sum(gpus.values()))
            self.assertGreater(total, 0)
            self.assertTrue(low <= total + 0.001 and total <= high, got)

    def test_chosen(self):
        """gpu_ids of CodeCarbon: those alone are counted."""
        for ids, count in ((None, 2), ([1], 1), ("0,1", 2)):
            got = self.json_of(f"""
from carbonctl.compat.codecarbon import EmissionsTracker
t = EmissionsTracker(gpu_ids={ids!r}, save_to_file=False, log_level="error"); t.start(); time.sleep(.3); t.stop()
d = t.final_emissions_data
print(json.dumps([d.gpu_count, d.gpu_model, d.gpu_energy, d.gpu_power]))
""")
            self.assertEqual(got[0], count, ids)
            self.assertIn("NVIDIA Fake 400", got[1])
            self.assertGreater(got[2], 0)
            self.assertGreater(got[3], 0)
