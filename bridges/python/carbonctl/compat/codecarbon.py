"""Trackers with the names, arguments and units of CodeCarbon, measured by carbonctl.

    from carbonctl.compat.codecarbon import EmissionsTracker

Emissions are kg CO2e, energies kWh. No network is used to find the place: it is the one that
is given, or in carbonctl's settings. Differences are in bridges/python/README.md.
"""

from __future__ import annotations

import os

from .. import __version__  # noqa: F401
from .._decorate import wrap
from .._log import guard, warn
from .._report import Report, Usage
from .._tracker import Task, Tracker, settings_of
from . import _settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar, overload

    F = TypeVar("F", bound=Callable[..., Any])

    from ._emissions import EmissionsData

NAN = float("nan")

__all__ = ["EmissionsData", "EmissionsTracker", "OfflineEmissionsTracker", "track_emissions"]


def __getattr__(name: str) -> Any:
    if name == "EmissionsData":  # with dataclasses, whose import takes as long as all else
        from ._emissions import EmissionsData

        return EmissionsData
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _row(report: Usage, name: str, settings: dict[str, Any], whole: dict[str, Any]) -> EmissionsData:
    from ._emissions import data_of

    return data_of(report, name, settings, whole)


class EmissionsTracker:
    """Track emissions in kg CO2e from start to stop, in a with statement, or by tasks.

    Arguments are CodeCarbon's. These have an effect: project_name, output_dir, output_file,
    save_to_file, on_csv_write, measure_power_secs, country_iso_code, country_2letter_iso_code,
    region, cloud_provider, cloud_region, tracking_mode, gpu_ids, log_level, pue, wue,
    experiment_id, force_carbon_intensity_g_co2e_kwh. Others are accepted and named once.
    """

    _offline = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.final_emissions: float | None = None
        self.final_emissions_data: EmissionsData | None = None
        self._tracker: Tracker | None = None
        self._tasks: dict[str, Task] = {}
        self._whole: dict[str, Any] = {}
        self._keep = False
        self._stopped = False
        self._settings = dict(_settings.DEFAULTS)
        self._read(args, kwargs)
        # Some programs set these after construction.
        self._country_iso_code = self._settings["country_iso_code"]
        self._region = self._settings["region"]
        self._cloud_provider = self._settings["cloud_provider"]
        self._cloud_region = self._settings["cloud_region"]

    @guard()
    def _read(self, args: tuple, kwargs: dict[str, Any]) -> None:
        s = self._settings = _settings.read(args, kwargs)
        if kwargs.get("offline", self._offline) and _settings.zone(s) is None:
            _settings.note(s, "no country_iso_code: carbonctl's own region is used, or the world's mean")
        try:
            s["output_dir"] = os.path.abspath(s["output_dir"])
        except OSError:  # the working directory has gone
            pass

    def __getstate__(self) -> dict[str, Any]:
        if self._tracker is None or self._stopped:
            return self.__dict__
        return {**self.__dict__, "_tracker": None, "_tasks": {}}  # a copy has not started

    def start(self) -> None:
        """Begin. A second call does nothing."""
        if self._tracker is not None:
            if not self._stopped:
                _settings.note(self._settings, "start: this tracker has started already")
            return
        self._start()

    @guard()
    def _start(self) -> None:
        s = self._settings
        s.update(country_iso_code=_settings._word(self._country_iso_code), region=_settings._word(self._region),
                 cloud_provider=_settings._word(self._cloud_provider), cloud_region=_settings._word(self._cloud_region))  # fmt: skip
        if s["save_to_file"]:
            try:
                os.makedirs(s["output_dir"], exist_ok=True)
            except OSError:  # told at the end
                pass
        mode = s["tracking_mode"]
        if mode not in (None, "machine", "process"):
            warn(f"tracking_mode={mode!r}: neither machine nor process; ignored")
            mode = None
        t = Tracker(s["project_name"])
        t._settings = settings_of(
            region=_settings.zone(s), charge=mode,
            project=None if s["project_name"] == "codecarbon" else s["project_name"], interval=s["measure_power_secs"] or None,
            intensity=s["force_carbon_intensity_g_co2e_kwh"], pue=None if s["pue"] == 1 else s["pue"],
            environ=_settings.environ(s),
        )  # fmt: skip
        t._keep = self._keep
        s["tracking_mode"] = mode or "machine"
        self._tracker = t
        t.start()

    def stop(self) -> float:
        """End, write the row of the CSV, and give kg CO2e: NaN where nothing was measured or
        the tracker never started. Again: the same."""
        if not self._stopped:
            self._stop(False)
        return NAN if self.final_emissions is None else self.final_emissions

    @guard()
    def _stop(self, failed: bool) -> None:
        t = self._tracker
        if t is None:
            warn("stop: this tracker has not started; its emissions are not known", "stop")
            return
        if t._pid != os.getpid():
            return
        self._stopped = True
        for name in list(self._tasks):
            self.stop_task(name)
        report = t.stop(failed)
        self.final_emissions = NAN
        self.final_emissions_data = self._data(report)
        self.final_emissions = self.final_emissions_data.emissions
        self._save(self.final_emissions_data)

    def _data(self, report: Report) -> EmissionsData:
        d = _row(report, self._settings["project_name"], self._settings, report.raw if report.status else {})
        if not report.status and report.run_id:  # one of many in a run
            d.run_id = f"{report.run_id}/{self._tracker.number}"
        return d

    def _save(self, d: EmissionsData) -> None:
        s = self._settings
        if not s["save_to_file"]:
            return
        from ._emissions import append

        try:
            append(os.path.join(s["output_dir"], s["output_file"]), d, s["on_csv_write"] == "update")
        except OSError as e:
            warn(f"{s['output_file']} not written: {e}; set output_dir to a folder that can be written", "csv")

    def flush(self) -> float:
        """kg CO2e so far, NaN if that is not known. Writes no file."""
        return self._flush() if self._tracker is not None else NAN

    @guard(NAN)
    def _flush(self) -> float:
        kg = self._tracker.report.emissions_kg
        return NAN if kg is None else kg

    def start_task(self, task_name: str | None = None) -> None:
        """Begin a task, and the tracker if it has not started. Tasks may nest and overlap."""
        if self._tracker is None:
            self.start()
        self._start_task(task_name)

    @guard()
    def _start_task(self, name: str | None) -> None:
        if self._tracker is None or self._stopped:
            return
        key = name or f"task {len(self._tasks) + 1}"
        while key in self._tasks:
            key += "'"
        self._tasks[key] = self._tracker.task(key)
        self._tasks[key].start()

    def stop_task(self, task_name: str | None = None) -> EmissionsData:
        """End a task, by default the one that began last, and give what it used."""
        d = self._stop_task(task_name)
        return d if d is not None else _row(Report(), str(task_name or ""), self._settings, {})

    @guard()
    def _stop_task(self, name: str | None) -> EmissionsData | None:
        if name is None and self._tasks:
            name = list(self._tasks)[-1]
        task = self._tasks.pop(name, None)
        if task is None:
            _settings.note(self._settings, f"stop_task: no task {name!r} is open")
            return None
        d = _row(task.stop(), self._settings["project_name"], self._settings, {})
        d.run_id = self._tracker.run_id or ""
        return d

    def get_detected_hardware(self) -> dict[str, Any]:
        """What the machine has, in CodeCarbon's names."""
        d = _row(Report(), "", self._settings, {})
        return {k: getattr(d, k) for k in ("ram_total_size", "cpu_count", "cpu_model", "gpu_count", "gpu_model")}

    def __enter__(self) -> EmissionsTracker:
        self.start()
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        if not self._stopped:
            self._stop(kind is not None)


class OfflineEmissionsTracker(EmissionsTracker):
    """EmissionsTracker for a given country_iso_code (ISO 3166-1, three letters or two)."""

    _offline = True


class _Call:
    """One call of a decorated function."""

    def __init__(self, args: tuple, kwargs: dict[str, Any]) -> None:
        self.tracker = EmissionsTracker(*args, **kwargs)
        self.tracker._keep = True
        self.tracker.start()

    def leave(self) -> None:
        self.tracker.stop()


if TYPE_CHECKING:

    @overload
    def track_emissions(fn: F) -> F: ...

    @overload
    def track_emissions(fn: str | None = None, *args: Any, **kwargs: Any) -> Callable[[F], F]: ...


def track_emissions(fn: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Decorate a function: each call is tracked, with a row in the CSV. `@track_emissions` and
    `@track_emissions(project_name=…)`; arguments are those of the trackers. Coroutines and
    generators are tracked to their end. What the function returns and raises passes through."""
    if fn is not None and not callable(fn):  # the name of a project
        args, fn = (fn, *args), None

    def decorate(function: F) -> F:
        return wrap(function, lambda: _Call(args, kwargs))

    return decorate if fn is None else decorate(fn)
