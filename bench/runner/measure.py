"""Running one program and finding out what it took; figures and how they are printed."""
import dataclasses
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time

from . import machine


class WrongAnswer(Exception):
    """The program that was measured did not do what it should: its figure means nothing."""


class Skipped(Exception):
    """The case cannot be measured here."""


@dataclasses.dataclass
class Finished:
    seconds: float  # from before the process exists until it is gone
    cpu: float  # user and system time
    others: float  # CPU time of other programs meanwhile
    stdout: str
    stderr: str

    def ledger(self):
        """What flowrun's log says of each component at the end, by its id."""
        found = {}
        for line in self.stderr.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and "component" in entry and "passed" in entry:
                found[entry["component"]] = entry
        return found


class Running:
    """A process that is measured. Its standard streams go to files; it is killed when the block is left early."""

    def __init__(self, command, cwd, environment=None, core=None):
        self.command = command
        self.out = tempfile.TemporaryFile()
        self.err = tempfile.TemporaryFile()
        pin = None if core is None else (lambda: os.sched_setaffinity(0, {core}))
        self.busy_before = machine.busy_seconds()
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=self.out,
            stderr=self.err,
            preexec_fn=pin,
        )
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self.out.close()
        self.err.close()

    def text(self, stream):
        stream.seek(0)
        return stream.read().decode(errors="replace")

    def finish(self):
        """Waits for the end. A status other than 0 is a wrong answer."""
        _, status, usage = os.wait4(self.pid, 0)
        seconds = time.perf_counter() - self.started
        self.process.returncode = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime
        others = max(0.0, machine.busy_seconds() - self.busy_before - cpu)
        done = Finished(seconds, cpu, others, self.text(self.out), self.text(self.err))
        if self.process.returncode != 0:
            raise WrongAnswer(
                f"{os.path.basename(self.command[0])} ended with status {self.process.returncode}:\n{done.stderr[-2000:]}"
            )
        return done


def run(command, cwd, environment=None, core=None):
    with Running(command, cwd, environment, core) as running:
        return running.finish()


@dataclasses.dataclass
class Memory:
    """What a process has in memory, in bytes."""

    resident: int
    anonymous: int
    mapped: int  # resident parts of the file that was asked for

    @property
    def own(self):
        return self.resident - self.mapped


def memory_of(pid, mapped_file):
    """Memory of a process, or None when it is gone."""
    resident = anonymous = mapped = 0
    counts = False
    try:
        with open(f"/proc/{pid}/smaps") as maps:
            for line in maps:
                head = line.split(None, 5)
                if not head[0].endswith(":"):
                    counts = len(head) == 6 and head[5].rstrip("\n") == mapped_file
                elif head[0] == "Rss:":
                    resident += int(head[1])
                    mapped += int(head[1]) if counts else 0
                elif head[0] == "Anonymous:":
                    anonymous += int(head[1])
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Memory(resident * 1024, anonymous * 1024, mapped * 1024) if resident > 0 else None


class MemoryWatch(threading.Thread):
    """Samples the memory of a process every `interval` seconds until it is gone."""

    def __init__(self, pid, mapped_file, interval):
        super().__init__(daemon=True)
        self.pid = pid
        self.mapped_file = os.path.realpath(mapped_file)
        self.interval = interval
        self.peak_own = self.peak_mapped = self.samples = 0
        self.last = None

    def run(self):
        while (memory := memory_of(self.pid, self.mapped_file)) is not None:
            self.last = memory
            self.peak_own = max(self.peak_own, memory.own)
            self.peak_mapped = max(self.peak_mapped, memory.mapped)
            self.samples += 1
            time.sleep(self.interval)


def median(values):
    return statistics.median(values)


def spread(values):
    """The middle half of the values, as a distance."""
    if len(values) < 2:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return high - low


@dataclasses.dataclass
class Figure:
    """One measured value. `bar`: what it must reach; more is better unless `ceiling`."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    ceiling: bool = False
    note: str = ""

    @property
    def met(self):
        if self.bar is None:
            return None
        return self.value <= self.bar if self.ceiling else self.value >= self.bar

    def line(self):
        text = f"  {self.name:<40} {number(self.value):>10} {self.unit}"
        if self.bar is not None:
            text += f"   (bar: {'at most' if self.ceiling else 'at least'} {number(self.bar)}"
            text += ", met)" if self.met else ", MISSED)"
        return text + (f"   {self.note}" if self.note else "")

    def as_json(self):
        return {**dataclasses.asdict(self), "met": self.met}


def number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def times(runs, what):
    """The figures that every timed case has beside its rate."""
    note = "per run: " + " ".join(f"{done.seconds:.2f}" for done in runs)
    figures = [
        Figure(f"{what}, wall time", median([done.seconds for done in runs]), "s", note=note),
        Figure(f"{what}, CPU time", median([done.cpu for done in runs]), "s"),
    ]
    share = median([done.others / (done.seconds * (os.cpu_count() or 1)) for done in runs])
    if share > machine.QUIET_SHARE:
        figures.append(Figure(f"{what}, CPUs taken by others", share * 100, "%", note="NOT QUIET"))
    return figures
