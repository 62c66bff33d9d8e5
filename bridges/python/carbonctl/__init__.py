"""Energy use and carbon emissions of Python programs, measured by carbonctl beside them.

    import carbonctl

    with carbonctl.Tracker(region="FR") as tracker:
        for epoch in tracker.epochs(range(10)):
            train()
    print(tracker.report.emissions_g, tracker.report.energy_joules)

Nothing happens at import. carbonctl.callbacks has callbacks for training frameworks,
carbonctl.compat stand-ins for other trackers; `%load_ext carbonctl` gives notebooks `%%carbonctl`.
"""

from ._decorate import track
from ._find import find
from ._report import Component, Interval, Prediction, Report, Usage
from ._tracker import Task, Tracker

__version__ = "1.0.0"
__all__ = ["Component", "Interval", "Prediction", "Report", "Task", "Tracker", "Usage", "find", "track"]


def load_ipython_extension(ipython: object) -> None:
    """Give a notebook the magic %%carbonctl: what `%load_ext carbonctl` calls."""
    from ._notebook import register

    register(ipython)
