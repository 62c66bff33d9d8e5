"""What a wheel's tag is made of: the version needs of an ELF file. Building: integration."""

import os
import random
import struct
import subprocess
import sys
import unittest
import zipfile

from .support import COMMAND, PACKAGE, Case

sys.path.insert(0, PACKAGE)
import backend  # noqa: E402
import wheels  # noqa: E402


def elf(needed=(), versions=(), interpreter="/lib64/ld-linux-x86-64.so.2", machine=62, base=0x400000):
    """An ELF file that asks for libraries and, of the first, for versions of its symbols."""
    strings, places = b"\0", {}
    for text in (*needed, *versions):
        places[text] = len(strings)
        strings += text.encode() + b"\0"
    need = b""
    if versions:
        need = struct.pack("<HHIII", 1, len(versions), places[needed[0]], 16, 0)
        for i, v in enumerate(versions):
            need += struct.pack("<IHHII", 0, 0, i + 2, places[v], 16 if i + 1 < len(versions) else 0)
    interp = interpreter.encode() + b"\0" if interpreter else b""
    count = 1 + bool(interpreter) + bool(needed)
    at = 64 + count * 56
    place = {"interp": at, "strings": at + len(interp)}
    place["need"] = place["strings"] + len(strings)
    place["dynamic"] = place["need"] + len(need)
    entries = [(1, places[n]) for n in needed] + [(5, base + place["strings"])]
    if versions:
        entries += [(0x6FFFFFFE, base + place["need"]), (0x6FFFFFFF, 1)]
    dynamic = b"".join(struct.pack("<QQ", *e) for e in [*entries, (0, 0)]) if needed else b""
    end = place["dynamic"] + len(dynamic)
    heads = [struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, end, end, 4096)]
    if interpreter:
        heads.append(struct.pack("<IIQQQQQQ", 3, 4, place["interp"], 0, 0, len(interp), len(interp), 1))
    if needed:
        heads.append(struct.pack("<IIQQQQQQ", 2, 6, place["dynamic"], 0, 0, len(dynamic), len(dynamic), 8))
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 64, 0, 0, 64, 56, len(heads), 0, 0, 0)
    return head + b"".join(heads) + interp + strings + need + dynamic


class Tags(unittest.TestCase):
    def test_tags(self):
        table = [
            (elf(["libc.so.6"], ["GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.4"]), "manylinux_2_34_x86_64"),
            (elf(["libc.so.6", "libdl.so.2"], ["GLIBC_2.17"], machine=183), "manylinux_2_17_aarch64"),
            (elf(["libc.so.6"], ["GLIBC_2.2.5"]), "manylinux_2_17_x86_64"),
            (elf(["libc.so.6"], ["GLIBC_2.9", "GLIBC_2.32"]), "manylinux_2_32_x86_64"),
            (elf(interpreter=""), "musllinux_1_1_x86_64"),
            (elf(interpreter="", machine=183), "musllinux_1_1_aarch64"),
        ]
        for data, want in table:
            self.assertEqual(wheels.Program(data).tag(), want)

    def test_refused(self):
        table = [
            (elf(["libc.so.6", "libgtk-3.so.0"], ["GLIBC_2.2.5"]), "libgtk-3.so.0, which not every system has"),
            (elf(["libc.musl-x86_64.so.1"]), "libc.musl"),
            (elf(["libc.so.6"], ["GLIBC_PRIVATE"]), "GLIBC_PRIVATE"),
            (elf(["libc.so.6"], ["GLIBCXX_3.4"]), "GLIBCXX_3.4"),
            (elf(machine=40), "machine 40"),
            (b"", "not an ELF file"), (b"MZ" * 40, "not an ELF file"), (elf()[:40], "not a whole ELF file"),
        ]  # fmt: skip
        for data, word in table:
            with self.assertRaises(ValueError) as e:
                wheels.Program(data).tag()
            self.assertIn(word, str(e.exception))

    def test_broken(self):
        """Cut or changed anywhere, a file is refused or read, and nothing else."""
        whole, r = elf(["libc.so.6", "libm.so.6"], ["GLIBC_2.2.5", "GLIBC_2.34"]), random.Random(1)
        cases = [whole[:n] for n in range(len(whole))]
        for _ in range(3000):
            data = bytearray(whole)
            for _ in range(r.randint(1, 4)):
                data[r.randrange(6, len(data))] = r.randrange(256)
            cases.append(bytes(data))
        read = 0
        for data in cases:
            try:
                read += wheels.Program(data).tag() != ""
            except ValueError:
                pass
        self.assertGreater(read, 100)

    def test_a_real_one(self):
        """This Python needs no older glibc than it is told to."""
        with open(os.path.realpath("/proc/self/exe"), "rb") as f:
            p = wheels.Program(f.read())
        self.assertIn("libc.so.6", p.libraries)
        self.assertTrue(p.interpreter.startswith("/lib"))
        self.assertTrue(any(v.startswith("GLIBC_2.") for v in p.versions))


class Wheel(Case):
    def make(self, name="a"):
        out = self.path(name)
        os.mkdir(out)
        return os.path.join(out, backend.wheel(out, backend.sources(COMMAND), "py3-none-linux_x86_64", wheels.NOTE["musllinux"]))

    def test_same_bytes(self):
        one, two = self.make("a"), self.make("b")
        with open(one, "rb") as f, open(two, "rb") as g:
            self.assertEqual(f.read(), g.read())

    def test_content(self):
        with zipfile.ZipFile(self.make()) as z:
            names = z.namelist()
            info = "carbonctl-1.0.0.dist-info/"
            self.assertEqual(len(names), len(set(names)))
            self.assertEqual(z.getinfo("carbonctl/bin/carbonctl").external_attr >> 16, 0o100755)
            self.assertIn("without NVML", z.read(info + "METADATA").decode())
            self.assertIn("Root-Is-Purelib: false\nTag: py3-none-linux_x86_64\n", z.read(info + "WHEEL").decode())
            self.assertIn("carbonctl = carbonctl.__main__:main", z.read(info + "entry_points.txt").decode())
            record = z.read(info + "RECORD").decode()
            self.assertEqual([line.split(",")[0] for line in record.splitlines()], names)
            for name in "carbonctl/callbacks.py", "carbonctl/py.typed", "carbonctl/compat/__init__.py":
                self.assertIn(name, names)

    def test_pure(self):
        """The wheel without the command installs no script of its name, which would hide it."""
        out = self.path("pure")
        os.mkdir(out)
        with zipfile.ZipFile(os.path.join(out, backend.build_wheel(out))) as z:
            self.assertEqual([n for n in z.namelist() if "entry_points" in n or "/bin/" in n], [])

    def test_unknown_target(self):
        got = subprocess.run([sys.executable, os.path.join(PACKAGE, "wheels.py"), "windows"], capture_output=True, text=True)
        self.assertEqual(got.returncode, 2)
        self.assertIn("unknown target 'windows': use manylinux-x86_64, ", got.stderr)

    def test_main(self):
        """`python -m carbonctl` is the command, with its exit code."""
        got = subprocess.run([sys.executable, "-m", "carbonctl", "wrap", "-q", "--", "sh", "-c", "exit 7"], env=self.env)
        self.assertEqual(got.returncode, 7)
        self.rows(1)
        got = subprocess.run([sys.executable, "-m", "carbonctl"], env={**self.env, "CARBONCTL": "/nowhere"}, capture_output=True, text=True)
        self.assertEqual((got.returncode, got.stderr), (1, "carbonctl: /nowhere: no such file, nothing is measured; set CARBONCTL to the path of the command\n"))
