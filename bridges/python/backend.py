"""Builds the package by the standard library alone (PEP 517, PEP 660).

The same sources give the same bytes: files are sorted, and their time is SOURCE_DATE_EPOCH or
1980. wheel() also packs the command into carbonctl/bin, for wheels of one platform (wheels.py).
"""

import base64
import gzip
import hashlib
import io
import os
import re
import tarfile
import time
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = "carbonctl"
ANY = "py3-none-any"


def _version():
    with open(os.path.join(HERE, NAME, "__init__.py"), encoding="utf-8") as f:
        return re.search(r'^__version__ = "([^"]+)"', f.read(), re.M).group(1)


def _when():
    """The time of all files: a ZIP knows none before 1980."""
    return max(int(os.environ.get("SOURCE_DATE_EPOCH", "315532800")), 315532800)


def _sources():
    """Files of the package, as (name in the package, path), sorted."""
    found = []
    for folder, folders, files in os.walk(os.path.join(HERE, NAME)):
        folders[:] = [d for d in folders if d not in ("__pycache__", "bin")]
        for file in files:
            if file.endswith((".py", ".typed")):
                path = os.path.join(folder, file)
                found.append((os.path.relpath(path, HERE).replace(os.sep, "/"), path))
    return sorted(found)


def _metadata(note=""):
    with open(os.path.join(HERE, "README.md"), encoding="utf-8") as f:
        readme = f.read()
    return (
        f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {_version()}\n"
        "Summary: Energy use and carbon emissions of Python programs\n"
        "License: Apache-2.0\nRequires-Python: >=3.9\n"
        "Classifier: Programming Language :: Python :: 3\nClassifier: Typing :: Typed\n"
        "Description-Content-Type: text/markdown\n\n" + (note and note + "\n\n") + readme
    )


def _read(path):
    with open(path, "rb") as f:
        return f.read()


def wheel(directory, files, tag=ANY, note=""):
    """Write a wheel of files, (name, content, executable) each. Returns its name. One that holds
    the command installs it on PATH too; note is the first paragraph of its description."""
    info = f"{NAME}-{_version()}.dist-info"
    pure = "true" if tag == ANY else "false"
    files = sorted(files) + [
        (f"{info}/METADATA", _metadata(note).encode(), False),
        (f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: {NAME}\nRoot-Is-Purelib: {pure}\nTag: {tag}\n".encode(), False),
    ]
    if any(name == f"{NAME}/bin/{NAME}" for name, _, _ in files):
        scripts = f"[console_scripts]\n{NAME} = {NAME}.__main__:main\n"
        files.append((f"{info}/entry_points.txt", scripts.encode(), False))
    record = ""
    name = f"{NAME}-{_version()}-{tag}.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w", zipfile.ZIP_DEFLATED) as z:
        for path, content, executable in files:
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(content)}\n"
            _add(z, path, content, executable)
        _add(z, f"{info}/RECORD", (record + f"{info}/RECORD,,\n").encode(), False)
    return name


def _add(z, path, content, executable):
    entry = zipfile.ZipInfo(path, time.gmtime(_when())[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    z.writestr(entry, content)


def sources(binary=None):
    """Files of a wheel, with the command if its path is given."""
    files = [(name, _read(path), False) for name, path in _sources()]
    if binary:
        files.append((f"{NAME}/bin/{NAME}", _read(binary), True))
    return files


# What pip calls.


def get_requires_for_build_wheel(config_settings=None):
    return []


get_requires_for_build_sdist = get_requires_for_build_editable = get_requires_for_build_wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return wheel(wheel_directory, sources())


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return wheel(wheel_directory, [(f"{NAME}.pth", (HERE + "\n").encode(), False)])


def build_sdist(sdist_directory, config_settings=None):
    base = f"{NAME}-{_version()}"
    files = _sources() + [(n, os.path.join(HERE, n)) for n in ("README.md", "backend.py", "pyproject.toml")]
    content = [(name, _read(path)) for name, path in files] + [("PKG-INFO", _metadata().encode())]
    out = os.path.join(sdist_directory, base + ".tar.gz")
    with open(out, "wb") as f, gzip.GzipFile("", "wb", fileobj=f, mtime=_when()) as z:
        with tarfile.open(fileobj=z, mode="w", format=tarfile.PAX_FORMAT) as t:
            for name, data in sorted(content):
                entry = tarfile.TarInfo(f"{base}/{name}")
                entry.size, entry.mtime, entry.mode = len(data), _when(), 0o644
                t.addfile(entry, io.BytesIO(data))
    return base + ".tar.gz"
