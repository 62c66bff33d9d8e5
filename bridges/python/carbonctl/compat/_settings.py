"""Settings of CodeCarbon, from its files, variables and arguments, in carbonctl's terms."""

from __future__ import annotations

import os

from .._log import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# In the order of their positions in a call, as far as anybody gives them by position.
POSITIONS = ("project_name", "measure_power_secs", "api_call_interval", "api_endpoint", "api_key", "output_dir",
             "output_file", "save_to_file")  # fmt: skip

DEFAULTS: dict = {
    "project_name": "codecarbon", "measure_power_secs": None, "output_dir": ".", "output_file": "emissions.csv",
    "save_to_file": True, "country_iso_code": None, "country_2letter_iso_code": None, "region": None,
    "cloud_provider": None, "cloud_region": None, "tracking_mode": None, "gpu_ids": None, "log_level": "info",
    "pue": 1.0, "wue": 0.0, "experiment_id": "", "on_csv_write": "append",
    "force_carbon_intensity_g_co2e_kwh": None,
}  # fmt: skip

# Accepted without a word: they change nothing that we do.
SILENT = {"allow_multiple_runs", "logging_logger", "logger_preamble", "save_to_logger", "experiment_name", "offline"}

_US = """alabama AL alaska AK arizona AZ arkansas AR california CA colorado CO connecticut CT delaware DE
district-of-columbia DC florida FL georgia GA hawaii HI idaho ID illinois IL indiana IN iowa IA kansas KS
kentucky KY louisiana LA maine ME maryland MD massachusetts MA michigan MI minnesota MN mississippi MS
missouri MO montana MT nebraska NE nevada NV new-hampshire NH new-jersey NJ new-mexico NM new-york NY
north-carolina NC north-dakota ND ohio OH oklahoma OK oregon OR pennsylvania PA rhode-island RI
south-carolina SC south-dakota SD tennessee TN texas TX utah UT vermont VT virginia VA washington WA
west-virginia WV wisconsin WI wyoming WY""".split()
_CA = """alberta AB british-columbia BC manitoba MB new-brunswick NB newfoundland-and-labrador NL nova-scotia NS
ontario ON prince-edward-island PE quebec QC saskatchewan SK northwest-territories NT nunavut NU yukon YT""".split()
_PARTS = {"US": dict(zip(_US[::2], _US[1::2])), "CA": dict(zip(_CA[::2], _CA[1::2]))}  # names by ISO 3166-2


def read(args: tuple, given: dict[str, Any]) -> dict[str, Any]:
    """Settings from files, variables and arguments, the latter first in rank."""
    settings = dict(DEFAULTS)
    told: list[str] = []
    ignored: list[str] = []
    here, home = ".codecarbon.config", os.path.expanduser("~/.codecarbon.config")
    for path in (here,) if os.path.isfile(home) and os.path.isfile(here) and os.path.samefile(home, here) else (home, here):
        found = _file(path)
        if any([_take(settings, ignored, key, value, key) for key, value in found.items()]):
            told.append(path)
    for name, value in os.environ.items():
        if name.upper().startswith("CODECARBON_") and _take(settings, ignored, name[11:].lower(), value, name):
            told.append(name)
    for key, value in {**dict(zip(POSITIONS, args)), **given}.items():
        _take(settings, ignored, key, value, key)
    _types(settings)
    if told:
        note(settings, f"settings read from {', '.join(told)}; carbonctl has its own: CARBONCTL_REGION, CARBONCTL_PROJECT, … "
             "(docs/settings.md)", "config")  # fmt: skip
    if ignored:
        names = ", ".join(sorted(set(ignored)))
        note(settings, f"without effect here: {names}", "ignored:" + names)
    if settings["cloud_provider"] and not settings["cloud_region"]:
        note(settings, f"cloud_provider {settings['cloud_provider']!r} without cloud_region: not used to find the place")
    return settings


def _take(settings: dict[str, Any], ignored: list[str], key: str, value: Any, name: str) -> bool:
    """Take a setting, or name it among those without effect. Tells whether it was taken."""
    if key in DEFAULTS:
        if value is not None and (name == key or value != ""):  # a variable that is empty is none
            settings[key] = value
            return True
    elif key not in SILENT and value is not None and value is not False and not (
        isinstance(value, str) and value.lower() in ("false", "")
    ):
        ignored.append(name)
    return False


def note(settings: dict[str, Any], text: str, key: str | None = None) -> None:
    """Tell something that is no failure, unless the log level asks for silence."""
    if str(settings["log_level"]).lower() not in ("error", "critical"):
        warn(text, key)


def _file(path: str) -> dict[str, str]:
    if not os.path.isfile(path):
        return {}
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8-sig")
        section = dict(parser["codecarbon"]) if parser.has_section("codecarbon") else {}
    except (configparser.Error, OSError, UnicodeDecodeError) as e:
        warn(f"{path}: {str(e).splitlines()[0].rstrip('.')}; ignored")
        return {}
    return section


def _types(s: dict[str, Any]) -> None:
    for key, least in (("measure_power_secs", 0), ("pue", 1), ("wue", 0), ("force_carbon_intensity_g_co2e_kwh", 0)):
        if s[key] is not None:
            try:
                number = float(s[key])
            except (TypeError, ValueError):
                warn(f"{key}={s[key]!r}: not a number; ignored")
                number = DEFAULTS[key]
            if number is not None and not least <= number < float("inf"):
                warn(f"{key}={s[key]!r}: must be a number of at least {least}; ignored")
                number = DEFAULTS[key]
            s[key] = number
    s["save_to_file"] = str(s["save_to_file"]).strip().lower() in ("true", "1", "yes")
    for key in ("project_name", "output_dir", "output_file", "experiment_id"):
        s[key] = str(s[key])
    s["output_dir"] = os.path.expanduser(s["output_dir"])
    ids = s["gpu_ids"]
    if isinstance(ids, str):
        s["gpu_ids"] = None if ids.lower() in ("", "all") else [i.strip() for i in ids.strip("[]() ").split(",") if i.strip()]


def _word(value: Any) -> str | None:
    """A setting that somebody may have written as a tuple, by a comma too many."""
    if isinstance(value, (tuple, list)):
        value = value[0] if value else None
    return str(value).strip(" \t\r\n\"'") or None if value is not None else None


def zone(s: dict[str, Any]) -> str | None:
    """The region as carbonctl names it: "FR", "US-CA", "aws:eu-west-1"; None for none."""
    provider, place = _word(s["cloud_provider"]), _word(s["cloud_region"])
    if provider and place:
        return f"{provider.lower()}:{place}"
    long, short = _word(s["country_iso_code"]), _word(s["country_2letter_iso_code"])
    country = long or short
    region = _word(s["region"])
    if not country:
        return region
    if not region:
        return country
    two = {"USA": "US", "CAN": "CA"}.get(country.upper(), country.upper())
    name = region.lower().replace(" ", "-").replace("_", "-")
    if two in _PARTS:
        code = _PARTS[two].get(name) or (region.upper() if region.upper() in _PARTS[two].values() else None)
        if code:
            return f"{two}-{code}"
        if name.upper().startswith(two + "-"):
            return name.upper()
    note(s, f"region {region!r} of {country}: no figures of its own here; those of {country} are used")
    return country


def environ(s: dict[str, Any]) -> dict[str, str]:
    """Variables that show the helper the GPUs of gpu_ids alone."""
    ids = s["gpu_ids"]
    if ids is None:
        return {}
    if isinstance(ids, (str, int)):
        ids = [ids]
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, ids)), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
