"""What is used of W&B, with its signatures."""

run = None


class Run:
    def __init__(self):
        self.logged, self.defined, self.summary = [], [], {}

    def log(self, data, step=None, commit=None):
        self.logged.append((data, step, commit))

    def define_metric(self, name, step_metric=None, step_sync=None, hidden=None, summary=None, goal=None, overwrite=None):
        self.defined.append((name, step_metric))

    def finish(self):
        global run
        run = None


def init():
    global run
    run = Run()
    return run
