"""As much of Airflow as a DAG of BashOperators needs: DAG, and the order of its tasks."""


class DAG:
    current = None

    def __init__(self, dag_id, schedule=None):
        self.dag_id = dag_id
        self.tasks = []

    def __enter__(self):
        DAG.current = self
        return self

    def __exit__(self, *_):
        DAG.current = None

    def order(self):
        done = []
        while len(done) < len(self.tasks):
            ready = [t for t in self.tasks if t not in done and all(u in done for u in t.upstream)]
            if not ready:
                raise ValueError("the DAG has a cycle")
            done.extend(ready)
        return done
