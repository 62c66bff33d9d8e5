"""A program whose types are checked, strictly: what carbonctl's give it."""

from __future__ import annotations

import carbonctl
from carbonctl.compat.carbontracker import CarbonTracker
from carbonctl.compat.codecarbon import EmissionsTracker, track_emissions
from carbonctl.compat.zeus import ZeusMonitor


@carbonctl.track
def bare(x: int) -> str:
    return str(x)


@carbonctl.track(region="FR", labels={"a": 1})
def given(x: int) -> str:
    return str(x)


@track_emissions(offline=True, country_iso_code="ITA")
def stand_in(x: int) -> str:
    return str(x)


@track_emissions
def bare_stand_in(x: int) -> str:
    return str(x)


def main() -> None:
    texts: list[str] = [bare(1), given(2), stand_in(3), bare_stand_in(4)]
    with carbonctl.Tracker(region="FR") as t:
        for epoch in t.epochs(range(3)):
            with t.task("validate") as v:
                t.count("sample", epoch + len(texts))
    joules: float | None = t.report.energy_joules
    code = EmissionsTracker(project_name="x")
    kg: float = code.stop()
    monitor = ZeusMonitor()
    total: float = monitor.end_window("x").total_energy
    CarbonTracker(epochs=3).stop()
    print(joules, kg, total, v.energy_joules)
    bare("no number")  # wrong
    given(2).real  # wrong
    stand_in()  # wrong
    t.epochs(3)  # wrong
