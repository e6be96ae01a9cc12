"""Runs of a pipeline that take turns, so that what changes on the machine meanwhile changes for all."""
import contextlib
import os
import re
import signal
import statistics
import time
import urllib.request

from . import machine, measure
from .http import free_port
from .measure import WrongAnswer

SLICE = 2.0  # seconds of a turn


class Turn:
    """A run that goes on for its turns only, and what it did in them: rows into one component, seconds and CPU seconds."""

    def __init__(self, program, pipeline, folder, component):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/metrics"
        self.rows = re.compile(rb'^flowrun_component_rows_in_total\{[^}]*component="' + component.encode() + rb'"[^}]*\} ([0-9.e+]+)$', re.M)
        command = [program, "run", pipeline, "--admin", f"127.0.0.1:{port}", "--log-format", "json", "--quiet"]
        self.running = measure.Running(command, folder)
        while True:
            with contextlib.suppress(OSError):
                self.look()
                break
            if self.running.process.poll() is not None:
                raise WrongAnswer("flowrun does not start:\n" + self.running.text(self.running.err)[-2000:])
            time.sleep(0.01)
        self.running.process.send_signal(signal.SIGSTOP)

    def look(self):
        with urllib.request.urlopen(self.url, timeout=20) as answer:
            found = self.rows.search(answer.read())
        with open(f"/proc/{self.running.pid}/stat", encoding="ascii") as stat:
            user, system = stat.read().rpartition(")")[2].split()[11:13]
        rows = float(found[1]) if found else 0
        return rows, time.perf_counter(), (int(user) + int(system)) / machine.TICKS

    def take(self):
        """One turn. (rows, seconds, CPU seconds)"""
        self.running.process.send_signal(signal.SIGCONT)
        before = self.look()
        time.sleep(SLICE)
        after = self.look()
        self.running.process.send_signal(signal.SIGSTOP)
        return tuple(b - a for a, b in zip(before, after))

    def finish(self):
        """Ends the run with what is under way."""
        self.running.process.send_signal(signal.SIGCONT)
        self.running.process.send_signal(signal.SIGTERM)
        return self.running.finish()

    def kill(self):
        self.running.__exit__()


def period(runs, turns):
    """What each of the runs did in so many turns: (rows, seconds, CPU seconds). Who is first changes from turn to turn."""
    sums = [(0, 0, 0) for _ in runs]
    for turn in range(turns):
        for i in range(len(runs)):
            at = (turn + i if turn % 2 == 0 else turn - i) % len(runs)
            sums[at] = tuple(a + b for a, b in zip(sums[at], runs[at].take()))
    return sums


def spread(values):
    """As text: the middle half, and how sure the mean is."""
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    error = statistics.stdev(values) / len(values) ** 0.5
    return f"middle half of {len(values)}: {low:.1f} to {high:.1f}; mean {statistics.fmean(values):.1f}, standard error {error:.1f}"
