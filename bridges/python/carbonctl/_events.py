"""Inside `carbonctl wrap`: epochs, tasks and counts go to the file of events of that run."""

from __future__ import annotations

import os
import time
from stat import S_ISFIFO, S_ISREG

ENV = "CARBONCTL_EVENTS"
MAX_LINE = 4096  # longer lines are refused there


class Events:
    """Writes events, a line each, by one write to a file opened for appending: safe from any
    process and thread. It has the methods of a helper, and no figures: the run has them."""

    hello: dict = {}
    ended = None

    def __init__(self, path: str) -> None:
        self.path = path
        self.lost = False
        self._names: dict[str, str] = {}

    def send(self, op: str, *, late: bool = True, **keys: object) -> int:
        """Write an event. Returns 0."""
        rest = ""
        if op == "task-start":
            rest = str(keys["name"])
            self._names[str(keys.get("id"))] = rest
        elif op == "task-end":
            rest = self._names.pop(str(keys.get("id")), "")
        elif op == "count":
            rest = f"{keys['unit']} {keys['n']}"
        elif op in ("epoch-start", "epoch-end"):
            index, of = keys.get("index"), keys.get("of")
            rest = f"{index or ''}" + (f"/{of}" if index and of else "")
        else:
            return 0
        line = f"{time.time():.6f} {op} {rest}".rstrip().encode() + b"\n"
        if self.lost or len(line) > MAX_LINE:
            return 0
        # Never created: where the run has ended, its file has gone.
        self.lost = not _append(self.path, line)
        # The bell beside it has the line read at once. Where there is none, it is read later.
        _append(self.path + ".bell", b"\n", pipe=True)
        return 0

    def ask(self, op: str, limit: float, **keys: object) -> None:
        """Write an event; there is no answer."""
        self.send(op, **keys)

    def close(self) -> None:
        pass


def _append(path: str, data: bytes, pipe: bool = False) -> bool:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        mode = os.fstat(fd).st_mode
        return (S_ISFIFO if pipe else S_ISREG)(mode) and os.write(fd, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(fd)
