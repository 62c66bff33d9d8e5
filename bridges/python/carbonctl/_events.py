"""Inside `carbonctl wrap`: epochs, tasks and counts go to the file of events of that run."""

from __future__ import annotations

import os
import time

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

    def send(self, op: str, **keys: object) -> int:
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
        try:
            # Never created: where the run has ended, its file has gone.
            fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            self.lost = True
            return 0
        try:
            os.write(fd, line)
        except OSError:
            self.lost = True
        finally:
            os.close(fd)
        return 0

    def ask(self, op: str, limit: float, **keys: object) -> None:
        """Write an event; there is no answer."""
        self.send(op, **keys)

    def want(self, n: int) -> None:
        pass

    def answer(self, n: int, op: str, limit: float) -> None:
        return None

    def close(self) -> None:
        pass
