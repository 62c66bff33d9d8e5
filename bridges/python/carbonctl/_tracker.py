"""Trackers, tasks, epochs, and the decorator."""

from __future__ import annotations

import os

from . import _session
from ._log import guard, warn
from ._log_to import LogTo
from ._report import Prediction, Report, Usage, difference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, TypeVar

    from ._log_to import Where

    T = TypeVar("T")


def settings_of(
    region: str | None = None, project: str | None = None, labels: Mapping[str, object] | None = None,
    intensity: float | None = None, pue: float | None = None, charge: str | None = None,
    interval: float | None = None, ledger: str | None = None, flags: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> _session.Settings:  # fmt: skip
    """Arguments of a tracker as settings of a run. What is none is told, and left out."""
    all: list[str] = []
    own = [] if project is None else ["--project", _argument(project)]
    for flag, value in (("--region", region), ("--intensity", intensity), ("--pue", pue), ("--charge", charge),
                        ("--ledger", ledger)):  # fmt: skip
        if value is not None:
            all += [flag, _argument(value)]
    if interval is not None:
        try:
            all += ["--interval", f"{round(float(interval) * 1000)}ms"]
        except (TypeError, ValueError, OverflowError):
            warn(f"interval={interval!r}: not a number of seconds; ignored")
    try:
        for key, value in (labels or {}).items():
            if "=" in str(key) or not str(key).strip():
                warn(f"labels: invalid key {key!r}: must not be empty or contain =; ignored")
                continue
            own += ["--label", _argument(f"{key}={value}")]
    except AttributeError:
        warn(f"labels={labels!r}: not a dict; ignored")
    if isinstance(flags, str):
        flags = flags.split()
    return _session.Settings([*all, *map(_argument, flags)], dict(environ or {}), own)


def _argument(value: object) -> str:
    """Text that can be an argument of a program."""
    return str(value).replace("\0", "").encode(errors="replace").decode()


class Task:
    """A part of the work with a name, for use in a with statement. Tasks nest and overlap.

    After it, the task has the figures of a Usage: energy_joules, low, high, emissions_g, ….
    """

    def __init__(self, tracker: Tracker, name: str) -> None:
        self.name = name
        self.usage = Usage(name=name)
        self._tracker = tracker
        self._id = 0
        self._session = None

    def start(self) -> Task:
        """Begin the task, if its tracker runs."""
        self._start()
        return self

    @guard()
    def _start(self) -> None:
        s = self._tracker._session
        if s is None or not s.alive or self._id:
            return
        with _session.Lock():
            self._session, self._id = s, next(_session._ids)
            s.link.ask("task-start", _session.ANSWER, brief=True, name=_session.printable(self.name), id=str(self._id))

    def stop(self) -> Usage:
        """End the task and give what it used."""
        self._stop()
        return self.usage

    @guard()
    def _stop(self) -> None:
        s, id, self._id = self._session, self._id, 0
        if s is not None and id and s.alive:
            with _session.Lock():
                got = s.link.ask("task-end", _session.ANSWER, brief=True, id=str(id)) or {}
            self.usage = Usage(got.get("task"), self.name)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_session": None, "_id": 0}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.usage, name)

    def __enter__(self) -> Task:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return repr(self.usage)


class Tracker:
    """Track the energy and emissions of this process and all that it starts.

    Use it in a with statement, or by start and stop. The first that starts begins a run, which
    ends, with a row in the ledger, when the last one stops; one that starts meanwhile is a task
    of that run. region is a zone ("FR", "US-CA", "aws:eu-west-1"); without it settings,
    variables (CARBONCTL_REGION) and then the world's mean hold. intensity is grams of CO2e per
    kWh, pue a factor of at least 1, charge "machine" or "process", interval seconds between
    readings, ledger a file or "none", flags more flags of carbonctl attach. log_to is where epochs
    and totals go besides: "mlflow", "wandb", a function of metrics and step, several of them, or
    None; "auto" is a run of MLflow or W&B that is active in this process.

    No method raises because of measuring, waits more than a second (stop: 2 s), or does
    anything in a process other than the one that made the tracker. A copy, by copy or pickle,
    has the settings and the result, and is not running. Where nothing can be measured there is
    one warning, and all figures are None. Safe for use by several threads.
    """

    def __init__(
        self, name: str | None = None, *, region: str | None = None, project: str | None = None,
        labels: Mapping[str, object] | None = None, intensity: float | None = None, pue: float | None = None,
        charge: str | None = None, interval: float | None = None, ledger: str | None = None,
        flags: Sequence[str] = (), log_to: Where = "auto",
    ) -> None:  # fmt: skip
        self.name = str(name or project or "tracker")
        self._log_to = LogTo(log_to)
        self._settings = settings_of(region, project, labels, intensity, pue, charge, interval, ledger, flags)
        self._keep = False
        self._pid = os.getpid()
        self._session = None
        self._id = 0
        self.number = 0  # of its task within the run
        self._first: dict | None = None  # the answer to its start
        self._final: Report | None = None
        self._why = ""
        self._epochs: list[int] = []  # that are open
        self._index = 0
        self.last_epoch = Usage()
        self.prediction: Prediction | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_session": None, "_id": 0, "_first": None, "_epochs": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _pid=os.getpid())

    @property
    def run_id(self) -> str | None:
        """ID of the run that the tracker is or was part of, None if there is none."""
        s = self._session
        return s.link.hello.get("run_id") if s is not None else self._final.run_id if self._final else None

    # Begin and end.

    @property
    def running(self) -> bool:
        """Whether the tracker has started and not stopped."""
        return self._id != 0

    def start(self) -> Tracker:
        """Begin. A second call, and one in a forked process, does nothing."""
        if not self._id and self._pid == os.getpid():
            self._start()
        return self

    @guard()
    def _start(self) -> None:
        self._final, self._epochs, self._index = None, [], 0
        self.prediction, self.last_epoch = None, Usage()
        s, id, self._first = _session.enter(self._settings, self.name, self._keep)
        if s is None:
            self._why, self._id = id, -1
        else:
            self._session, self._id, self.number = s, id, id
            self._why = s.why

    def stop(self, failed: bool = False) -> Report:
        """End, and give the result. Again: the same. Before start, or in a forked process: a
        report without figures."""
        got = self._stop(failed)
        return got if got is not None else Report(name=self.name, note="not measured")

    @guard()
    def _stop(self, failed: bool) -> Report:
        if self._pid != os.getpid():
            if not _session.lives(self._pid):
                warn("the process that made this tracker has ended, and its run with it; "
                     "create the tracker after the program has gone to the background", "daemon")  # fmt: skip
            return Report(name=self.name, note="tracked by the process that made the tracker")
        if not self._id:
            return self._final or Report(name=self.name, note="not started")
        s, id, self._id = self._session, self._id, 0
        self._session = None
        used = report = None
        if s is not None:
            self._close_epochs(s)
            used, report = _session.leave(s, id, "failed" if failed else "completed")
            if not self._why and used is None and report is None:
                self._why = "no answer from carbonctl" + ("; its ledger has the run" if s and s.link.hello else "")
        self._final = Report(report or used, self.name, self._why)
        if s is not None and s.link.hello:
            self._final.run_id = self._final.run_id or s.link.hello.get("run_id")
            self._final.region = self._final.region or s.link.hello.get("region") or None
        if self._final.prediction is None:
            self._final.prediction = self.prediction
        self._log_to.end(self._final)
        return self._final

    @property
    def report(self) -> Report:
        """The result; before stop, what was used so far."""
        got = self._final if not self._id else self._so_far()
        return got if got is not None else Report(name=self.name, note=self._why or "not started")

    @guard()
    def _so_far(self) -> Report | None:
        s = self._session
        if s is None or self._pid != os.getpid() or not s.alive:
            return None
        with _session.Lock():
            now = s.link.ask("report", _session.ANSWER)
        if now is None:
            return None
        if s.first != self._id:
            now = difference(now, self._first) if self._first else None
        r = Report(now, self.name)
        r.run_id = s.link.hello.get("run_id")
        r.region = s.link.hello.get("region") or None
        return r

    def __enter__(self) -> Tracker:
        self.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, _: object) -> None:
        self.stop(failed=kind is not None and not (kind is SystemExit and not error.code))

    # Within it.

    def task(self, name: str) -> Task:
        """A part of the work: `with tracker.task("validate") as v: …`, then v.energy_joules."""
        return Task(self, name)

    @guard()
    def count(self, unit: str, n: int = 1) -> None:
        """Count n (0 or more) units of work, such as "sample" or "output_token"."""
        s = self._here()
        if s is not None:
            with _session.Lock():
                s.link.send("count", unit=str(unit), n=int(n))

    def epochs(self, iterable: Iterable[T], total: int | None = None, first: int | None = None) -> Iterator[T]:
        """Iterate, each step an epoch: `for epoch in tracker.epochs(range(10))`.

        total is how many there will be, by default len(iterable) where it has one. first is the
        number of the first, by default the one after the last of this tracker. Break, return
        and exceptions end the epoch that is open.
        """
        if total is None:
            try:
                total = len(iterable)  # type: ignore[arg-type]
            except TypeError:
                pass
        index = self._index + 1 if first is None else first
        of = None if total is None else index - 1 + total
        for item in iterable:
            self.epoch_start(index, of)
            try:
                yield item
            finally:
                self.epoch_end(index)
            index += 1

    @guard()
    def epoch_start(self, index: int | None = None, of: int | None = None) -> None:
        """Begin an epoch. index counts from 1, by default on from the last; of is the number of
        the last one that is planned, if that is known."""
        s = self._here()
        if s is None:
            return
        index = self._index + 1 if index is None else int(index)
        self._index = index
        self._epochs.append(index)
        with _session.Lock():
            s.link.ask("epoch-start", _session.ANSWER, brief=True, index=index, of=None if of is None else int(of))

    def epoch_end(self, index: int | None = None) -> Usage:
        """End an epoch, by default the one that began last, and give what it used. Then
        prediction is what the whole run is expected to need, where `of` is known."""
        self.last_epoch = self._epoch_end(index) or Usage()
        self._log_to.epoch(self.last_epoch, self.prediction)
        return self.last_epoch

    @guard()
    def _epoch_end(self, index: int | None) -> Usage | None:
        s = self._here()
        if s is None or not self._epochs or (index is not None and index not in self._epochs):
            return None
        index = self._epochs[-1] if index is None else index
        self._epochs.remove(index)
        with _session.Lock():
            got = s.link.ask("epoch-end", _session.ANSWER, index=index) or {}
        if got.get("prediction"):
            self.prediction = Prediction(got["prediction"])
        return Usage(got["epoch"], f"epoch {index}") if got.get("epoch") else None

    def _close_epochs(self, s: _session.Session) -> None:
        with _session.Lock():
            while self._epochs and s.alive:
                s.link.send("epoch-end", index=self._epochs.pop())

    def _here(self) -> _session.Session | None:
        s = self._session
        return s if s is not None and self._pid == os.getpid() and s.alive else None

    def __repr__(self) -> str:
        state = "running" if self._id else "stopped" if self._final else "not started"
        return f"<Tracker {self.name!r}, {state}>"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()

    def _repr_pretty_(self, p: Any, cycle: bool) -> None:
        self.report._repr_pretty_(p, cycle)


