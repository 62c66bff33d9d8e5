"""A script in the manner of Zeus's users: the import is all that has changed."""

# from zeus.monitor import ZeusMonitor
from carbonctl.compat.zeus import ZeusMonitor

monitor = ZeusMonitor()
monitor.begin_window("training")
for step in range(3):
    monitor.begin_window("step")
    sum(i * i for i in range(300_000))
    m = monitor.end_window("step")
    print(f"step {step}: {m.time:.3f} s, GPUs {m.total_energy:.3g} J, CPU {sum((m.cpu_energy or {}).values()):.3g} J")
m = monitor.end_window("training")
print(f"training: {m.time:.3f} s, GPUs {m.total_energy:.3g} J, CPU {sum((m.cpu_energy or {}).values()):.3g} J")
