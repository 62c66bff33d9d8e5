"""The one run of this interpreter, of which trackers, windows and decorated calls are tasks."""

from __future__ import annotations

import os
import sys
import threading
import time
from itertools import count

from ._log import warn

HELLO = 1.0  # seconds that the first start may wait
ANSWER = 1.0  # … the end of an epoch or task
STOP = 2.0  # … the end of a run

_lock = threading.RLock()
_current: Session | None = None
_ids = count(1)
_broken: dict[tuple, str] = {}  # commands that cannot measure
_silent = False  # the last helper said nothing at all: the next one is hardly waited for
HARDLY = 0.05  # seconds
_hooked = False

ALONE = ("--region", "--intensity", "--pue", "--charge", "--interval", "--ledger")  # a run may lack each

WRAPPED = "this runs under carbonctl wrap, whose result has the figures"


class Settings:
    """What a run is begun with: flags of carbonctl attach, variables over those of the program,
    and flags that may differ within a run, where the first has its way."""

    __slots__ = ("flags", "environ", "own")

    def __init__(self, flags: list[str] | None = None, environ: dict[str, str] | None = None,
                 own: list[str] | None = None) -> None:  # fmt: skip
        self.flags, self.environ, self.own = flags or [], environ or {}, own or []

    def same(self, other: Settings, kept: bool = True) -> bool:
        """Whether one run serves both. Calls, which are kept in one, share its project."""
        return (self.flags, self.environ) == (other.flags, other.environ) and (kept or self.own == other.own)

    def fits(self, within: Settings) -> bool:
        """Whether nothing of it is lost within a run that has begun."""
        return not self.flags or self.same(within)


class Session:
    """A run: a helper, or the file of events of the run around us."""

    def __init__(self, link, settings: Settings, kept: bool, why: str = "") -> None:
        self.link = link
        self.why = why  # there will be no figures
        self.settings = settings
        self.kept = kept  # it lasts until the interpreter ends
        self.open: set[int] = set()
        self.first = 0  # id of the tracker that began it
        self.pid = os.getpid()

    @property
    def alive(self) -> bool:
        return self.pid == os.getpid() and not self.link.lost and self.link.ended is None


class Lock:
    """The lock of this module, waited for a second at most: a program is never held up."""

    def __enter__(self) -> None:
        if not _lock.acquire(timeout=1):
            raise TimeoutError("another thread is using carbonctl")
        self.lock = _lock

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def enter(settings: Settings, name: str, keep: bool = False, wait: bool = True):
    """Open a task in the run, which is begun where there is none. Returns the session, the
    task's id and the answer to its start, or None and why nothing is measured. keep: a run
    that this begins lasts until the interpreter ends."""
    global _current
    with Lock():
        s = _current
        if s is not None and (not s.alive or (s.kept and not s.open and not settings.same(s.settings, keep))):
            finish()
            s = None
        if s is None:
            link, why = _connect(settings)
            if link is None:
                return None, why, None
            s = _current = Session(link, settings, keep, why)
        elif not settings.fits(s.settings):
            warn("settings of a tracker that begins within another are ignored: a run has one region", "within")
        id = next(_ids)
        if not s.first:
            s.first = id
        s.open.add(id)
        keys = {"name": printable(name), "id": str(id)}
        if not wait:
            s.link.send("task-start", **keys)
            return s, id, None
        return s, id, s.link.ask("task-start", ANSWER, brief=s.first == id, **keys)


def leave(s: Session, id: int, status: str = "completed", wait: bool = True):
    """End a task. Returns what it used (None: not known), and the report of the run if that
    has ended with it."""
    end = time.monotonic() + STOP
    with Lock():
        if id not in s.open or s.pid != os.getpid() or s.link.lost:
            s.open.discard(id)
            return None, None
        if wait:
            used = s.link.ask("task-end", min(ANSWER, STOP / 2), id=str(id), brief=True)
        else:
            used = None
            s.link.send("task-end", id=str(id))
        s.open.discard(id)
        report = None
        if s is _current and not s.open and not s.kept:
            report = finish(status, end)
            if s.first != id:
                report = None  # of others too
        return (used or {}).get("task"), report


def finish(status: str = "completed", end: float = 0.0) -> dict | None:
    """End the run. Returns its report, None if it did not come in time, which is by end."""
    global _current, _silent
    with Lock():
        s, _current = _current, None
        if s is None or s.pid != os.getpid():
            return None
        limit = HARDLY if _silent and not s.link.hello else STOP
        if end:
            limit = min(limit, max(0.01, end - time.monotonic()))
        last = s.link.ask("stop", limit, status=status)
        if not s.why:
            _silent = not s.link.hello
            _tell_end(s, last)
        s.link.close()
        return (last or {}).get("report")


def _tell_end(s: Session, last: dict | None) -> None:
    if not s.link.hello:
        warn("the carbonctl command does not answer; the energy of this run is not known", "silent")
    elif last is None and s.link.lost:
        warn("the carbonctl helper ended before this program; carbonctl report recovers the run", "gone")
    elif last is None:
        warn("the result did not come within 2 s; carbonctl report has it", "late")
    else:
        _tell_lost(last)


def _tell_lost(last: dict) -> None:
    """Tell that a run stands in no ledger, and no later run adds it."""
    report = last.get("report") or {}
    for w in [] if report.get("ledger") else report.get("warnings") or []:
        if w.get("code") == "not-recorded" and "next run" not in w.get("text", ""):
            warn(w["text"], "not-recorded")


def _connect(settings: Settings):
    """Give a helper, or the events of the run around us; or None and why."""
    _hook()
    events = os.environ.get("CARBONCTL_EVENTS")
    if os.environ.get("CARBONCTL_RUN_ID") and events and os.path.exists(events):
        from ._events import Events

        return Events(events), WRAPPED
    if not sys.platform.startswith("linux"):
        return None, _tell("tracking from Python needs Linux; nothing is measured")
    from ._find import find, problem

    path = find()
    why = problem(path)
    if why:
        return None, _tell(why)
    state = os.stat(path)
    known = (path, state.st_mtime_ns, state.st_size, *settings.flags)  # one of them may be what is wrong
    if known in _broken:
        return None, _broken[known]
    return _open(path, settings, known)


def _open(path: str, settings: Settings, known: tuple):
    from ._helper import Helper, Refused

    flags = settings.flags + settings.own
    while True:
        link = Helper(path, flags, {**os.environ, **settings.environ})
        try:
            link.begin(HARDLY if _silent else HELLO)
            return link, ""
        except Refused as e:
            link.close()
            text = str(e)
            flag, _, wrong = text.partition(": ")
            if e.code == "settings" and flag in ALONE and flag in flags[:-1]:  # measured without it
                at = flags.index(flag)
                told = f"{flag[2:]}={flags[at + 1]:.40}: {wrong}; ignored"
                if flag == "--region":
                    told = f"{wrong}; the world's mean is used. " '"carbonctl regions show" lists the regions'
                warn(told)
                flags = flags[:at] + flags[at + 2 :]
                continue
            if not e.code or e.code == "protocol":
                broken = text.startswith(("fatal error", "runtime:", "SIG", "panic"))
                text = f"{path} cannot be driven by this package ({text})"
                if not broken:  # it ran as it was made to
                    text += "; install a newer carbonctl"
                _broken[known] = text
            return None, _tell(text + "; nothing is measured")


def _tell(why: str) -> str:
    warn(why)
    return why


def lives(pid: int) -> bool:
    """Whether a process has not ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            return f.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except FileNotFoundError:
        return False
    except (OSError, IndexError):
        return True


def printable(name: str) -> str:
    """Make a name of a task: 1 to 256 bytes that can be printed."""
    text = "".join(c if c.isprintable() else " " for c in str(name)).strip()
    return text.encode(errors="replace")[:256].decode(errors="ignore") or "task"


def _hook() -> None:
    global _hooked
    if not _hooked:
        _hooked = True
        import atexit

        os.register_at_fork(after_in_child=_forked)
        atexit.register(_at_exit)


def _forked() -> None:
    """Forget, in a child, the run of the parent: it is none of ours."""
    global _lock, _current
    _lock = threading.RLock()
    s, _current = _current, None
    if s is not None:
        s.link.close()


def _at_exit() -> None:
    failed = getattr(sys, "last_type", None) is not None and not hasattr(sys, "ps1")
    try:
        finish("failed" if failed else "completed")
    except Exception:
        pass


