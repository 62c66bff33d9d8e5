"""The process beside ours that measures: carbonctl attach --control (docs/control.md)."""

from __future__ import annotations

import os
import time

PROTOCOL = "carbonctl.control/v1"
FULL = 0.2  # seconds

# The shell starts the helper and ends at once, so that init adopts it: our program's own
# os.wait() must not find it. Signals from the terminal are ignored there and by setsid.
_DETACH = '"$@" <&3 3<&- &'


class Refused(Exception):
    """The helper cannot measure. code is that of its first line, "" if there was none."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class Helper:
    """A running helper. Not safe for concurrent use, but an interrupted call leaves it usable."""

    def __init__(self, path: str, flags: list[str], environ: dict[str, str]) -> None:
        import socket

        self.pid = os.getpid()
        self.hello: dict = {}
        self.ended: dict | None = None  # the last line
        self.lost = False  # it has gone, or does not take what we send
        self._sent = 0
        self._late = False  # it has not answered in time once
        self._unsure = False  # a call was interrupted: _sent may be wrong
        self._wanted: dict[int, dict | None] = {}
        self._buffer = bytearray()
        self._nosignal = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
        self._dontwait = socket.MSG_DONTWAIT
        self._errors = _memory()
        self._files = [(self._errors, _identity(self._errors))]
        ours, theirs = socket.socketpair()
        try:
            # Away from 0 to 2, which may be closed.
            self._sock = socket.socket(fileno=_high(ours.fileno()))
            self._files = [(fd, _identity(fd)) for fd in (self._sock.fileno(), self._errors)]
            _start([path, "attach", "--control", "--ignore-interrupt", "--quiet", *flags, str(self.pid)],
                   environ, theirs.fileno(), self._errors)  # fmt: skip
        except BaseException:
            self.close()
            raise
        finally:
            ours.close()
            theirs.close()

    def begin(self, limit: float) -> None:
        """Wait for the first line. Refused says why there is none; one that is merely late is
        read later."""
        end = time.monotonic() + limit
        while not self.hello and not self.lost:
            left = end - time.monotonic()
            if left <= 0:
                self._late = True
                return
            self._read(left)
        if not self.hello:
            raise Refused(self.messages() or "it printed nothing")

    def send(self, op: str, *, late: bool = True, **keys: object) -> int:
        """Send a request. Returns its number, 0 if it could not be sent. late: nobody waits
        for its answer, so that the helper may read the counters after the program goes on; it
        is told the time, and its bounds hold what may have flowed since."""
        if self.lost or self.ended is not None:
            return 0
        if self._unsure:
            self._resync()
        import json

        request = {"op": op, **keys}
        if late:
            request.update(t=round(time.time(), 6), brief=True)
        line = json.dumps(request).encode() + b"\n"
        self._unsure = True
        self._sent += 1
        n = self._sent
        if not late:
            self._wanted[n] = None
        whole = self._write(line)
        self._unsure = False
        if not whole:
            self._read(0)  # its last line may be there
            self.lost = self.ended is None
            return 0
        self._read(0)
        return n

    def ask(self, op: str, limit: float, **keys: object) -> dict | None:
        """Send a request and wait for its answer. None: there is none in time. A helper that
        was late once is not waited for until it has answered."""
        n = self.send(op, late=False, **keys)
        if not n:
            return self.ended if op == "stop" else None
        return self._answer(n, op, 0.001 if self._late and op != "stop" else limit)

    def _answer(self, n: int, op: str, limit: float) -> dict | None:
        end = time.monotonic() + limit
        while self._wanted.get(n) is None and not self.lost and self.ended is None:
            left = end - time.monotonic()
            if left <= 0:
                self._late = True
                return self._wanted.pop(n, None)
            self._read(left)
        got = self._wanted.pop(n, None)
        if got is None and op == "stop":
            got = self.ended
        if got is not None and "error" in got:
            _complain(got)
        return got if got is None or got.get("op") in (op, "end") else None

    def _write(self, line: bytes) -> bool:
        """Send a line. A helper that is far behind is waited for, FULL seconds at most."""
        if not self._ours():
            return False
        end = 0.0
        while line:
            try:
                line = line[self._sock.send(line, self._nosignal) :]
            except (BlockingIOError, InterruptedError):
                import select

                end = end or time.monotonic() + FULL
                if time.monotonic() >= end:
                    return False
                self._read(0)
                poll = select.poll()
                poll.register(self._sock, select.POLLOUT)
                poll.poll(10)
            except OSError:  # gone
                return False
        return True

    def _ours(self) -> bool:
        """Whether our descriptors are still ours: a program may close all that it finds, and
        another file then has their numbers."""
        return all(_identity(fd) == known for fd, known in self._files)

    def _resync(self) -> None:
        """Learn the number of the last request, by one that is refused."""
        mark = "sync-" + os.urandom(8).hex()
        if not self._write(b'{"op":"' + mark.encode() + b'"}\n'):
            self.lost = True
            return
        end = time.monotonic() + 0.2
        self._mark, self._marked = mark, 0
        while not self._marked and not self.lost and time.monotonic() < end:
            self._read(end - time.monotonic())
        if self._marked:
            self._sent, self._unsure = self._marked, False
        else:
            self.lost = True

    _mark, _marked = "", 0

    def _read(self, limit: float) -> None:
        """Take the lines that are there, and wait for one as long as limit says (seconds)."""
        if limit > 0:
            import select

            poll = select.poll()
            poll.register(self._sock, select.POLLIN)
            poll.poll(max(1, int(limit * 1000)))
        while not self.lost:
            try:
                data = self._sock.recv(1 << 18, self._dontwait)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b""
            if not data:
                self.lost = self.ended is None
                return
            self._buffer += data
            if data[-1:] == b"\n" or b"\n" in data:
                self._lines()

    def _lines(self) -> None:
        *lines, rest = bytes(self._buffer).split(b"\n")
        self._buffer = bytearray(rest)
        for line in lines:
            self._late = False
            if line.startswith(b'{"n":') and not self._unsure:
                n = int(line[5 : line.index(b",")])
                if n not in self._wanted and b'"op":"end"' not in line[:40] and b'"code"' not in line[:80]:
                    continue  # nobody needs it
            self._line(line)

    def _line(self, line: bytes) -> None:
        import json

        try:
            got = json.loads(line)
        except ValueError:
            got = None
        if not isinstance(got, dict):
            if not self.hello:
                raise Refused("its first line is not one of attach --control", "protocol")
            return
        op, n = got.get("op"), got.get("n")
        if op == "hello":
            if "error" in got:
                raise Refused(got["error"], got.get("code", ""))
            if got.get("protocol") != PROTOCOL:
                raise Refused(f"it speaks {got.get('protocol')}, and not {PROTOCOL}", "protocol")
            self.hello = got
        elif op == "end":
            self.ended = got
        elif op == self._mark:
            self._marked = n
        elif n in self._wanted:
            self._wanted[n] = got
        elif "error" in got:
            _complain(got)

    def messages(self) -> str:
        """What the helper has said on standard error: its first line."""
        if not self._ours():
            return ""
        try:
            text = os.pread(self._errors, 1 << 16, 0).decode(errors="replace").strip()
        except OSError:
            return ""
        return text.splitlines()[0].removeprefix("carbonctl: ") if text else ""

    def close(self) -> None:
        """Let go of the helper: it ends by itself if it has not yet."""
        self.lost = True
        try:
            self._sock.detach()
        except AttributeError:  # it was never made
            pass
        for fd, known in self._files:
            if _identity(fd) == known:
                os.close(fd)
        self._files = []


def _complain(got: dict) -> None:
    from ._log import warn

    warn(str(got["error"]))


def _identity(fd: int) -> tuple[int, int] | None:
    try:
        state = os.fstat(fd)
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _high(fd: int) -> int:
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)


def _memory() -> int:
    """Gives a descriptor for messages, which nobody need read meanwhile."""
    try:
        fd = os.memfd_create("carbonctl")
    except (OSError, AttributeError):
        fd = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    high = _high(fd)
    os.close(fd)
    return high


def _start(argv: list[str], environ: dict[str, str], sock: int, errors: int) -> None:
    """Start argv in a session of its own, as a child of nobody's."""
    import signal

    sock = _high(sock)
    try:
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, sock, 3),
            (os.POSIX_SPAWN_DUP2, sock, 1),
            (os.POSIX_SPAWN_DUP2, errors, 2),
        ]
        try:
            shell = os.posix_spawn("/bin/sh", ["sh", "-c", _DETACH, "sh", *argv], environ,
                                   file_actions=files, setsid=True, setsigmask=[],
                                   setsigdef=[signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP])  # fmt: skip
        except (OSError, NotImplementedError):  # no shell
            shell = _fork(argv, environ, sock, errors)
        try:
            os.waitpid(shell, 0)
        except ChildProcessError:  # the program waits for its children elsewhere
            pass
    finally:
        os.close(sock)


def _fork(argv: list[str], environ: dict[str, str], sock: int, errors: int) -> int:
    import signal

    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        if os.fork() == 0:
            for s in (signal.SIGINT, signal.SIGQUIT):
                signal.signal(s, signal.SIG_IGN)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            for source, target in ((sock, 0), (sock, 1), (errors, 2)):
                os.dup2(source, target)
            os.execve(argv[0], argv, environ)
    finally:
        os._exit(0)
