"""The row of figures of CodeCarbon-shaped trackers, and its file."""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from typing import Any

from .. import __version__
from .._log import warn
from .._report import JOULES_PER_KWH, Usage

NAN = float("nan")


@dataclasses.dataclass
class EmissionsData:
    """Figures of a run or a task, in CodeCarbon's names and units: kg CO2e, kWh, watts, seconds.

    Amounts that are not known are NaN, other facts None, and both are empty in the CSV. Beside
    the 38 fields there are joules, low, high (of the energy, without PUE), measured_share and
    coverage, as in a report of carbonctl.
    """

    timestamp: str = ""  # local time of the end
    project_name: str = ""
    run_id: str = ""
    experiment_id: str = ""
    duration: float = NAN
    emissions: float = NAN  # kg CO2e
    emissions_rate: float = NAN  # kg/s
    cpu_power: float = NAN
    gpu_power: float = NAN
    ram_power: float = NAN
    cpu_energy: float = NAN  # kWh, with PUE, as are all energies here
    gpu_energy: float = NAN
    ram_energy: float = NAN
    energy_consumed: float = NAN
    water_consumed: float = NAN  # litres
    country_name: str | None = None
    country_iso_code: str | None = None
    region: str | None = None
    cloud_provider: str | None = None
    cloud_region: str | None = None
    os: str = ""
    python_version: str = ""
    codecarbon_version: str = ""
    cpu_count: int | None = None
    cpu_model: str | None = None
    gpu_count: int | None = None
    gpu_model: str | None = None
    longitude: float | None = None
    latitude: float | None = None
    ram_total_size: float | None = None  # GiB
    tracking_mode: str = "machine"
    cpu_utilization_percent: float | None = None
    gpu_utilization_percent: float | None = None
    ram_utilization_percent: float | None = None
    ram_used_gb: float | None = None
    on_cloud: str = "N"
    pue: float = 1.0
    wue: float = 0.0

    def __post_init__(self) -> None:
        self.joules: float | None = None
        self.low: float | None = None
        self.high: float | None = None
        self.measured_share: float | None = None
        self.coverage: float | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The 38 fields in the order of the CSV."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def toJSON(self) -> str:
        """The fields as JSON; what is not known is null."""
        import json

        return json.dumps({k: None if v != v else v for k, v in self.values.items()})


FIELDS = [f.name for f in dataclasses.fields(EmissionsData)]


def data_of(used: Usage, name: str, settings: dict[str, Any], whole: dict) -> EmissionsData:
    """The figures of a run or a task. whole is the report of the run, {} where there is none."""
    pue, wue = settings["pue"], settings["wue"]
    host, place = whole.get("host") or {}, whole.get("region") or {}
    d = EmissionsData(
        timestamp=time.strftime("%Y-%m-%dT%H:%M:%S"), project_name=name, experiment_id=settings["experiment_id"],
        run_id=getattr(used, "run_id", None) or "", os=f"{sys.platform}-{os.uname().release}",
        python_version=sys.version.split()[0], codecarbon_version=f"carbonctl-{__version__}",
        cpu_count=host.get("cpu_threads") or os.cpu_count(), cpu_model=host.get("cpu_model") or _cpu_model(),
        ram_total_size=(host.get("memory_bytes") or _memory()) / 2**30, tracking_mode=settings["tracking_mode"],
        pue=pue, wue=wue, cloud_provider=place.get("provider") or settings["cloud_provider"],
        cloud_region=place.get("cloud_region") or settings["cloud_region"],
    )  # fmt: skip
    d.on_cloud = "Y" if d.cloud_provider else "N"
    if not (settings["cloud_provider"] and settings["cloud_region"]):  # which is the place then
        code = settings["country_iso_code"]
        d.country_iso_code, d.region = code.upper() if code and len(code) < 4 else code, settings["region"]
    if used and not getattr(used, "region", settings["country_iso_code"]) or place.get("how") == "default":
        d.country_iso_code = d.region = None  # the world's mean, whatever was asked for
    else:
        zone = place.get("zone") or ""
        d.country_iso_code = d.country_iso_code or zone.split("-")[0] or None
        d.country_name = None if "-" in zone else place.get("name")
    gpus = host.get("gpus")
    if gpus is not None:
        d.gpu_count, d.gpu_model = len(gpus), ", ".join(map(str, gpus)) or None
    _amounts(d, used, pue, wue)
    return d


def _amounts(d: EmissionsData, used: Usage, pue: float, wue: float) -> None:
    d.joules, d.low, d.high = used.energy_joules, used.low, used.high
    d.measured_share, d.coverage = used.measured_share, used.coverage
    if used.duration_s is not None:
        d.duration = used.duration_s
    if not used:
        return
    kinds = {c.kind for c in used.components}
    for field, kind in (("cpu", "cpu"), ("gpu", "gpu"), ("ram", "memory")):
        joules = used.joules_of(kind)
        if joules is None and kind == "gpu" and kind not in kinds:
            joules = 0.0  # there is none
        if joules is not None:
            setattr(d, field + "_energy", joules / JOULES_PER_KWH * pue)
            if used.duration_s:
                setattr(d, field + "_power", joules / used.duration_s)
    d.energy_consumed = used.energy_kwh * pue
    d.water_consumed = used.energy_kwh * wue
    if used.emissions_kg is not None:
        d.emissions = used.emissions_kg
        d.emissions_rate = d.emissions / used.duration_s if used.duration_s else NAN


def _cpu_model() -> str | None:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
            return next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), None)
    except OSError:
        return None


def _memory() -> float:
    try:
        return os.sysconf("SC_PHYS_PAGES") * float(os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError):
        return NAN


def append(path: str, d: EmissionsData, update: bool = False) -> None:
    """Add a row to a CSV file, or with update put it in the place of those of its run.

    A file with other columns is left alone: the row goes to one beside it, with a warning.
    Writers of several processes wait for each other.
    """
    import csv
    import fcntl
    import io

    with open(path, "a+", newline="", encoding="utf-8", errors="surrogateescape") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        f.seek(0)
        first = f.readline()
        header = next(csv.reader([first]), []) if first.strip() else FIELDS
        if not set(FIELDS) <= set(header):
            other = path[: -len(".csv")] + ".carbonctl.csv" if path.endswith(".csv") else path + ".carbonctl"
            if other.count(".carbonctl") > 2:
                raise OSError(f"{path}: other columns")
            warn(f"{path} has other columns; rows go to {other}")
            return append(other, d, update)
        out = io.StringIO()
        w = csv.DictWriter(out, header, restval="", lineterminator="\n")
        row = {k: "" if v is None or v != v else v for k, v in d.values.items()}
        if update and first:
            kept = [r for r in csv.DictReader(f, header) if r.get("run_id") != d.run_id]
            w.writeheader()
            w.writerows({k: r.get(k) or "" for k in header} for r in kept)
            w.writerow(row)
            f.truncate(0)
        else:
            if not first:
                w.writeheader()
            else:
                f.seek(max(0, f.seek(0, 2) - 1))
                if f.read(1) != "\n":
                    out.write("\n")  # a torn row stays apart
            w.writerow(row)
        f.write(out.getvalue())

