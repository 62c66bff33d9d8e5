"""Epochs and tasks are told by events, as docs/epochs.md has it."""
import os


def tell(event):
    open(os.environ["CARBONCTL_EVENTS"], "a").write(event + "\n")


for epoch in range(1, 4):
    tell(f"epoch-start {epoch}/3")
    sum(range(200000))
    tell("task-start validate")
    sum(range(200000))
    tell("task-end validate")
    tell("epoch-end")
