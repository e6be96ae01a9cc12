"""Requests a second into the source `http`, and how long an answer takes, with the client on the same cores."""
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from . import measure
from .measure import Figure, WrongAnswer

SECONDS = 5  # of sending, a run
LARGE = 1700  # records in a body of some 100 KiB


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Http:
    def __init__(self, context):
        self.context = context

    def run(self, path, sink, *options):
        """What bench/http_load says of one run, after which the ledger has as many rows as were sent."""
        port = free_port()
        self.context.settle()
        command = [self.context.program("flowrun"), "run", self.context.case("http"), "--admin", "off", "--quiet", "--log-format", "json"]
        with measure.Running(command, self.context.scratch, {"FLOWRUN_BENCH_PORT": str(port)}) as running:
            first = self.wait_until_taken(port, path, running)
            load = subprocess.run(
                [self.context.program("bench/http_load"), "--url", f"http://127.0.0.1:{port}{path}", "--json", *options],
                capture_output=True, text=True, check=False)
            if load.returncode != 0:
                raise WrongAnswer(load.stderr)
            running.process.send_signal(signal.SIGTERM)
            done = running.finish()
        said = json.loads(load.stdout)
        wanted = said["records"] + first
        found = done.ledger().get(sink, {}).get("passed")
        if found != wanted:
            raise WrongAnswer(f"{wanted} records were sent, {found} came to {sink}")
        return said

    @staticmethod
    def wait_until_taken(port, path, running, record=b'{"n":1}'):
        """Sends a record until it is taken. How many were."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and running.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", record, timeout=10):
                    return 1
            except urllib.error.HTTPError as refused:
                if refused.code != 503:
                    raise WrongAnswer(f"the first request was answered with {refused.code}") from refused
            except OSError:
                pass
            time.sleep(0.02)
        raise WrongAnswer("flowrun takes no request:\n" + running.text(running.err)[-2000:])

    def rates(self, name, bar, unit, *options):
        runs = [self.run("/clicks", "nowhere", "--seconds", str(SECONDS), *options) for _ in range(self.context.runs)]
        middle = {key: measure.median([said[key] for said in runs]) for key in runs[0]}
        return [
            Figure(name, middle[unit], "records/s" if unit == "records_per_second" else "requests/s", bar=bar),
            Figure("of bytes", middle["megabytes_per_second"], "MB/s"),
            Figure("answer, median", middle["p50_ms"], "ms"),
            Figure("answer, 99 of 100 within", middle["p99_ms"], "ms"),
        ]

    def large(self):
        return self.rates(f"NDJSON, {LARGE} records a body", 300_000, "records_per_second",
                          "--records", str(LARGE), "--connections", "4")

    def single(self):
        return self.rates("one record a request, 64 connections", 20_000, "requests_per_second", "--connections", "64")

    def respond(self):
        figures = []
        for rate, bar in ((50, None), (5000, 10)):
            runs = [self.run("/recommend", "answers", "--rate", str(rate), "--connections", "32", "--expect", "200", "--echo", "n",
                             "--seconds", str(SECONDS)) for _ in range(self.context.runs)]
            what = f"answer at {rate} requests/s"
            figures += [
                Figure(what + ", median", measure.median([said["p50_ms"] for said in runs]), "ms"),
                Figure(what + ", 99 of 100 within", measure.median([said["p99_ms"] for said in runs]), "ms", bar=bar, ceiling=True),
                Figure(what + ", longest", max(said["longest_ms"] for said in runs), "ms"),
            ]
        return figures

    def shop(self):
        """Questions to pipelines/ecommerce.toml as it ships, while 20,000 made-up clicks a second come in."""
        port = free_port()
        folder = os.path.join(self.context.scratch, "shop")
        os.mkdir(folder)
        command = [self.context.program("flowrun"), "run", self.context.shipped("ecommerce"), "--admin", "off", "--quiet",
                   "--log-format", "json", "--set", f"listen=127.0.0.1:{port}", "--set", "rows=100000000", "--set", "rate=20000"]
        self.context.settle()
        with measure.Running(command, folder) as running:
            first = self.wait_until_taken(port, "/recommend", running, b'{"user":"first","item":17}')
            time.sleep(5)  # there is something to recommend
            begun = time.monotonic()
            load = subprocess.run(
                [self.context.program("bench/http_load"), "--url", f"http://127.0.0.1:{port}/recommend", "--json", "--rate", "5000",
                 "--seconds", "20", "--connections", "64", "--expect", "200", "--accepted", "off",
                 "--record", '{"user":"v{n}","item":17}'], capture_output=True, text=True, check=False)
            seconds = time.monotonic() - begun
            if load.returncode != 0:
                raise WrongAnswer(load.stderr)
            running.process.send_signal(signal.SIGTERM)
            done = running.finish()
        said, ledger = json.loads(load.stdout), done.ledger()
        answered, clicks = ledger["answers"]["passed"], ledger["clicks"]["created"]
        if answered != said["requests"] + first or ledger["recommended"]["in"] != clicks + answered:
            raise WrongAnswer(f"{said['requests']} questions, {answered} answers, {clicks} clicks, {ledger['recommended']['in']} learned")
        if clicks < 20_000 * seconds * 0.95:
            raise WrongAnswer(f"only {clicks} clicks came in")
        return [
            Figure("answer at 5,000 questions/s, median", said["p50_ms"], "ms", note=f"{clicks:,} clicks meanwhile, none lost"),
            Figure("99 of 100 within", said["p99_ms"], "ms", bar=10, ceiling=True),
            Figure("longest", said["longest_ms"], "ms"),
        ]
