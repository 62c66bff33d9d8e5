"""What may happen to the process: its outcome is unchanged, and the record is right."""

import os
import signal
import sys
import time

from .support import Case

START = "import carbonctl\nt = carbonctl.Tracker(region='FR', project='p').start()\n"


class Ends(Case):
    """However a program ends, it leaves one row and no helper."""

    def ended(self, status, joules=5):
        (row,) = self.rows(1)
        self.assertEqual(row["status"], status)
        self.assert_joules(float(row["energy_joules"]), joules)
        self.no_helpers()

    def test_exit(self):
        self.run_program(START + "burn(5)")
        self.ended("completed")

    def test_code(self):
        self.run_program(START + "burn(5); sys.exit(3)", code_wanted=3)
        self.ended("completed")

    def test_exception(self):
        _, err = self.run_program(START + "burn(5); raise ValueError('own')", code_wanted=1)
        self.assertTrue(err.endswith("ValueError: own\n"), err)
        self.assertEqual(err.count("Traceback"), 1)
        self.ended("failed")

    def test_exception_in_with(self):
        _, err = self.run_program("""
import carbonctl
with carbonctl.Tracker() as t:
    with t.task("x"):
        for e in t.epochs(range(3)):
            burn(5); raise ValueError("own")
""", code_wanted=1)  # fmt: skip
        self.assertEqual(err.count("Traceback"), 1)
        self.ended("failed")
        (report,) = self.reports()
        self.assertTrue(report["epochs"][0]["ended"])

    def test_exit_in_with(self):
        self.run_program("import carbonctl\nwith carbonctl.Tracker(): burn(5); sys.exit(0)")
        self.ended("completed")

    def test_os_exit(self):
        self.run_program(START + "burn(5); os._exit(7)", code_wanted=7)
        self.ended("completed")

    def test_kill(self):
        self.run_program(START + "burn(5); os.kill(os.getpid(), 9)", code_wanted=-9)
        self.ended("completed")

    def test_kill_with_helper(self):
        """Both killed, as with a container or a job: the next command makes the row."""
        with self.start(START + "burn(5); t.report; time.sleep(2.2); print('go', flush=True); time.sleep(9)") as p:
            p.stdout.readline()
            (helper,) = self.helpers()
            for pid in helper, p.pid:
                os.kill(pid, signal.SIGKILL)
            p.communicate()
        self.rows(0)
        self.run_program("import subprocess; subprocess.call([os.environ['CARBONCTL'], 'report'], stdout=-3, stderr=-3)")
        self.ended("recovered")

    def test_term(self):
        self.run_program(START + "burn(5); os.kill(os.getpid(), 15); time.sleep(9)", code_wanted=-15)
        self.ended("completed")

    def test_interrupt(self):
        """Ctrl-C goes to all processes of the terminal's group."""
        p = self.start(START + "burn(5); print('go', flush=True); time.sleep(50)", process_group=0) if (
            sys.version_info >= (3, 11)) else self.start(START + "burn(5); print('go', flush=True); time.sleep(50)", preexec_fn=os.setpgrp)  # fmt: skip
        with p:
            p.stdout.readline()
            for helper in self.helpers():
                self.assertNotEqual(os.getsid(helper), os.getsid(p.pid))
                self.assertNotEqual(os.getpgid(helper), p.pid)
                os.kill(helper, signal.SIGINT)  # what a shell's trap or a scheduler may send
            os.killpg(p.pid, signal.SIGINT)
            _, err = p.communicate()
        self.assertIn("KeyboardInterrupt", err)
        self.assertEqual(p.returncode, -2)
        self.ended("failed")

    def test_handler(self):
        """A handler that stops the tracker, in the middle of whatever goes on."""
        out, _ = self.run_program(START + """
import signal
def stop(*_):
    r = t.stop()
    print(r.energy_joules is not None, flush=True)
    os._exit(4)
signal.signal(signal.SIGALRM, stop)
signal.setitimer(signal.ITIMER_REAL, 0.05)
while True:
    with t.task("x"): pass
""", code_wanted=4)  # fmt: skip
        self.assertEqual(out, "True\n")
        self.rows(1)

    def test_interrupted_calls(self):
        """Signals whose handlers raise leave the exchange with the helper in order."""
        out, _ = self.run_program(START + """
import signal
class Alarm(Exception): pass
def ring(*_): raise Alarm
signal.signal(signal.SIGALRM, ring)
hits = n = 0
while hits < 30 and n < 100000:
    n += 1
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0003 + 0.00001 * (n % 50))
        with t.task("noise"): pass
        signal.setitimer(signal.ITIMER_REAL, 0)
    except Alarm: hits += 1
signal.setitimer(signal.ITIMER_REAL, 0)
with t.task("exact") as x: burn(5)
print(hits, x.name, x.raw["name"], x.energy_joules)
t.stop()
""")  # fmt: skip
        hits, name, raw, joules = out.split()
        self.assertEqual((hits, name, raw), ("30", "exact", "exact"))
        self.assert_joules(float(joules), 5)


class Beside(Case):
    """Other processes and threads of the program."""

    def test_wait(self):
        """The helper is no child of the program."""
        out, _ = self.run_program(START + """
try: print(os.wait())
except ChildProcessError: print("none")
try: print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError: print("none")
""")  # fmt: skip
        self.assertEqual(out, "none\nnone\n")

    def test_not_in_its_tree(self):
        with self.start(START + "print(os.getpid(), flush=True); sys.stdin.read()", stdin=-1) as p:
            p.stdout.readline()
            (helper,) = self.helpers()
            with open(f"/proc/{helper}/stat") as f:
                parent = int(f.read().split(")")[1].split()[1])
            self.assertNotEqual(parent, p.pid)
            p.communicate("")
        self.rows(1)

    def test_fork(self):
        out, _ = self.run_program("""
import carbonctl
t = carbonctl.Tracker("parent").start()
burn(5)
sys.stdout.flush()
child = os.fork()
if not child:
    with t.task("x"): pass
    t.epoch_start(); t.epoch_end(); t.count("sample", 1)
    for e in t.epochs(range(2)): pass
    r = t.stop()
    print(r.energy_joules, r.note, t.report.energy_joules, flush=True)
    with carbonctl.Tracker("child", project="child") as own: burn(3)
    print(own.report.energy_joules > 0.02, flush=True)
    sys.exit(0)
os.waitpid(child, 0)
burn(2)
r = t.stop()
print(r.energy_joules, len(r.tasks), len(r.epochs))
""")
        lines = out.splitlines()
        self.assertEqual(lines[:2], ["None tracked by the process that made the tracker None", "True"])
        joules, tasks, epochs = lines[2].split()
        self.assert_joules(float(joules), 10)
        self.assertEqual((tasks, epochs), ("1", "0"))
        rows = self.rows(2)
        self.assertEqual(sorted(r["project"] for r in rows), ["", "child"])
        self.no_helpers()

    def test_goes_to_the_background(self):
        """The tracker of a parent that has ended says why it has no figures, once."""
        out, err = self.run_program(START + """
wait, done = os.pipe()
if os.fork():
    os._exit(0)
os.setsid()
while os.getppid() == t._pid: time.sleep(0.001)
for _ in range(2):
    r = t.stop()
print(r.energy_joules, r.note, flush=True)
""")
        self.assertEqual(out, "None tracked by the process that made the tracker\n")
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn("the process that made this tracker has ended", err)

    def test_copies(self):
        """A model that holds a tracker is copied, and written to a file, while that runs."""
        out, err = self.run_program("import carbonctl, copy, pickle\n" + """
from carbonctl.compat.codecarbon import EmissionsTracker
with carbonctl.Tracker(region="FR", project="model") as t:
    code = EmissionsTracker(save_to_file=False); code.start()
    task = t.task("open").start()
    for kept in (t, task, code, t.epochs, task.stop):
        for other in (copy.deepcopy(kept), copy.copy(kept) if kept is not t.epochs else kept, pickle.loads(pickle.dumps(kept))):
            pass
    other = copy.deepcopy(t)
    assert not other.running and t.running and copy.deepcopy(task).energy_joules is None
    other.stop()
    with other: burn(5)
    task.stop()
    copied = pickle.loads(pickle.dumps(code))
    assert copied.stop() != copied.stop() and copied.final_emissions is None
    code.stop()
for kept in (t, task, code):
    pickle.loads(pickle.dumps(kept))
assert pickle.loads(pickle.dumps(t)).report.energy_joules == t.report.energy_joules
assert pickle.loads(pickle.dumps(code)).final_emissions == code.final_emissions
print(other.report.energy_joules, other.report.region, t.report.energy_joules)
""")
        mine, region, whole = out.split()
        self.assert_joules(float(mine), 5)
        self.assert_joules(float(whole), 5)
        self.assertEqual(region, "FR")
        self.assertEqual(err, "carbonctl: stop: this tracker has not started; its emissions are not known\n")
        self.rows(1)

    def test_helper_that_ends_first(self):
        """Somebody ends the helper by TERM: what it measured until then is the result."""
        out, err = self.run_program(START + """
import select, signal
burn(5)
(helper,) = [int(p) for p in os.listdir("/proc") if p.isdigit() and p != str(os.getpid())
             and f"--control\\0".encode() in open(f"/proc/{p}/cmdline", "rb").read()
             and open(f"/proc/{p}/cmdline", "rb").read().endswith(f"\\0{os.getpid()}\\0".encode())]
os.kill(helper, signal.SIGTERM)
poll = select.poll(); poll.register(t._session.link._sock, select.POLLHUP | select.POLLRDHUP); poll.poll(20000)
with t.task("late"): pass
r = t.stop()
print(r.energy_joules, r.status)
""")
        joules, status = out.split()
        self.assert_joules(float(joules), 5)
        self.assertEqual((status, err), ("interrupted", ""))

    def test_few_descriptors(self):
        """A program that may open few files: measured all the same."""
        out, err = self.run_program("""
import resource, carbonctl
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
with carbonctl.Tracker(ledger="none") as t: burn(5)
print(t.report.energy_joules)
""")
        self.assert_joules(float(out), 5)
        self.assertEqual(err, "")

    def test_multiprocessing(self):
        """Workers that use the parent's tracker, by fork and by spawn, do nothing and hang nowhere."""
        out, _ = self.run_program("""
import multiprocessing as mp, carbonctl, threading
def work(i):
    with t.task("w"): t.count("sample", 1)
    return i
t = carbonctl.Tracker()
if __name__ == "__main__":
    t.start()
    stop = threading.Event()
    def busy():
        while not stop.is_set():
            with t.task("busy"): pass
    th = threading.Thread(target=busy); th.start()
    for kind in "fork", "spawn":
        with mp.get_context(kind).Pool(2) as p: print(sum(p.map(work, range(50))))
    stop.set(); th.join()
    print(sorted({x.name for x in t.stop().tasks}))
""")
        self.assertEqual(out, "1225\n1225\n['busy', 'tracker']\n")
        self.rows(1)

    def test_threads(self):
        out, _ = self.run_program(START + """
import threading
def work(i):
    for k in range(20):
        with t.task(f"t{i}") as x: pass
        assert x.raw["name"] == f"t{i}", x.raw
        t.count("sample", 1)
all = [threading.Thread(target=work, args=(i,)) for i in range(8)]
for x in all: x.start()
for x in all: x.join()
r = t.stop()
print(len(r.tasks), r.counts)
""")  # fmt: skip
        self.assertEqual(out, "161 {'sample': 160}\n")

    def test_thread_that_outlives_main(self):
        self.run_program(START + """
import threading
threading.Thread(target=lambda: (time.sleep(.1), burn(5), t.stop())).start()
""")  # fmt: skip
        self.rows(1)

    def test_signals_of_the_program(self):
        """SIGPIPE that kills, SIGCHLD that is ignored, signals that are blocked."""
        out, _ = self.run_program("""
import signal
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])
import carbonctl
t = carbonctl.Tracker().start()
burn(5)
print(t.report.energy_joules > 0, flush=True)
import glob
for path in glob.glob("/proc/[0-9]*/cmdline"):
    try: line = open(path).read()
    except OSError: continue
    if os.environ["HOME"] in line and "--control" in line: os.kill(int(path.split("/")[2]), 9)
time.sleep(.1)
for e in t.epochs(range(3)): pass
print(t.stop().energy_joules)
""")
        self.assertEqual(out, "True\nNone\n")

    def test_closed_descriptors(self):
        """A program that closes all that it finds, and opens files under the same numbers, finds
        nothing of ours in them."""
        out, err = self.run_program(START + """
before = set(os.listdir("/proc/self/fd"))
os.closerange(3, 1000)
mine = [os.open("mine", os.O_CREAT | os.O_RDWR) for _ in range(30)]
import socket
pairs = [socket.socketpair() for _ in range(10)]
with t.task("x"): pass
print(t.stop().energy_joules, os.path.getsize("mine"))
for fd in mine: os.fstat(fd)
for a, b in pairs:
    a.send(b"x"); assert b.recv(9) == b"x"
""")  # fmt: skip
        self.assertEqual(out, "None 0\n")
        self.assertEqual(err.count("\n"), 1, err)
        self.rows(1)
        self.no_helpers()

    def test_exec(self):
        """Another program in place of this one ends the run."""
        self.run_program(START + "burn(5); os.execv('/bin/sleep', ['sleep', '0.05'])")
        (row,) = self.rows(1)
        self.assert_joules(float(row["energy_joules"]), 5)
        self.no_helpers()

    def test_overhead_of_a_helper_that_stops(self):
        """A helper that is held up holds up nothing for long."""
        out, err = self.run_program("""
import carbonctl, signal, glob
t = carbonctl.Tracker().start()
for path in glob.glob("/proc/[0-9]*/cmdline"):
    try: line = open(path).read()
    except OSError: continue
    if os.environ["HOME"] in line and "--control" in line: helper = int(path.split("/")[2])
os.kill(helper, signal.SIGSTOP)
began = time.monotonic()
for e in t.epochs(range(500)): pass
middle = time.monotonic()
r = t.stop()
end = time.monotonic()
os.kill(helper, signal.SIGCONT)
print(middle - began < 2.5, end - middle < 2.5, r.energy_joules)
""")
        self.assertEqual(out, "True True None\n")
        self.assertEqual(err.count("\n"), 1)
        self.rows(1)


class Streams(Case):
    def test_closed(self):
        """Descriptors 0 to 2 closed: none of ours takes their place."""
        got = self.path("got")
        self.run_program(f"""
for fd in 0, 1, 2: os.close(fd)
import carbonctl
t = carbonctl.Tracker().start(); burn(5); r = t.stop()
fd = os.open({got!r}, os.O_CREAT | os.O_WRONLY)
os.write(fd, f"{{fd}} {{r.energy_joules}}".encode())
os._exit(0)
""")
        with open(got) as f:
            fd, joules = f.read().split()
        self.assertEqual(fd, "0")
        self.assert_joules(float(joules), 5)

    def test_no_folder(self):
        gone = self.path("gone")
        os.mkdir(gone)
        out, err = self.run_program(
            "os.rmdir(os.getcwd())\n" + START + "burn(5)\nprint(t.stop().energy_joules)", cwd=gone
        )
        self.assert_joules(float(out), 5)
        self.assertEqual(err, "")

    def test_nothing_is_held_open(self):
        """Who waits for the end of the program's output does not wait for the helper."""
        began = time.monotonic()
        out, _ = self.run_program(START + "print(1); sys.stdout.flush(); os._exit(0)")
        self.assertEqual(out, "1\n")
        self.rows(1)
        self.assertLess(time.monotonic() - began, 20)
