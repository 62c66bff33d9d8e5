"""BashOperator, as Airflow runs it: a shell in a temporary folder and a session of its own,
stderr joined to stdout, the last line as the result."""

import os
import subprocess
import tempfile

import airflow


class BashOperator:
    def __init__(self, task_id, bash_command):
        self.task_id = task_id
        self.bash_command = bash_command
        self.upstream = []
        self.dag = airflow.DAG.current
        self.dag.tasks.append(self)

    def __rshift__(self, other):
        other.upstream.append(self)
        return other

    def execute(self, render, run_id):
        env = dict(
            os.environ,
            AIRFLOW_CTX_DAG_ID=self.dag.dag_id,
            AIRFLOW_CTX_TASK_ID=self.task_id,
            AIRFLOW_CTX_DAG_RUN_ID=run_id,
            AIRFLOW_CTX_TRY_NUMBER="1",
            AIRFLOW_CTX_DAG_OWNER="airflow",
        )
        with tempfile.TemporaryDirectory(prefix="airflowtmp") as cwd:
            p = subprocess.Popen(
                ["bash", "-c", render(self.bash_command)],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=cwd, env=env, start_new_session=True,
            )
            line = ""
            for raw in iter(p.stdout.readline, b""):
                line = raw.decode("utf-8", "backslashreplace").rstrip()
            if p.wait() != 0:
                raise SystemExit(f"{self.task_id}: exit code {p.returncode}: {line}")
        return line
