"""Runs a program with a clock of its own: it has moved on by a hundredth of a
second whenever it is looked at. So a program that prints how long it took prints
the same whenever it runs."""
import itertools
import runpy
import sys
import time

ticks = itertools.count(1_700_000_000_00)
time.time = lambda: next(ticks) / 100
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
