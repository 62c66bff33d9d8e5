"""Run a program that imports codecarbon, and cannot be changed, with carbonctl's trackers:

    python -m carbonctl.codecarbon script.py [ARGUMENTS]

The stand-in is there for that program alone; nothing is installed under that name.
"""

from __future__ import annotations

import sys


def install() -> None:
    """Let `import codecarbon` in this process find carbonctl.compat.codecarbon."""
    from .compat import _emissions, codecarbon

    codecarbon.__path__ = []  # so that it has submodules
    sys.modules["codecarbon"] = codecarbon
    sys.modules["codecarbon.emissions_tracker"] = codecarbon
    sys.modules["codecarbon.output"] = _emissions
    codecarbon.emissions_tracker, codecarbon.output = codecarbon, _emissions


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("usage: python -m carbonctl.codecarbon SCRIPT [ARGUMENTS]")
    import os
    import runpy

    install()
    del sys.argv[0]
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
