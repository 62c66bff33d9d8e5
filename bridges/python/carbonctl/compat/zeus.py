"""Windows with the names of Zeus's ZeusMonitor, measured by carbonctl.

    from carbonctl.compat.zeus import ZeusMonitor

Energy is joules. A window has bounds too, where a short one has 0 there: Measurement.usage.
"""

from __future__ import annotations

import os
import sys
import time as clock

from .. import _session
from .._log import guard, warn
from .._report import Usage
from .._tracker import Tracker, settings_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Measurement:
    """A window: time in seconds, energies in joules.

    gpu_energy is by the GPU's number, as the program sees it (after CUDA_VISIBLE_DEVICES);
    cpu_energy and dram_energy by the package's number, None where they were not read.
    total_energy is the GPUs' alone, as in Zeus. usage has all components with bounds.
    """

    __slots__ = ("time", "gpu_energy", "cpu_energy", "dram_energy", "soc_energy", "usage")

    def __init__(self, time: float, usage: Usage, gpus: list[int] | None = None) -> None:
        self.time = time
        self.usage = usage
        self.gpu_energy: dict[int, float] = _visible(usage)
        if gpus is not None:
            self.gpu_energy = {k: v for k, v in self.gpu_energy.items() if k in gpus}
        self.cpu_energy = _numbered(usage, "cpu")
        self.dram_energy = _numbered(usage, "memory")
        self.soc_energy = None

    @property
    def total_energy(self) -> float:
        """Joules of all GPUs of the window."""
        return sum(self.gpu_energy.values())

    def __repr__(self) -> str:
        return f"Measurement(time={self.time}, gpu_energy={self.gpu_energy}, cpu_energy={self.cpu_energy}, dram_energy={self.dram_energy})"


def _visible(usage: Usage) -> dict[int, float]:
    """Joules of GPUs by their number after CUDA_VISIBLE_DEVICES."""
    names = [v.strip() for v in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if v.strip()]
    if not names:
        return usage.gpus
    found: dict[int, float] = {}
    for c in usage.components:
        if c.kind != "gpu" or c.energy_joules is None:
            continue
        for at, name in enumerate(names):
            if name == str(c.index) or (name.startswith("GPU-") and c.id.startswith(name)):
                found[at] = found.get(at, 0.0) + c.energy_joules
    return dict(sorted(found.items()))


def _numbered(usage: Usage, kind: str) -> dict[int, float] | None:
    found: dict[int, float] = {}
    for c in usage.components:
        if c.kind == kind and c.energy_joules is not None:
            number = int("".join(filter(str.isdigit, c.id.rpartition("-")[2])) or 0)
            found[number] = found.get(number, 0.0) + c.energy_joules
    return found or None


class ZeusMonitor:
    """Measure windows, by name, of which several may be open.

    gpu_indices keeps those GPUs of each window (by the program's numbers); cpu_indices and
    approx_instant_energy have no effect: all packages are read, and bounds say what a short
    window may have used. log_file gets a CSV line for each window. sync_execution_with names
    the framework whose queued GPU work is waited for at both edges, if it is imported:
    "torch", "jax" or "cupy". region and project are those of carbonctl.Tracker.
    """

    def __init__(
        self, gpu_indices: list[int] | None = None, cpu_indices: list[int] | None = None,
        approx_instant_energy: bool = False, log_file: Any = None, sync_execution_with: str = "torch",
        *, region: str | None = None, project: str | None = None, **ignored: Any,
    ) -> None:  # fmt: skip
        self.gpu_indices = gpu_indices
        self.measurement_states: dict[str, tuple[float, Tracker]] = {}
        self._settings = settings_of(region=region, project=project)
        self._log_file = None if log_file is None else os.fspath(log_file)
        self._sync = sync_execution_with
        if ignored:
            warn("without effect here: " + ", ".join(sorted(ignored)), "zeus:" + ",".join(sorted(ignored)))
        self._open_gpus()

    @guard()
    def _open_gpus(self) -> None:
        """Begin the run, and wait until GPUs can be read: the first window needs them."""
        s, id, _ = _session.enter(self._settings, "ZeusMonitor", keep=True)
        if s is not None:
            with _session.Lock():
                if not s.link.hello.get("ready", True):
                    s.link.ask("ready", _session.STOP)
            _session.leave(s, id, wait=False)

    def begin_window(self, key: str, sync_execution: bool = True, restart: bool = False) -> None:
        """Begin a window. ValueError: one of that name is open, and restart is False."""
        if key in self.measurement_states:
            if not restart:
                raise ValueError(f"window {key!r} is open already")
            self.measurement_states.pop(key)[1].stop()
        if sync_execution:
            _synchronize(self._sync)
        t = Tracker(str(key))
        t._settings, t._keep = self._settings, True
        t.start()
        self.measurement_states[key] = (clock.time(), t)

    def end_window(self, key: str, sync_execution: bool = True, cancel: bool = False) -> Measurement:
        """End a window. ValueError: none of that name is open. cancel: it is not logged."""
        if key not in self.measurement_states:
            raise ValueError(f"no window {key!r} is open")
        began, t = self.measurement_states.pop(key)
        if sync_execution:
            _synchronize(self._sync)
        elapsed = clock.time() - began
        usage = t.stop()
        m = Measurement(usage.duration_s if usage.duration_s is not None else elapsed, usage, self.gpu_indices)
        if self._log_file and not cancel:
            self._log(began, key, m)
        return m

    @guard()
    def _log(self, began: float, key: str, m: Measurement) -> None:
        import csv

        gpus = sorted(m.gpu_energy)
        with open(self._log_file, "a", newline="", encoding="utf-8") as f:
            w = csv.writer(f, lineterminator="\n")
            if f.tell() == 0:
                w.writerow(["start_time", "window_name", "elapsed_time", *(f"gpu{i}_energy" for i in gpus)])
            w.writerow([began, key, m.time, *(m.gpu_energy[i] for i in gpus)])


def _synchronize(framework: str) -> None:
    """Wait for the GPU work that the program has queued. Never imports anything."""
    module = sys.modules.get(framework)
    if module is None:
        return
    try:
        if framework == "torch":
            if module.cuda.is_available() and module.cuda.is_initialized():
                for i in range(module.cuda.device_count()):
                    module.cuda.synchronize(i)
        elif framework == "cupy":
            module.cuda.Device().synchronize()
        elif framework == "jax":
            module.device_put(0.0).block_until_ready()
    except Exception as e:
        warn(f"{framework}: GPU work not waited for: {e}", "sync:" + framework)
