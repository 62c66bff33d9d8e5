"""`python -m carbonctl …`, and `carbonctl …` where a wheel holds the command."""

from __future__ import annotations

import os
import sys

from ._find import find, inside, problem


def main() -> None:
    """Become the command, with the arguments of this program."""
    path = inside() or find()  # CARBONCTL may name the script that has called us
    why = problem(path)
    if why or path is None:
        sys.exit(f"carbonctl: {why}")
    os.execv(path, [path, *sys.argv[1:]])


if __name__ == "__main__":
    main()
