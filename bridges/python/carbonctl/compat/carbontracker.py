"""A tracker with the names of CarbonTracker, measured by carbonctl.

    from carbonctl.compat.carbontracker import CarbonTracker

Predictions are bounds and an expected value by all epochs so far, and not one epoch times
their number. Nothing asks on standard input, and no log files are written.
"""

from __future__ import annotations

from .._log import guard, warn
from .._report import Interval, Prediction, Report
from .._tracker import Tracker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SILENT = {"update_interval", "interpretable", "ignore_errors", "log_dir", "log_file_prefix", "decimal_precision",
           "devices_by_pid", "verbose", "components", "api_keys"}  # fmt: skip


class CarbonTracker:
    """Track a training: epoch_start and epoch_end around each epoch, stop at the end.

    After epochs_before_pred epochs (0: never) the prediction for all epochs is printed, and
    after monitor_epochs of them (-1: all) what was used; then tracking ends. region, project
    and other arguments of carbonctl.Tracker are taken too; the rest of CarbonTracker's is
    accepted, and named once where that changes what is measured. All methods return None.
    """

    def __init__(
        self, epochs: int, epochs_before_pred: int = 1, monitor_epochs: int = -1, update_interval: float = 1,
        *args: Any, verbose: int = 1, region: str | None = None, project: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.epochs = int(epochs)
        self.epochs_before_pred = self.epochs if epochs_before_pred < 0 else epochs_before_pred
        self.monitor_epochs = self.epochs if monitor_epochs < 0 else monitor_epochs
        if self.monitor_epochs == 0 or self.monitor_epochs < self.epochs_before_pred:
            warn(f"monitor_epochs={monitor_epochs}: must be at least 1 and epochs_before_pred; all epochs are measured")
            self.monitor_epochs = self.epochs
        ignored = sorted(k for k, v in kwargs.items() if k not in _SILENT and v)
        if ignored:
            warn("without effect here: " + ", ".join(ignored), "carbontracker:" + ",".join(ignored))
        self.verbose = verbose
        self.epoch_counter = 0
        self.deleted = False  # as there: tracking has ended
        self.report = Report()
        self._open = False
        self._tracker = Tracker(project or "carbontracker", region=region, project=project)

    @staticmethod
    def set_api_keys(*_: Any, **__: Any) -> None:
        """Does nothing: figures of the hour come by carbonctl's --live."""

    def epoch_start(self) -> None:
        """Begin an epoch; the first begins the tracking."""
        if self.deleted:
            return
        if not self._tracker.running:
            self._tracker.start()
        self.epoch_counter += 1
        self._open = True
        self._tracker.epoch_start(self.epoch_counter, self.epochs)

    def epoch_end(self) -> None:
        """End the epoch."""
        if self.deleted or not self._open:
            return
        self._open = False
        self._tracker.epoch_end(self.epoch_counter)
        if self.epoch_counter == self.epochs_before_pred and self.epoch_counter < self.epochs:
            self._print_prediction()
        if self.epoch_counter >= self.monitor_epochs:
            self.stop()

    def stop(self) -> None:
        """End the tracking and print what was used. Again, or before the first epoch: nothing."""
        if self.deleted:
            return
        self.deleted = True
        if not self._tracker.running:
            return
        self.report = self._tracker.stop()
        if self.report:
            done = self.epoch_counter - self._open
            self._print(f"measured over {done} epoch(s)", Interval({"expected": self.report.duration_s}),
                        Interval({"low": self.report.low, "expected": self.report.energy_joules, "high": self.report.high}),
                        Interval({"expected": self.report.emissions_g}))  # fmt: skip

    def predict(self) -> Prediction | None:
        """What all epochs are expected to need, with bounds; None before the first has ended."""
        return self._tracker.prediction

    def _print_prediction(self) -> None:
        p = self._tracker.prediction
        if p is not None:
            self._print(f"predicted for {self.epochs} epoch(s)", p.duration_s, p.energy_joules, p.emissions_g)

    @guard()
    def _print(self, what: str, duration: Interval, energy: Interval, emissions: Interval) -> None:
        if not self.verbose:
            return
        seconds = round(duration.expected or 0)
        bounds = ""
        if energy.low is not None:
            high = "no upper bound" if energy.high is None else f"{energy.high / 3.6e6:.6g}"
            bounds = f" ({energy.low / 3.6e6:.6g} to {high})"
        text = (
            f"CarbonTracker (carbonctl): {what}\n"
            f"\tTime:\t{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}\n"
            f"\tEnergy:\t{(energy.expected or 0) / 3.6e6:.6g} kWh{bounds}\n"
        )
        if emissions.expected is not None:
            text += f"\tCO2eq:\t{emissions.expected:.6g} g\n"
        _write(text)


def _write(text: str) -> None:
    """Print, and leave nothing in a buffer that would fail again at the program's end."""
    import sys

    try:
        sys.stdout.flush()
        fd = sys.stdout.fileno()
    except Exception:  # there is none, or it is no file: a notebook's
        fd = -1
    try:
        if fd < 0:
            print(text, end="")
        else:
            import os

            os.write(fd, text.encode(sys.stdout.encoding or "utf-8", "replace"))
    except (OSError, ValueError, AttributeError):  # closed
        pass
