"""Builds wheels that hold the command: python3 wheels.py [--out DIR] [TARGET…]

A target is manylinux-x86_64, manylinux-aarch64 (the cgo build, which reads NVIDIA's GPUs by NVML)
or musllinux-x86_64, musllinux-aarch64 (the static build, without NVML: GPUs by nvidia-smi). It needs
Go, and for manylinux a C compiler of that processor. A manylinux wheel is tagged by the newest
glibc that its command asks for. The same sources, Go and compiler give the same bytes.
"""

import argparse
import os
import struct
import subprocess
import sys
import tempfile

import backend

ROOT = os.path.dirname(os.path.dirname(backend.HERE))
# Target: GOARCH, C compiler ("" for the static build).
TARGETS = {
    "manylinux-x86_64": ("amd64", "x86_64-linux-gnu-gcc"),
    "manylinux-aarch64": ("arm64", "aarch64-linux-gnu-gcc"),
    "musllinux-x86_64": ("amd64", ""),
    "musllinux-aarch64": ("arm64", ""),
}
MACHINES = {62: "x86_64", 183: "aarch64"}  # e_machine, in elf.h
# Libraries that every manylinux system has (PEP 599 and 600), as far as C needs them.
EVERYWHERE = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2",
              "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}  # fmt: skip
NOTE = {
    "manylinux": "This wheel holds the command, built with NVML: it reads NVIDIA's GPUs by the driver's library.",
    "musllinux": "This wheel holds the command as a static build, **without NVML**: it reads NVIDIA's GPUs by "
                 "`nvidia-smi`, several times a second at most, and the bounds of their energy are wider.",
}  # fmt: skip


class Program:
    """What an ELF file asks of its system: machine, whether it is static, libraries, versions of
    their symbols. ValueError where it is none of 64 bits, little-endian."""

    def __init__(self, data):
        try:
            self._read(data)
        except (struct.error, OverflowError) as e:
            raise ValueError(f"not a whole ELF file: {e}") from None

    def _read(self, data):
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("not an ELF file of 64 bits, little-endian")
        number = struct.unpack_from("<H", data, 18)[0]
        if number not in MACHINES:
            raise ValueError(f"machine {number}: neither x86_64 nor aarch64")
        self.machine = MACHINES[number]
        at, = struct.unpack_from("<Q", data, 32)  # fmt: skip
        size, count = struct.unpack_from("<HH", data, 54)
        self.interpreter, self.libraries, self.versions = "", [], set()
        loads, dynamic = [], b""
        for i in range(count):
            kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, at + i * size)
            if kind == 1:  # PT_LOAD
                loads.append((address, length, offset))
            elif kind == 2:  # PT_DYNAMIC
                dynamic = data[offset : offset + length]
            elif kind == 3:  # PT_INTERP
                self.interpreter = data[offset : offset + length].rstrip(b"\0").decode("ascii", "replace")
        entries = [struct.unpack_from("<QQ", dynamic, i) for i in range(0, len(dynamic) - 15, 16)]
        first = dict(reversed(entries))
        if not {5, 0x6FFFFFFE} & set(first):  # DT_STRTAB, DT_VERNEED
            return

        def offset_of(address):
            for start, length, offset in loads:
                if start <= address < start + length:
                    return offset + address - start
            raise ValueError(f"address {address:#x} is in no segment")

        names = offset_of(first[5]) if 5 in first else 0

        def name(index):
            start = names + index
            end = data.index(b"\0", start)
            return data[start:end].decode("ascii", "replace")

        self.libraries = [name(value) for tag, value in entries if tag == 1]  # DT_NEEDED
        at = offset_of(first[0x6FFFFFFE]) if 0x6FFFFFFE in first else None
        for _ in range(min(first.get(0x6FFFFFFF, 0), 1000) if at is not None else 0):
            _, count, _, aux, following = struct.unpack_from("<HHIII", data, at)
            there = at + aux
            for _ in range(count):
                _, _, _, index, step = struct.unpack_from("<IHHII", data, there)
                self.versions.add(name(index))
                there += step
                if not step:
                    break
            at += following
            if not following:
                break

    def tag(self):
        """The platform of a wheel that holds it. ValueError where no such wheel may."""
        if not self.interpreter and not self.libraries:
            return f"musllinux_1_1_{self.machine}"
        strange = sorted(set(self.libraries) - EVERYWHERE)
        if strange:
            raise ValueError(f"needs {', '.join(strange)}, which not every system has")
        newest = (2, 17)  # of both processors, the oldest that a tag may have
        for version in self.versions:
            kind, _, number = version.partition("_")
            try:
                newest = max(newest, tuple(map(int, number.split(".")))[:2])
            except ValueError:
                raise ValueError(f"needs {version}, which no tag can promise") from None
            if kind != "GLIBC":
                raise ValueError(f"needs {version}, which no tag can promise")
        return f"manylinux_{newest[0]}_{newest[1]}_{self.machine}"


def build(target, out, go="go", root=ROOT):
    """Build the command of a target and write its wheel to the folder out. Returns its path."""
    arch, compiler = TARGETS[target]
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("CGO_", "GOFLAGS", "GOAMD64", "GOARM64"))}
    environ.update(GOOS="linux", GOARCH=arch, CGO_ENABLED="1" if compiler else "0", GOFLAGS="-mod=readonly",
                   GOAMD64="v1", GOARM64="v8.0", CGO_CFLAGS="-O2 -g -Wno-deprecated-declarations")  # fmt: skip
    if compiler:
        environ["CC"] = compiler
    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, "carbonctl")
        subprocess.run([go, "build", "-trimpath", "-ldflags=-s -w -buildid=", "-o", binary, "./cmd/carbonctl"],
                       cwd=root, env=environ, check=True)  # fmt: skip
        with open(binary, "rb") as f:
            platform = Program(f.read()).tag()
        if platform.split("_")[0] != target.split("-")[0]:
            raise ValueError(f"{target}: the command that was built is {platform}")
        os.makedirs(out, exist_ok=True)
        name = backend.wheel(out, backend.sources(binary), f"py3-none-{platform}", NOTE[target.split("-")[0]])
    return os.path.join(out, name)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--out", default="dist", metavar="DIR", help="where the wheels go (dist)")
    p.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS) + "; all by default")
    options = p.parse_args()
    for target in options.targets:
        if target not in TARGETS:
            p.error(f"unknown target {target!r}: use {', '.join(TARGETS)}")
    for target in options.targets or TARGETS:
        try:
            print(build(target, options.out))
        except (OSError, ValueError, subprocess.CalledProcessError) as e:
            sys.exit(f"wheels: {target}: {e}")


if __name__ == "__main__":
    main()
