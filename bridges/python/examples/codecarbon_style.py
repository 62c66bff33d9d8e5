"""A script in the manner of CodeCarbon's users: the import is all that has changed."""

# from codecarbon import EmissionsTracker, track_emissions
from carbonctl.compat.codecarbon import EmissionsTracker, track_emissions


def fit(n):
    return sum(i * i for i in range(n))


@track_emissions(project_name="baseline", offline=True, country_iso_code="FRA", log_level="error")
def baseline():
    return fit(1_000_000)


tracker = EmissionsTracker(project_name="grid-search", log_level="error")
tracker.start()
try:
    for depth in (2, 4):
        tracker.start_task(f"depth {depth}")
        fit(500_000 * depth)
        used = tracker.stop_task()
        print(f"depth {depth}: {used.energy_consumed:.3g} kWh, {used.emissions:.3g} kg CO2e")
finally:
    kg = tracker.stop()
print(f"total: {kg:.3g} kg CO2e")
baseline()
