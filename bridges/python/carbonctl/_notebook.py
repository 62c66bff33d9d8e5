"""The cell magic: %load_ext carbonctl, then %%carbonctl at the head of a cell."""

from __future__ import annotations

import argparse
import ast
import inspect
import shlex

from ._tracker import Tracker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        from IPython.core.error import UsageError

        raise UsageError(f"%%carbonctl: {message}")


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: write KEY=VALUE")
    return key, value


def _parser() -> _Parser:
    p = _Parser(prog="%%carbonctl", add_help=False, allow_abbrev=False,
                description="Measure the energy and emissions of this cell.")  # fmt: skip
    p.add_argument("name", nargs="?", help="NAME of the work in the report")
    p.add_argument("--region", metavar="ZONE", help="such as FR, US-CA, aws:eu-west-1")
    p.add_argument("--project", metavar="NAME", help="to group runs by")
    p.add_argument("--label", metavar="KEY=VALUE", type=_pair, action="append", default=[])
    p.add_argument("--intensity", metavar="G", type=float, help="grams of CO2e per kWh")
    p.add_argument("--pue", metavar="FACTOR", type=float)
    p.add_argument("--charge", choices=("machine", "process"))
    p.add_argument("--ledger", metavar="FILE", help='"none" records nothing')
    p.add_argument("-o", "--into", metavar="VARIABLE", help="put the report into VARIABLE")
    p.add_argument("-q", "--quiet", action="store_true", help="show no result")
    return p


def _compile(shell: Any, cell: str) -> list[Any]:
    """Make of a cell what IPython does: code, and its last expression as code that shows it."""
    source = shell.transform_cell(cell)
    try:
        name = shell.compile.cache(source, shell.execution_count, raw_code=cell)
    except (AttributeError, TypeError):  # IPython before 7.19
        name = "<cell>"
    tree = shell.transform_ast(ast.parse(source, name))
    last = tree.body[-1:] if isinstance((tree.body or [None])[-1], ast.Expr) else []
    tree.body = tree.body[: len(tree.body) - len(last)]
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    parts = [compile(tree, name, "exec", flags), *(compile(ast.Interactive([e]), name, "single", flags) for e in last)]
    if any(p.co_flags & inspect.CO_COROUTINE for p in parts):
        _parser().error("await outside a function; write `with carbonctl.Tracker() as t:` in the cell instead")
    return parts


def register(ipython: Any) -> None:
    """Give an IPython shell the magic."""

    def carbonctl(line: str, cell: str) -> None:
        """Measure the energy and emissions of a cell."""
        try:
            words = shlex.split(line, comments=True)
        except ValueError as e:
            words = []
            _parser().error(str(e))
        options = _parser().parse_args(words)
        if options.into is not None and not options.into.isidentifier():
            _parser().error(f"--into {options.into}: not a name of a variable")
        parts = _compile(ipython, cell)
        tracker = Tracker(
            options.name, region=options.region, project=options.project, labels=dict(options.label),
            intensity=options.intensity, pue=options.pue, charge=options.charge, ledger=options.ledger,
        )  # fmt: skip
        try:
            with tracker:
                for part in parts:  # what they raise passes through, and stops "run all"
                    exec(part, ipython.user_global_ns, ipython.user_ns)
        finally:
            if options.into:
                ipython.user_ns[options.into] = tracker.report
            if not options.quiet:
                from IPython.display import display

                display(tracker.report)

    carbonctl.__doc__ += "\n\n" + _parser().format_help()
    ipython.register_magic_function(carbonctl, "cell", "carbonctl")
