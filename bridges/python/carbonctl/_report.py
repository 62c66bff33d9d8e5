"""Figures with their units. What is not known is None, never 0."""

from __future__ import annotations

JOULES_PER_KWH = 3_600_000.0


class Component:
    """What one counter or model contributes to a figure.

    kind is "cpu", "memory", "gpu" or "platform"; id is "package-0", "dram-0", or a GPU's UUID;
    index is a GPU's number in the driver's order, or None; basis is "measured" or "modelled".
    energy_joules, low and high are joules that are charged; high is None where nothing bounds
    it. One id can stand twice, once measured and once modelled.
    """

    __slots__ = ("kind", "id", "index", "name", "basis", "source", "energy_joules", "low", "high", "emissions_g")

    def __init__(self, raw: dict, charged: bool = False) -> None:
        self.kind: str = raw.get("kind", "")
        self.id: str = raw.get("id", "")
        self.index: int | None = raw.get("index")
        self.name: str = raw.get("name") or ""
        self.basis: str = raw.get("basis", "")
        self.source: str = raw.get("source") or ""
        self.energy_joules: float | None = raw.get("energy_joules")
        self.low: float | None = raw.get("low_joules")
        self.high: float | None = raw.get("high_joules")
        if charged and self.energy_joules != raw.get("charged_energy_joules"):
            # The processes' share is charged: the machine's figures are not ours.
            self.energy_joules = raw.get("charged_energy_joules")
            self.low, self.high = raw.get("process_low_joules"), raw.get("process_high_joules")
        self.emissions_g: float | None = raw.get("emissions_g")

    def __repr__(self) -> str:
        return f"<{self.kind} {self.id}: {joules(self.energy_joules)}, {self.basis}>"


class Interval:
    """An expected value between low and high, in one unit. high is None where nothing bounds it."""

    __slots__ = ("low", "expected", "high")

    def __init__(self, raw: dict | None) -> None:
        raw = raw or {}
        self.low: float | None = raw.get("low")
        self.expected: float | None = raw.get("expected")
        self.high: float | None = raw.get("high")

    def __repr__(self) -> str:
        return f"<{self.expected} from {self.low} to {self.high}>"


class Prediction:
    """What the whole run is expected to need, after some of its epochs: a 90 % interval each."""

    __slots__ = ("after_epochs", "of_epochs", "duration_s", "energy_joules", "emissions_g", "raw")

    def __init__(self, raw: dict) -> None:
        self.after_epochs: int = raw.get("after_epochs", 0)
        self.of_epochs: int = raw.get("of_epochs", 0)
        self.duration_s = Interval(raw.get("duration_s"))
        self.energy_joules = Interval(raw.get("energy_joules"))
        self.emissions_g = Interval(raw.get("emissions_g"))
        self.raw = raw

    def __repr__(self) -> str:
        e, g = self.energy_joules, self.emissions_g
        return (
            f"<after {self.after_epochs} of {self.of_epochs} epochs: {grams(g.expected)} CO2e "
            f"from {joules(e.expected)} ({joules(e.low)} to {joules(e.high)})>"
        )


class Usage:
    """Energy and emissions of a stretch of time: an epoch, a task, a window, a run.

    energy_joules is what the headline charges, within low and high (joules; high is None where
    nothing bounds it). emissions_g is grams of CO2 equivalent. duration_s is seconds. coverage
    (0 to 1) is the part of the time for which the components were read or modelled. Figures
    are None where they are not known; such a Usage is false.
    """

    __slots__ = ("name", "raw", "duration_s", "energy_joules", "low", "high", "emissions_g",
                 "emissions_low_g", "emissions_high_g", "coverage", "components")  # fmt: skip

    def __init__(self, raw: dict | None = None, name: str = "") -> None:
        raw = raw or {}
        get = raw.get
        self.raw: dict = raw
        self.name: str = name or get("name") or ""
        self.duration_s: float | None = get("duration_s")
        self.energy_joules: float | None = get("energy_joules")
        self.low: float | None = get("energy_low_joules")
        self.high: float | None = get("energy_high_joules")
        self.emissions_g: float | None = get("emissions_g")
        self.emissions_low_g: float | None = get("emissions_low_g")
        self.emissions_high_g: float | None = get("emissions_high_g")
        self.coverage: float | None = get("coverage")
        self.components: list[Component] = [
            Component(c, "charged_energy_joules" in c) for c in get("components") or ()
        ]

    def __bool__(self) -> bool:
        return self.energy_joules is not None

    @property
    def energy_kwh(self) -> float | None:
        """energy_joules in kilowatt-hours."""
        return None if self.energy_joules is None else self.energy_joules / JOULES_PER_KWH

    @property
    def emissions_kg(self) -> float | None:
        """emissions_g in kilograms."""
        return None if self.emissions_g is None else self.emissions_g / 1000

    @property
    def power_watts(self) -> float | None:
        """Mean power: energy_joules over duration_s."""
        return self.energy_joules / self.duration_s if self and self.duration_s else None

    @property
    def measured_share(self) -> float | None:
        """Part of energy_joules that comes from counters, 0 to 1."""
        if "measured_share" in self.raw:
            return self.raw["measured_share"]
        known = [c for c in self.components if c.energy_joules]
        total = sum(c.energy_joules for c in known)
        return sum(c.energy_joules for c in known if c.basis == "measured") / total if total else None

    def joules_of(self, kind: str) -> float | None:
        """Joules of all components of a kind ("cpu", "memory", "gpu"); None if there are none,
        or none was read."""
        known = [c.energy_joules for c in self.components if c.kind == kind and c.energy_joules is not None]
        return sum(known) if known else None

    @property
    def gpus(self) -> dict[int, float]:
        """Joules of each GPU by its number in the driver's order (as nvidia-smi shows it)."""
        all: dict[int, float] = {}
        for c in self.components:
            if c.kind == "gpu" and c.index is not None and c.energy_joules is not None:
                all[c.index] = all.get(c.index, 0.0) + c.energy_joules
        return all

    def __repr__(self) -> str:
        label = f"{self.name}: " if self.name else ""
        if not self:
            return f"<{label}energy not known>"
        high = "no upper bound" if self.high is None else f"to {joules(self.high)}"
        took = "" if self.duration_s is None else f" in {self.duration_s:.3g} s"
        return f"<{label}{grams(self.emissions_g)} CO2e from {joules(self.energy_joules)} ({joules(self.low)} {high}){took}>"

    def __str__(self) -> str:
        from ._show import text

        return text(self)

    def _repr_html_(self) -> str:
        """The result as a notebook shows it."""
        from ._show import html

        return html(self)

    def _repr_pretty_(self, p: object, cycle: bool) -> None:
        p.text(str(self))  # type: ignore[attr-defined]


class Report(Usage):
    """The result of a tracker. raw is the JSON that it is of: schema carbonctl.run/v1
    (docs/report.md) where the tracker was a run of its own, else what control.md has of a task.

    note says in words why figures are missing, or "".
    """

    __slots__ = ("run_id", "region", "project", "status", "epochs", "tasks", "counts",
                 "prediction", "warnings", "ledger", "note")  # fmt: skip

    def __init__(self, raw: dict | None = None, name: str = "", note: str = "") -> None:
        super().__init__(raw, name)
        raw = self.raw
        self.run_id: str | None = raw.get("run_id")
        self.region: str | None = _zone(raw.get("region"))
        self.project: str = raw.get("project") or ""
        self.status: str | None = raw.get("status")
        self.epochs: list[Usage] = [Usage(e, f"epoch {e.get('index')}") for e in raw.get("epochs") or ()]
        self.tasks: list[Usage] = [Usage(t) for t in raw.get("tasks") or ()]
        self.counts: dict[str, float] = {w["unit"]: w.get("count") for w in raw.get("work") or ()}
        self.prediction: Prediction | None = Prediction(raw["prediction"]) if raw.get("prediction") else None
        self.warnings: list[str] = [w.get("text", "") for w in raw.get("warnings") or ()]
        self.ledger: str | None = (raw.get("ledger") or {}).get("path")
        self.note = note


def _zone(region: dict | None) -> str | None:
    """The zone that was given or found; the world's mean is none."""
    return (region or {}).get("zone") or None if (region or {}).get("how") != "default" else None


def difference(now: dict, before: dict) -> dict:
    """What flowed between two cumulative answers, with bounds that hold whatever the parts were."""
    get = lambda key: (now.get(key), before.get(key))  # noqa: E731
    minus = lambda key: None if None in get(key) else max(0.0, now[key] - before[key])  # noqa: E731
    out = {key: minus(key) for key in ("duration_s", "energy_joules", "emissions_g")}
    low, high = (now.get("energy_low_joules"), before.get("energy_high_joules"))
    out["energy_low_joules"] = 0.0 if low is None or high is None else max(0.0, low - high)
    low, high = (before.get("energy_low_joules"), now.get("energy_high_joules"))
    out["energy_high_joules"] = None if high is None else high - (low or 0.0)
    return out


def _scaled(value: float | None, units: tuple) -> str:
    if value is None:
        return "unknown"
    for factor, unit in units:
        if abs(value) >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value / units[-1][0]:.3g} {units[-1][1]}"


def joules(value: float | None) -> str:
    """value in the fitting unit, to three digits."""
    return _scaled(value, ((1e6, "MJ"), (1e3, "kJ"), (1, "J"), (1e-3, "mJ")))


def grams(value: float | None) -> str:
    """value in the fitting unit, to three digits."""
    return _scaled(value, ((1e6, "t"), (1e3, "kg"), (1, "g"), (1e-3, "mg"), (1e-6, "µg"), (1e-9, "ng")))
