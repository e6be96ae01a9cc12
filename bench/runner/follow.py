"""How long a line that is appended to a followed file takes until it comes out."""
import os
import select
import signal
import time

from . import measure
from .measure import Figure, WrongAnswer

LINES = 100  # a run
PAUSE = 0.013  # between them, so that each finds the pipeline asleep
PATIENCE = 10_000  # milliseconds


class Follow:
    def __init__(self, context):
        self.context = context

    def follow(self):
        delays = []
        for run in range(self.context.runs):
            delays += self.run(os.path.join(self.context.scratch, f"follow-{run}"))
        delays.sort()
        bar = {"bar": 20, "ceiling": True}
        return [
            Figure("append to output, median", measure.median(delays), "ms", **bar, note=f"{len(delays)} lines"),
            Figure("append to output, 99 of 100 within", delays[len(delays) * 99 // 100 - 1], "ms", **bar),
            Figure("append to output, longest", delays[-1], "ms"),
        ]

    def run(self, folder):
        """The delays of one run, in milliseconds. What comes out is compared with what was appended."""
        os.mkdir(folder)
        log, pipe = os.path.join(folder, "app.log"), os.path.join(folder, "pipe")
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.context.settle()
        command = [self.context.program("flowrun"), "run", self.context.case("follow"), "--admin", "off", "--quiet"]
        environment = {"FLOWRUN_BENCH_LOG": log, "FLOWRUN_BENCH_OUTPUT": pipe}
        delays = []
        try:
            with open(log, "ab", buffering=0) as out:
                out.write(b"begin\n")
                with measure.Running(command, folder, environment) as running:
                    self.expect(reader, b"begin\n", running)
                    for number in range(LINES):
                        time.sleep(PAUSE)
                        line = b"line %d\n" % number
                        before = time.perf_counter()
                        out.write(line)
                        self.expect(reader, line, running)
                        delays.append((time.perf_counter() - before) * 1000)
                    running.process.send_signal(signal.SIGTERM)
                    running.finish()
        finally:
            os.close(reader)
        return delays

    @staticmethod
    def expect(reader, line, running):
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        got = b""
        while len(got) < len(line):
            if not poll.poll(PATIENCE):
                raise WrongAnswer(f"{line!r} did not come out:\n" + running.text(running.err)[-2000:])
            piece = os.read(reader, len(line) - len(got))
            got += piece
            if not piece:
                if running.process.poll() is not None:
                    raise WrongAnswer("flowrun ended:\n" + running.text(running.err)[-2000:])
                time.sleep(0.001)  # nobody has opened the other end yet
        if got != line:
            raise WrongAnswer(f"{got!r} came out, not {line!r}")
