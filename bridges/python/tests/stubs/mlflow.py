"""What is used of MLflow, with the signatures of version 3; OLD has those before 2.8."""

import os

logged = []
_run = None


class _Run:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        end_run()


def start_run():
    global _run
    _run = _Run()
    return _run


def active_run():
    return _run


def end_run():
    global _run
    _run = None


if os.environ.get("OLD"):

    def log_metrics(metrics, step=None):
        logged.append((dict(metrics), step, None))

else:

    def log_metrics(metrics, step=None, synchronous=None, run_id=None, timestamp=None, model_id=None, dataset=None):
        if os.environ.get("BROKEN"):
            raise ConnectionError("no server")
        logged.append((dict(metrics), step, synchronous))
