"""The decorator: each call of a function is a task of the interpreter's run."""

from __future__ import annotations

import os
import sys

from . import _session
from ._log import guard
from ._tracker import settings_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar, overload

    F = TypeVar("F", bound=Callable[..., Any])


class Call:
    """One call: started by enter, ended by leave. Costs two writes, and waits for neither."""

    __slots__ = ("session", "id")

    def __init__(self) -> None:
        self.session, self.id = None, 0

    @guard()
    def enter(self, settings: _session.Settings, name: str) -> None:
        self.session, self.id, _ = _session.enter(settings, name, keep=True, wait=False)

    @guard()
    def leave(self) -> None:
        if self.session is not None and self.session.pid == os.getpid():
            _session.leave(self.session, self.id, wait=False)


class Calls:
    """Makes a Call for each call of a function: a context manager of the right name."""

    def __init__(self, settings: _session.Settings, name: str) -> None:
        self.settings, self.name = settings, name

    def begin(self) -> Call:
        call = Call()
        call.enter(self.settings, self.name)
        return call


def wrap(function: F, begin: Callable[[], Any]) -> F:
    """Wrap a function, coroutine function, generator or asynchronous generator: begin() is
    called when it begins to run, and leave() of what that gives when it has ended."""
    from functools import wraps
    from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction

    if isasyncgenfunction(function):

        @wraps(function)
        async def run(*args: Any, **kwargs: Any) -> Any:
            call = begin()
            source = function(*args, **kwargs)
            step, value = source.__anext__, ()
            try:
                while True:
                    try:
                        item = await step(*value)
                    except StopAsyncIteration:
                        return
                    try:
                        step, value = source.asend, ((yield item),)
                    except GeneratorExit:
                        raise
                    except BaseException:
                        step, value = source.athrow, sys.exc_info()[1:2]
            finally:
                try:
                    await source.aclose()
                finally:
                    call.leave()

    elif iscoroutinefunction(function):

        @wraps(function)
        async def run(*args: Any, **kwargs: Any) -> Any:
            call = begin()
            try:
                return await function(*args, **kwargs)
            finally:
                call.leave()

    elif isgeneratorfunction(function):

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            call = begin()
            try:
                return (yield from function(*args, **kwargs))
            finally:
                call.leave()

    else:

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            call = begin()
            try:
                return function(*args, **kwargs)
            finally:
                call.leave()

    return run


if TYPE_CHECKING:

    @overload
    def track(function: F) -> F: ...

    @overload
    def track(
        function: None = None, *, name: str | None = None, region: str | None = None, project: str | None = None,
        labels: dict[str, object] | None = None, intensity: float | None = None, pue: float | None = None,
        charge: str | None = None, interval: float | None = None, ledger: str | None = None,
        flags: tuple[str, ...] = (),
    ) -> Callable[[F], F]: ...  # fmt: skip


def track(
    function: Callable[..., Any] | None = None, *, name: str | None = None, region: str | None = None,
    project: str | None = None, labels: dict[str, object] | None = None, intensity: float | None = None,
    pue: float | None = None, charge: str | None = None, interval: float | None = None, ledger: str | None = None,
    flags: tuple[str, ...] = (),
) -> Any:  # fmt: skip
    """Decorate a function: each call is a task, by the function's name, in the run of this
    interpreter, which the first call begins and the interpreter's end ends.

    `@track` and `@track(region="FR")`. Coroutines, generators and asynchronous generators are
    tracked from their first step to their last. Arguments are those of Tracker. What the
    function returns and raises passes through.
    """
    settings = settings_of(region, project, labels, intensity, pue, charge, interval, ledger, flags)

    def decorate(function: F) -> F:
        label = name or getattr(function, "__qualname__", "") or "call"
        return wrap(function, Calls(settings, label).begin)

    return decorate if function is None else decorate(function)
