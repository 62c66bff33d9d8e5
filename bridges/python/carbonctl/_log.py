"""What is said to the user: through the logger "carbonctl", each thing once."""

from __future__ import annotations

_said: set[str] = set()


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


def guard(default=None):
    """Decorate a method so that no error of ours reaches the program: default is returned."""

    def wrap(method):
        def call(*args, **kwargs):
            try:
                return method(*args, **kwargs)
            except Exception as e:
                warn(f"{method.__name__}: {type(e).__name__}: {e}; not measured", "guard:" + method.__name__)
                return default

        call.__name__, call.__doc__ = method.__name__, method.__doc__
        call.__qualname__, call.__module__ = method.__qualname__, method.__module__
        call.__wrapped__ = method
        return call

    return wrap
