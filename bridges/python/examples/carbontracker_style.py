"""A script in the manner of CarbonTracker's users: the import is all that has changed."""

# from carbontracker.tracker import CarbonTracker
from carbonctl.compat.carbontracker import CarbonTracker

max_epochs = 4
tracker = CarbonTracker(epochs=max_epochs)
for epoch in range(max_epochs):
    tracker.epoch_start()
    sum(i * i for i in range(1_000_000))
    tracker.epoch_end()
tracker.stop()
