"""The web-log flow beside the hand-written loop: rates, memory, the first row, a sink that stops."""
import dataclasses
import fcntl
import functools
import hashlib
import json
import os
import re
import select
import socket
import threading
import time
import urllib.request

from . import data, measure
from .measure import Figure, Skipped, WrongAnswer

MIB = 1 << 20
RARE_BYTES = 400  # what weblogs-rare.toml keeps has fewer
PIPE_BYTES = 1 << 16
STOPPED_SECONDS = 5


@dataclasses.dataclass
class Reference:
    """What the yardstick makes of the input: the expected answer of every case here."""

    path: str
    documents: int
    rejected: int
    digest: str

    @functools.cached_property
    def first(self):
        with open(self.path, "rb") as file:
            return file.readline()

    @functools.cached_property
    def rare(self):
        """Number and digest of the documents that weblogs-rare.toml keeps."""
        digest = hashlib.sha256()
        count = size = 0
        with open(self.path, "rb") as file:
            for line in file:
                found = re.search(rb'"bytes":"(\d+)"', line)
                if found and int(found[1]) < RARE_BYTES:
                    digest.update(line)
                    count += 1
                    size += len(line)
        return count, size, digest.hexdigest()


class Weblogs:
    """Both programs over the same input, in a folder of scratch files."""

    def __init__(self, context):
        self.context = context
        self.inputs = context.inputs
        self.output = os.path.join(context.scratch, "flowrun.ndjson")
        self.rejected = os.path.join(context.scratch, "flowrun.rejected.ndjson")
        self.threads = context.parallelism

    def remove(self, *paths):
        """Removes what an earlier run left, and lets the disk finish with it."""
        for path in paths:
            if os.path.lexists(path):
                os.unlink(path)
        os.sync()

    def flowrun(self, case="weblogs", admin="127.0.0.1:0"):
        return [
            self.context.program("flowrun"),
            "run",
            self.context.case(case),
            "--admin",
            admin,
            "--log-format",
            "json",
            "--quiet",
        ]

    def environment(self, output):
        return {
            "FLOWRUN_BENCH_LOG": self.inputs.log,
            "FLOWRUN_BENCH_DATABASE": self.inputs.database,
            "FLOWRUN_BENCH_OUTPUT": output,
            "FLOWRUN_BENCH_REJECTED": self.rejected,
        }

    def run_flowrun(self, output, core=None):
        self.remove(self.output, self.rejected)
        self.context.settle()
        done = measure.run(self.flowrun(), self.context.scratch, self.environment(output), core)
        self.check(done)
        return done

    def run_yardstick(self, output):
        self.remove(output, output + ".rejected")
        self.context.settle()
        command = [
            self.context.program("bench/weblogs_yardstick"),
            self.inputs.log,
            self.inputs.database,
            "--output",
            output,
            "--threads",
            str(self.threads),
        ]
        return measure.run(command + (["--flat"] if self.inputs.flat else []), self.context.scratch)

    @functools.cached_property
    def reference(self):
        path = os.path.join(self.context.scratch, "yardstick.ndjson")
        done = self.run_yardstick(path)
        found = re.match(r"(\d+) documents, \d+ bytes, (\d+) rejected lines", done.stdout)
        if not found:
            raise WrongAnswer("the yardstick does not say what it did:\n" + done.stdout)
        documents, rejected = int(found[1]), int(found[2])
        if documents + rejected != self.inputs.lines:
            raise WrongAnswer(
                f"yardstick: {self.inputs.lines:,} lines gave {documents:,} documents and {rejected:,} rejected ones"
            )
        return Reference(path, documents, rejected, data.sha256(path))

    def check(self, done, documents=None):
        """Every line is a document or a dead letter, as many as the yardstick has."""
        expected = self.reference.documents if documents is None else documents
        ledger = done.ledger()
        delivered = ledger.get("index", {}).get("passed")
        if delivered != expected:
            raise WrongAnswer(f"flowrun delivered {delivered} documents, the yardstick {expected}")
        if any(entry.get("unaccounted") for entry in ledger.values()):
            raise WrongAnswer("flowrun's ledger has rows that are not accounted for")
        letters = data.count_lines(self.rejected) if os.path.exists(self.rejected) else 0
        if letters != self.reference.rejected:
            raise WrongAnswer(f"flowrun wrote {letters:,} dead letters, the yardstick {self.reference.rejected:,}")

    def check_output(self, path):
        if data.sha256(path) != self.reference.digest:
            raise WrongAnswer(f"{path} and {self.reference.path} differ; --keep leaves both")

    def rate(self, runs):
        return self.inputs.lines / measure.median([done.seconds for done in runs]) / 1e6

    def rate_figures(self, runs, what, bar=None):
        return [
            Figure(f"{what}, rate", self.rate(runs), "M lines/s", bar=bar),
            *measure.times(runs, what),
        ]

    # ---- the cases ---------------------------------------------------------------------------

    def file(self):
        reference = self.reference
        mine, theirs = [], []
        other = os.path.join(self.context.scratch, "yardstick-again.ndjson")
        for _ in range(self.context.runs):
            mine.append(self.run_flowrun(self.output))
            self.check_output(self.output)
            self.remove(self.output)
            theirs.append(self.run_yardstick(other))
            if data.sha256(other) != reference.digest:
                raise WrongAnswer("two runs of the yardstick over the same input differ")
            self.remove(other)
        ratio = self.rate(mine) / self.rate(theirs)
        ratios = [b.seconds / a.seconds for a, b in zip(mine, theirs)]
        note = "per pair: " + " ".join(f"{pair:.2f}" for pair in ratios)
        return [
            *self.rate_figures(mine, "flowrun", bar=1.2),
            *self.rate_figures(theirs, "yardstick"),
            Figure("flowrun / yardstick", ratio, "of its rows/s", bar=0.85, note=note),
            Figure(
                "the same by CPU time",
                measure.median([done.cpu for done in theirs]) / measure.median([done.cpu for done in mine]),
                "of its rows/s",
                note="less shaken by other programs",
            ),
            *self.memory(),
        ]

    def memory(self):
        """Peak memory, in a run that is not timed because looking costs time."""
        self.remove(self.output, self.rejected)
        command, environment = self.flowrun(), self.environment(self.output)
        with measure.Running(command, self.context.scratch, environment) as running:
            watch = measure.MemoryWatch(running.pid, self.inputs.database, 0.02)
            watch.start()
            done = running.finish()
        watch.join()
        self.check(done)
        self.check_output(self.output)
        self.remove(self.output)
        return [
            Figure(
                "flowrun, peak resident memory",
                watch.peak_own / MIB,
                "MiB",
                bar=350,
                ceiling=True,
                note=f"and {watch.peak_mapped / MIB:.0f} MiB of the mapped database; {watch.samples} samples",
            )
        ]

    def discard(self):
        # The sink `discard` takes rows as they are. To have them encoded, the file sink writes to a device.
        runs = [self.run_flowrun("/dev/null") for _ in range(self.context.runs)]
        return self.rate_figures(runs, "flowrun to /dev/null", bar=1.7)

    def one_core(self):
        runs = []
        for _ in range(self.context.runs):
            runs.append(self.run_flowrun(self.output, core=self.context.core))
            self.check_output(self.output)
        self.remove(self.output)
        return self.rate_figures(runs, "flowrun on one core", bar=0.75)

    def first_row(self):
        expected = self.reference.first
        waits = [self.wait_for_first_row(expected) for _ in range(self.context.runs)]
        return [
            Figure(
                "start to first row",
                measure.median(waits),
                "ms",
                bar=400,
                ceiling=True,
                note="per run: " + " ".join(f"{wait:.0f}" for wait in waits),
            )
        ]

    def operators(self):
        """The four transforms over the whole log, one behind the other, by CPU time."""
        self.context.settle()
        command = [
            self.context.program("bench/operators_weblog_bench"),
            "--benchmark_filter=^chain/4096/",
            "--benchmark_format=json",
        ]
        environment = {"FLOWRUN_BENCH_LOG": self.inputs.log, "FLOWRUN_BENCH_MMDB": self.inputs.database}
        done = measure.run(command, self.context.scratch, environment, self.context.core)
        found = json.loads(done.stdout)["benchmarks"]
        runs = [entry for entry in found if entry["run_type"] == "iteration" and "documents" in entry]
        if not runs:
            raise WrongAnswer("operators_weblog_bench has no case chain/4096:\n" + done.stdout[-2000:])
        for run in runs:
            if run["documents"] != self.reference.documents:
                raise WrongAnswer(
                    f"{run['documents']:,.0f} documents, and the yardstick has {self.reference.documents:,}"
                )
        names = {"parse": "parse_access_log", "geoip": "geoip", "user_agent": "user_agent", "page_name": "page_name"}
        return [
            Figure(name, measure.median([run[counter] for run in runs]), "ns a row") for counter, name in names.items()
        ]

    def open_pipe(self):
        """A new named pipe and its reading end."""
        pipe = os.path.join(self.context.scratch, "pipe")
        self.remove(pipe, self.rejected)
        os.mkfifo(pipe)
        return pipe, os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def wait_for_first_row(self, expected):
        pipe, reader = self.open_pipe()
        self.context.settle()
        got = b""
        try:
            command, environment = self.flowrun(), self.environment(pipe)
            with measure.Running(command, self.context.scratch, environment) as running:
                poll = select.poll()
                poll.register(reader, select.POLLIN)
                while b"\n" not in got:
                    if not poll.poll(10_000):
                        raise WrongAnswer("no row within ten seconds:\n" + running.text(running.err)[-2000:])
                    got += os.read(reader, PIPE_BYTES)
                    if not got:
                        time.sleep(0.001)  # nobody has opened the other end yet
                milliseconds = (time.perf_counter() - running.started) * 1000
        finally:
            os.close(reader)
        if not got.startswith(expected):
            raise WrongAnswer(f"the first row is {got.splitlines()[0]!r}, not {expected!r}")
        return milliseconds

    def stopped_sink(self):
        return self.stop("weblogs", self.reference.documents, self.reference.digest)

    def stopped_sink_rare(self):
        count, size, digest = self.reference.rare
        if size < 4 * PIPE_BYTES:
            raise Skipped(f"{count} rows have less than {RARE_BYTES} bytes: too few to fill a pipe with")
        return self.stop("weblogs-rare", count, digest)

    def stop(self, case, documents, digest):
        pipe, reader = self.open_pipe()
        port = free_port()
        command = self.flowrun(case, admin=f"127.0.0.1:{port}")
        try:
            with measure.Running(command, self.context.scratch, self.environment(pipe)) as running:
                watch = measure.MemoryWatch(running.pid, self.inputs.database, 0.05)
                watch.start()
                time.sleep(STOPPED_SECONDS)
                stopped = watch.last
                metrics = scrape(port)
                if stopped is None or running.process.poll() is not None:
                    raise WrongAnswer("flowrun ended though nobody read:\n" + running.text(running.err)[-2000:])
                drain = Drain(reader)
                drain.start()
                done = running.finish()
            drain.join()
            watch.join()
        finally:
            os.close(reader)
        self.check(done, documents)
        if (drain.rows, drain.digest.hexdigest()) != (documents, digest):
            raise WrongAnswer(f"{drain.rows:,} rows came through the pipe, or others than the {documents:,} expected")
        limit = value(metrics, "flowrun_memory_limit_bytes")
        used = value(metrics, "flowrun_memory_bytes")
        blocked = labelled(metrics, "flowrun_edge_blocked_seconds_total", "edge")
        edge, seconds = max(blocked.items(), key=lambda item: item[1], default=("none", 0.0))
        bar = limit / MIB + 100
        return [
            Figure("peak resident memory", watch.peak_own / MIB, "MiB", bar=bar, ceiling=True),
            Figure(
                f"the same after {STOPPED_SECONDS} s stopped",
                stopped.own / MIB,
                "MiB",
                note=f"{stopped.anonymous / MIB:.0f} MiB of it anonymous, buffers and caches",
            ),
            Figure("flowrun_memory_bytes, stopped", used / MIB, "MiB", bar=limit / MIB, ceiling=True),
            Figure("longest blocked edge", seconds, "s", bar=STOPPED_SECONDS / 2, note=edge),
            Figure("rows through the pipe", drain.rows, "of " + f"{documents:,}, none lost"),
        ]


class Drain(threading.Thread):
    """Reads a pipe to its end."""

    def __init__(self, handle):
        super().__init__(daemon=True)
        fcntl.fcntl(handle, fcntl.F_SETFL, fcntl.fcntl(handle, fcntl.F_GETFL) & ~os.O_NONBLOCK)
        self.handle = handle
        self.digest = hashlib.sha256()
        self.rows = 0

    def run(self):
        while block := os.read(self.handle, PIPE_BYTES):
            self.digest.update(block)
            self.rows += block.count(b"\n")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return answer.read().decode()


def value(metrics, name):
    found = re.search(rf"^{name}(?:\{{[^\n]*\}})? (\S+)$", metrics, re.MULTILINE)
    if not found:
        raise WrongAnswer(f"/metrics has no {name}")
    return float(found[1])


def labelled(metrics, name, label):
    """The values of a metric by one of its labels."""
    lines = re.findall(rf"^{name}\{{([^\n]*)\}} (\S+)$", metrics, re.MULTILINE)
    return {re.search(rf'{label}="([^"]*)"', labels)[1]: float(number) for labels, number in lines}
