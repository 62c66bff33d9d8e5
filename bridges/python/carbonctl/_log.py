"""What is said to the user: through the logger "carbonctl", each thing once."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

_said: set[str] = set()
_package = os.path.dirname(os.path.abspath(__file__)) + os.sep
_library = os.path.dirname(os.__file__) + os.sep


def warn(text: str, key: str | None = None) -> None:
    """Log text as a warning, once for each key (the text itself by default). Never raises."""
    key = text if key is None else key
    if key in _said or len(_said) > 1000:
        return
    _said.add(key)
    try:
        import logging

        logging.getLogger("carbonctl").warning("carbonctl: %s", text)
    except Exception:  # a handler of the program's own
        pass


def guard(default: Any = None) -> Callable[[F], F]:
    """Decorate a method so that no error of ours reaches the program: default is returned.

    What a signal handler of the program raises meanwhile is the program's, and passes.
    """

    def wrap(method: F) -> F:
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return method(*args, **kwargs)
            except Exception as e:
                if _foreign(e):
                    raise
                warn(f"{method.__name__}: {type(e).__name__}: {e}; not measured", "guard:" + method.__name__)
                return default

        call.__name__, call.__doc__ = method.__name__, method.__doc__
        call.__qualname__, call.__module__ = method.__qualname__, method.__module__
        call.__wrapped__ = method  # type: ignore[attr-defined]
        return call  # type: ignore[return-value]

    return wrap


def _foreign(e: Exception) -> bool:
    """Whether an error was raised by code that is neither ours nor the standard library's."""
    step = e.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        library = file.startswith(("<frozen", _library)) and "site-packages" not in file
        if not library and not file.startswith(_package):
            return True
        step = step.tb_next
    return False
