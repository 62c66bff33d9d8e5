"""Trackers, tasks, epochs, counts and reports against a counter of known truth."""

from .support import Case


class Tracking(Case):
    patient = True

    def test_a_run(self):
        got = self.json_of("""
import carbonctl
with carbonctl.Tracker(region="FR", project="vision", labels={"stage": "train"}) as t:
    burn(100)
    with t.task("validate") as v:
        burn(20)
    t.count("sample", 50)
r = t.report
print(json.dumps(dict(energy=r.energy_joules, low=r.low, high=r.high, g=r.emissions_g, region=r.region,
    task=v.energy_joules, task_low=v.low, task_high=v.high, counts=r.counts, status=r.status, basis=[c.basis for c in r.components],
    measured=r.measured_share, id=r.run_id, kwh=r.energy_kwh, kg=r.emissions_kg, cpu=r.joules_of("cpu"), gpu=r.joules_of("gpu"))))
""")  # fmt: skip
        self.assert_joules(got["energy"], 120)
        self.assertTrue(got["low"] <= 1.2 <= got["high"])
        self.assert_joules(got["task"], 20)
        self.assertTrue(got["task_low"] <= 0.2 <= got["task_high"])
        self.assertAlmostEqual(got["g"], got["energy"] / 3.6e6 * 41.44, places=9)
        self.assertAlmostEqual(got["kg"], got["g"] / 1000)
        self.assertAlmostEqual(got["kwh"], got["energy"] / 3.6e6)
        self.assert_joules(got["cpu"], 120)
        self.assertIsNone(got["gpu"])
        self.assertEqual((got["region"], got["status"], got["counts"]), ("FR", "completed", {"sample": 50}))
        self.assertEqual((got["basis"], got["measured"]), (["measured", "measured"], 1))
        (row,) = self.rows(1)
        self.assertEqual((row["run_id"], row["project"], row["status"]), (got["id"], "vision", "completed"))
        self.assert_joules(float(row["energy_joules"]), 120)
        self.no_helpers()

    def test_epochs(self):
        got = self.json_of("""
import carbonctl
t = carbonctl.Tracker(region="FR").start()
seen, used, left = [], [], []
for epoch in t.epochs(range(4)):
    seen.append(epoch)
    burn(10 * (epoch + 1))
    if epoch == 2: break
used = t.last_epoch.energy_joules
p = t.prediction
for item in t.epochs(iter("ab")):
    burn(1)
with_none = t.prediction
t.epoch_end()
r = t.stop()
print(json.dumps([seen, used, [(e.name, e.energy_joules, e.raw["ended"]) for e in r.epochs], p.of_epochs, p.energy_joules.expected, r.energy_joules]))
""")
        seen, used, epochs, of, expected, total = got
        self.assertEqual(seen, [0, 1, 2])
        self.assert_joules(used, 30)
        self.assertEqual([e[0] for e in epochs], [f"epoch {i}" for i in (1, 2, 3, 4, 5)])
        for (_, joules, ended), want in zip(epochs, (10, 20, 30, 1, 1)):
            self.assert_joules(joules, want)
            self.assertTrue(ended)
        self.assertEqual(of, 4)
        self.assertGreater(expected, 0.4)
        self.assert_joules(total, 62)

    def test_overlap(self):
        """Tasks that overlap, and trackers within trackers, have each their own."""
        got = self.json_of("""
import carbonctl
outer = carbonctl.Tracker("outer", region="FR").start()
burn(1)
a, b = outer.task("same"), outer.task("same")
a.start(); burn(2); b.start(); burn(4); a.stop(); burn(8); b.stop()
inner = carbonctl.Tracker("inner").start()
burn(16)
so_far = inner.report
outer_report = outer.stop()
burn(32)
inner_report = inner.stop()
late = carbonctl.Tracker("late").start(); burn(64); late.stop()
print(json.dumps([x.energy_joules for x in (a, b, so_far, outer_report, inner_report, late.report)]
  + [so_far.low <= .16 <= so_far.high, inner_report.run_id == outer_report.run_id, late.report.run_id != inner_report.run_id]))
""")
        for joules, want in zip(got, (6, 12, 16, 31, 48, 64)):
            self.assert_joules(joules, want)
        self.assertEqual(got[6:], [True, True, True])
        rows = self.rows(2)  # the two that overlap are one run
        self.assert_joules(float(rows[0]["energy_joules"]), 63)
        self.assert_joules(float(rows[1]["energy_joules"]), 64)

    def test_decorated(self):
        got = self.json_of("""
import asyncio, carbonctl
@carbonctl.track
def plain(a, *, b=2):
    "doc"
    burn(1); return a + b
@carbonctl.track(name="named")
def fails():
    burn(2); raise KeyError("own")
@carbonctl.track
async def co(x):
    await asyncio.sleep(0); burn(4); return x
@carbonctl.track
def gen(n):
    got = []
    for i in range(n):
        burn(8); got.append((yield i))
    return got
@carbonctl.track
async def agen(n):
    for i in range(n):
        burn(16)
        try: yield i
        except ValueError: yield "caught"
@carbonctl.track
def recursive(n): return n if n == 0 else recursive(n - 1)
out = [plain(1), plain.__doc__, plain.__name__]
try: fails()
except KeyError as e: out.append(e.args[0])
def outer(): out.append((yield from gen(2)))
it = outer(); next(it); it.send("sent")
try: it.send("last")
except StopIteration: pass
async def main():
    out.append(await co(7))
    out.append([x async for x in agen(2)])
    g = agen(1); await g.__anext__(); out.append(await g.athrow(ValueError())); await g.aclose()
asyncio.run(main())
out.append(recursive(3))
print(json.dumps(out))
""")
        self.assertEqual(got, [3, "doc", "plain", "own", ["sent", "last"], 7, [0, 1], "caught", 0])
        self.rows(1)
        (report,) = self.reports()
        wants = {"plain": 1, "fails": 2, "named": 2, "co": 4, "gen": 16, "agen": 32, "recursive": 0}
        for task in report["tasks"]:  # nobody has waited for the edges: the bounds hold that
            self.assertTrue(task["ended"], task)
            want = wants[task["name"].split(".")[-1]] / 100
            if task["duration_s"] < 0.012 and want == 0.32:
                want = 0.16
            self.assertTrue(task["energy_low_joules"] <= want <= task["energy_high_joules"], task)
        self.assertEqual(len([t for t in report["tasks"] if t["name"].endswith("recursive")]), 4)

    def test_project_after_calls(self):
        """A tracker with a project is not one of calls that were before it, and have another."""
        self.run_program("""
import carbonctl
@carbonctl.track(project="calls")
def f(): burn(5)
f(); f()
with carbonctl.Tracker(project="fit", labels={"k": "v"}) as t: burn(10)
f()
with carbonctl.Tracker(project="calls"): burn(5)
""")
        rows = self.rows(3)
        self.assertEqual([r["project"] for r in rows], ["calls", "fit", "calls"])
        self.assert_joules(float(rows[1]["energy_joules"]), 10)

    def test_order_of_calls(self):
        """stop before start, stop twice, start twice, start again, tasks outside."""
        got = self.json_of("""
import carbonctl
t = carbonctl.Tracker(ledger="none")
first = t.stop()
t.epoch_start(); t.epoch_end(); t.count("sample", 1)
with t.task("outside") as o: pass
t.start(); t.start(); burn(5)
a, b = t.stop(), t.stop()
t.start(); burn(3); c = t.stop()
print(json.dumps([bool(first), first.energy_joules, first.note, o.energy_joules, a is b, a.energy_joules, c.energy_joules]))
""")
        self.assertEqual(got[:5], [False, None, "not started", None, True])
        self.assert_joules(got[5], 5)
        self.assert_joules(got[6], 3)

    def test_many_calls(self):
        """More calls than the helper's buffer holds at a time: none is lost."""
        got = self.json_of("""
import carbonctl
@carbonctl.track
def f(i): return i
total = sum(f(i) for i in range(3000))
with carbonctl.Tracker() as t: burn(7)
print(json.dumps([total, t.report.energy_joules]))
""")
        self.assertEqual(got[0], 4498500)
        self.assert_joules(got[1], 7)
        self.rows(1)
        (report,) = self.reports()
        self.assertEqual(len(report["tasks"]) + report.get("tasks_omitted", 0), 3001)

    def test_names(self):
        """Any name is a task's name."""
        names = ["", "a\nb", "x" * 5000, "\udc80", "naïve ☕", 7]
        got = self.json_of(f"""
import carbonctl
with carbonctl.Tracker() as t:
    for name in {names!a}:
        with t.task(name) as x: burn(5)
        assert 0.04 < x.energy_joules < .055, (name, x)
print(json.dumps(len(t.report.tasks)))
""")
        self.assertEqual(got, 7)

    def test_so_far(self):
        got = self.json_of("""
import carbonctl
t = carbonctl.Tracker(); out = [t.report.energy_joules]
t.start(); burn(3); out += [t.report.energy_joules]; burn(1); out += [t.report.energy_joules]; t.stop()
print(json.dumps(out + [t.report.energy_joules]))
""")
        self.assertIsNone(got[0])
        for joules, want in zip(got[1:], (3, 4, 4)):
            self.assert_joules(joules, want)
