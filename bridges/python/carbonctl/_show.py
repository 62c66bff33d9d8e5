"""A usage or report as text of some lines, and as HTML for notebooks."""

from __future__ import annotations

import math
from html import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._report import Usage

JOULES = ((1e6, "MJ"), (1e3, "kJ"), (1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"))
GRAMS = ((1e6, "t"), (1e3, "kg"), (1.0, "g"), (1e-3, "mg"), (1e-6, "µg"), (1e-9, "ng"))
NAMES = {"cpu": "CPU", "memory": "memory", "gpu": "GPU", "platform": "board"}
MOST = 20  # rows of a table


class Scale:
    """A unit and a last digit that fit a value and its bounds: three digits at most, none below
    a tenth of what the bounds span to each side, but always two."""

    def __init__(self, value: float, half: float, units: tuple) -> None:
        self.size, self.unit = next((u for u in units if abs(value) >= u[0]), units[-1])
        x, half = abs(value) / self.size, half / self.size
        first = math.floor(math.log10(x)) if x > 0 else 0
        place = math.floor(math.log10(half / 10)) if 0 < half < math.inf else -math.inf if half <= 0 else math.inf
        self.place = int(max(first - 2, min(first - 1, place)))

    def number(self, value: float) -> str:
        return f"{round(value / self.size, -self.place):,.{max(0, -self.place)}f}".replace(",", "")

    def text(self, value: float | None) -> str:
        return "unknown" if value is None else f"{self.number(value)} {self.unit}"


def seconds(value: float) -> str:
    """A duration: 3.68 s, 1m 22s, 2h 05m."""
    if value < 59.95:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}m {rest:02d}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02d}m"


def half(low: float | None, high: float | None) -> float:
    """Half of what bounds span, infinite where one is not known."""
    return math.inf if low is None or high is None else (high - low) / 2


def basis(u: Usage) -> str:
    """Where the energy comes from: measured, modelled, or both with the measured share."""
    share = u.measured_share
    if share is None:
        return ""
    return "measured" if share > 0.9995 else "modelled" if share < 0.0005 else f"{share * 100:.0f} % measured, the rest modelled"


def bounds(u: Usage, scale: Scale) -> str:
    """The bounds of the energy in words."""
    energy, low, high = u.energy_joules, u.low, u.high
    if low is None or energy is None:
        return ""
    if high is None:
        return f"energy at least {scale.text(low)}"
    off = max(energy - low, high - energy)
    if energy > 0 and off < energy / 100:
        return f"energy ± {max(off / energy * 100, 0.1):.1f} %"
    likely = "" if basis(u) == "measured" else "likely "
    return f"energy {likely}{scale.number(low)} to {scale.text(high)}"


def headline(u: Usage) -> str:
    """The result in one line: 660 µg CO2e from 57 J in 3.68 s, modelled, energy likely 27 to 130 J."""
    took = "" if u.duration_s is None else f" in {seconds(u.duration_s)}"
    if u.energy_joules is None:
        note = getattr(u, "note", "")
        return f"energy not known{took}" + (f": {note}" if note else "")
    energy = Scale(u.energy_joules, half(u.low, u.high), JOULES)
    parts = [f"{energy.text(u.energy_joules)}{took}", basis(u), bounds(u, energy)]
    line = ", ".join(p for p in parts if p)
    if u.emissions_g is None:
        return line
    return f"{Scale(u.emissions_g, half(u.emissions_low_g, u.emissions_high_g), GRAMS).text(u.emissions_g)} CO2e from {line}"


def parts(u: Usage) -> list[tuple[str, str, str, str]]:
    """A row of each component: kind, energy, share of the total, basis and name."""
    rows = []
    total = u.energy_joules
    for c in u.components[:MOST]:
        share = "" if not total or c.energy_joules is None else f"{c.energy_joules / total * 100:.0f} %"
        energy = "not read" if c.energy_joules is None else Scale(c.energy_joules, half(c.low, c.high), JOULES).text(c.energy_joules)
        what = ", ".join(x for x in (c.basis, c.name or c.id) if x)
        rows.append((NAMES.get(c.kind, c.kind), energy, share, what))
    if len(u.components) > MOST:
        rows.append(("…", "", "", f"{len(u.components) - MOST} more"))
    return rows


def facts(u: Usage) -> list[tuple[str, str]]:
    """What else a report has: grid, epochs, prediction, counts, warnings."""
    rows = []
    intensity = u.raw.get("intensity") or {}
    if intensity.get("g_per_kwh") is not None:
        where = (u.raw.get("region") or {}).get("name") or getattr(u, "region", "") or "world's mean"
        rows.append(("grid", f"{intensity['g_per_kwh']:.3g} g/kWh, {where} {intensity.get('year') or ''}".rstrip()))
    epochs = getattr(u, "epochs", None)
    if epochs:
        n = len(epochs) + (u.raw.get("epochs_omitted") or 0)
        known = [e.energy_joules for e in epochs if e.energy_joules is not None]
        mean = f", {Scale(sum(known) / len(known), 0, JOULES).text(sum(known) / len(known))} each" if known else ""
        rows.append(("epochs", f"{n}{mean}"))
    p = getattr(u, "prediction", None)
    if p and p.after_epochs < p.of_epochs and p.emissions_g.expected is not None:
        g = p.emissions_g
        scale = Scale(g.expected, half(g.low, g.high), GRAMS)
        rows.append(("predicted", f"{scale.text(g.expected)} for all {p.of_epochs} epochs"))
    for unit, n in (getattr(u, "counts", None) or {}).items():
        rows.append((unit, f"{n:,}".replace(",", " ")))
    for text in getattr(u, "warnings", None) or ():
        rows.append(("note", text))
    return rows


def text(u: Usage) -> str:
    """The result for people, in lines."""
    head = headline(u)
    if u.name and not hasattr(u, "epochs"):
        head = f"{u.name}: {head}"
    rows = parts(u)
    width = [max((len(r[i]) for r in rows), default=0) for i in range(3)]
    width[0] = max([width[0], *(len(k) for k, _ in facts(u))], default=0)
    lines = [head]
    for kind, energy, share, what in rows:
        lines.append(f"  {kind:<{width[0]}}  {energy:>{width[1]}}  {share:>{width[2]}}  {what}".rstrip())
    lines += [f"  {key:<{width[0]}}  {value}" for key, value in facts(u)]
    return "\n".join(lines)


def html(u: Usage) -> str:
    """The result as a table, with every text escaped, no script and nothing from elsewhere."""
    out = ['<div class="carbonctl" style="font-family:sans-serif;max-width:60em">']
    label = f"{escape(u.name)}: " if u.name and not hasattr(u, "epochs") else ""
    out.append(f"<p><strong>{label}{escape(headline(u))}</strong></p>")
    rows = parts(u)
    if rows:
        out.append("<table><thead><tr><th>component</th><th>energy</th><th>share</th><th>source</th></tr></thead><tbody>")
        for kind, energy, share, what in rows:
            out.append(
                f'<tr><td style="text-align:left">{escape(kind)}</td><td>{escape(energy)}</td>'
                f'<td>{escape(share)}</td><td style="text-align:left">{escape(what)}</td></tr>'
            )
        out.append("</tbody></table>")
    more = facts(u)
    if more:
        out.append("<ul>" + "".join(f"<li>{escape(key)}: {escape(value)}</li>" for key, value in more) + "</ul>")
    out.append("</div>")
    return "".join(out)
