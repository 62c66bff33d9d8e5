"""Epochs and totals in the experiment tracker that the program uses: a run of MLflow or W&B."""

from __future__ import annotations

import sys

from ._log import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Union

    from ._report import Prediction, Report, Usage

    Where = Union[str, Callable[[Mapping[str, float], int], Any], Iterable, None]

PREFIX = "carbonctl/"


def _module(name: str, asked: bool) -> Any:
    """A module that the program has imported; one that is asked for by name is imported."""
    module = sys.modules.get(name)
    if module is None and asked:
        import importlib

        module = importlib.import_module(name)
    return module


class MLflow:
    """The run that is active in this thread, if one is."""

    name = "mlflow"

    def __init__(self, asked: bool) -> None:
        self._mlflow = _module("mlflow", asked)

    def active(self) -> bool:
        run = getattr(self._mlflow, "active_run", None)
        return run is not None and run() is not None

    def write(self, metrics: dict[str, float], step: int) -> None:
        from inspect import signature

        log = self._mlflow.log_metrics
        # Where MLflow can, it sends them from a thread of its own: no epoch waits for a server.
        later = {"synchronous": False} if "synchronous" in signature(log).parameters else {}
        log(metrics, step=step, **later)

    epoch = total = write


class WandB:
    """The run that wandb.init has begun."""

    name = "wandb"

    def __init__(self, asked: bool) -> None:
        self._wandb = _module("wandb", asked)
        self._known = None

    def active(self) -> bool:
        return getattr(self._wandb, "run", None) is not None

    def epoch(self, metrics: dict[str, float], step: int) -> None:
        run = self._wandb.run
        axis = PREFIX + "epoch/index"
        if self._known is not run:
            self._known = run
            run.define_metric(axis, hidden=True)
            run.define_metric(PREFIX + "epoch/*", step_metric=axis)
        # In the row of the program's own next call of log: its count of steps stays as it is.
        run.log({**metrics, axis: step}, commit=False)

    def total(self, metrics: dict[str, float], step: int) -> None:
        self._wandb.run.summary.update(metrics)


class Function:
    """One of the program's own: it gets the metrics and the step."""

    def __init__(self, function: Callable[[Mapping[str, float], int], Any]) -> None:
        self.name = getattr(function, "__name__", "log_to")
        self.epoch = self.total = function

    def active(self) -> bool:
        return True


KINDS = {"mlflow": MLflow, "wandb": WandB}


class LogTo:
    """Where a tracker logs to: "auto", "mlflow", "wandb", a function, several, or None."""

    def __init__(self, log_to: Where) -> None:
        self._auto = log_to == "auto"
        self._off: set[str] = set()  # what failed
        self._targets: dict[str, Any] = {}
        self._epochs = 0
        if self._auto:
            self._names: tuple = tuple(KINDS)
        else:
            many = not (log_to is None or isinstance(log_to, str) or callable(log_to))
            self._names = tuple(filter(self._fits, log_to if many else (log_to,)))  # type: ignore[arg-type]

    @staticmethod
    def _fits(name: Any) -> bool:
        fits = callable(name) or name in KINDS
        if not fits and name not in (None, False, "none"):
            warn(f'log_to={name!r}: write "auto", "mlflow", "wandb", a function of metrics and step, or None; ignored')
        return fits

    def epoch(self, used: Usage, prediction: Prediction | None) -> None:
        """Log an epoch, by its number as the step."""
        index = used.raw.get("index")
        metrics = _figures(used)
        if not self._names or not metrics or index is None:
            return
        if used.power_watts is not None:
            metrics["power_watts"] = used.power_watts
        if prediction is not None and prediction.emissions_g.expected is not None:
            metrics["predicted_total_emissions_g"] = prediction.emissions_g.expected
        self._epochs += 1
        self._write("epoch", {PREFIX + "epoch/" + k: v for k, v in metrics.items()}, index)

    def end(self, report: Report) -> None:
        """Log the totals, in whole seconds as the step; with "auto" only where epochs were."""
        metrics = _figures(report)
        if not self._names or not metrics or (self._auto and not self._epochs):
            return
        self._epochs = 0
        for key in ("coverage", "measured_share"):
            if getattr(report, key) is not None:
                metrics[key] = getattr(report, key)
        for kind in ("cpu", "memory", "gpu"):
            if report.joules_of(kind) is not None:
                metrics[f"{kind}_joules"] = report.joules_of(kind)
        self._write("total", {PREFIX + k: v for k, v in metrics.items()}, int(report.duration_s or 0))

    def _write(self, how: str, metrics: dict[str, float], step: int) -> None:
        for name in self._names:
            key = str(name)
            if key in self._off or (self._auto and name not in sys.modules):
                continue
            try:
                if key not in self._targets:
                    self._targets[key] = Function(name) if callable(name) else KINDS[name](asked=not self._auto)
                target = self._targets[key]
                if target.active():
                    getattr(target, how)(dict(metrics), step)
                elif not self._auto:
                    warn(f"{target.name}: no run is active, epochs are not logged there")
            except Exception as e:  # theirs: training goes on without
                self._off.add(key)
                label = getattr(name, "__name__", name)
                warn(f"{label}: {type(e).__name__}: {e}; nothing more is logged there in this run", f"log_to:{key}")


def _figures(u: Usage) -> dict[str, float]:
    """What is known of a usage, by its name in a report."""
    if u.energy_joules is None:
        return {}
    figures = {
        "energy_joules": u.energy_joules, "energy_low_joules": u.low, "energy_high_joules": u.high,
        "emissions_g": u.emissions_g, "duration_s": u.duration_s,
    }  # fmt: skip
    return {k: float(v) for k, v in figures.items() if v is not None}
