"""Where the command is."""

from __future__ import annotations

import os


def find() -> str | None:
    """Path of the carbonctl command: what CARBONCTL names, else the one in this package, else
    the first on PATH. None if there is none."""
    named = os.environ.get("CARBONCTL")
    if named:
        if os.sep in named:
            return named
        return _on_path(named) or named
    return inside() or _on_path("carbonctl")


def inside() -> str | None:
    """Path of the command in this package, None if this is no wheel that holds one."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "carbonctl")
    return path if os.path.isfile(path) else None


def _on_path(name: str) -> str | None:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder or ".", name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return os.path.abspath(path)
    return None


def problem(path: str | None) -> str:
    """Why the command at path cannot be run, with what to do, or ""."""
    if path is None:
        return "no carbonctl command found, nothing is measured; put it on PATH, or set CARBONCTL to its path"
    if not os.path.exists(path):
        return f"{path}: no such file, nothing is measured; set CARBONCTL to the path of the command"
    if os.path.isdir(path) or not os.access(path, os.X_OK):
        return f"{path}: not an executable file, nothing is measured; chmod +x it, or set CARBONCTL to another"
    return ""
