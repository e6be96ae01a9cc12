"""The flow of pipelines/iot.toml as it ships, fed from a file, a followed file and a broker."""
import calendar
import glob
import json
import multiprocessing
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time

from . import measure, turns
from .http import free_port
from .measure import Figure, Skipped, WrongAnswer

ROWS = 1_000_000
SCHEMA = '{ time = "timestamp", device = "text", class = "category", quantity = "text", value = "float", fault = "text", incident = "int" }'
TIME = b"2000-01-01T00:00:00.000000Z"  # stands in lines until they are written
WARM_UP = 4  # seconds, in which each series gets more readings than it learns from
SPIKES = 400
CHUNK = 0.005  # seconds between two writes of a live source
PATIENCE = 20


def now_text():
    now = time.time()
    return (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}Z").encode()


def seconds_of(text):
    whole, _, part = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (part or "0"))


def line(number, reading):
    return reading + b"\n"


def publication(number, reading):
    """A PUBLISH of QoS 1 to the topic "readings"."""
    body = b"\x00\x08readings" + (number % 65_535 + 1).to_bytes(2, "big") + reading
    return bytes((0x32, len(body) % 128 | 0x80, len(body) // 128)) + body


def publisher(port):
    """A connection to a broker on this machine that has accepted it, with MQTT 3.1.1."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00")
    if connection.recv(4, socket.MSG_WAITALL) != b"\x20\x02\x00\x00":
        raise WrongAnswer("the broker does not accept the publisher")
    return connection


def forget_answers(descriptor):
    while os.read(descriptor, 1 << 16):
        pass


def feed(descriptor, rate, series, seconds, frame):
    """Writes `rate` readings a second: each series in its turn, and from WARM_UP on one that is far out now and then.
    `frame` makes what is written of one, of the same length for all."""
    dice = random.Random(1)
    a_chunk = int(rate * CHUNK)
    if frame is publication:
        threading.Thread(target=forget_answers, args=(descriptor,), daemon=True).start()

    def framed(number, device, value):
        return frame(number, b'{"time":"%s","device":"d-%05d","class":"pump","quantity":"pressure","value":%.3f}' % (TIME, device, value))

    # Chunks made beforehand, with noise of their own; series follow one another through them.
    chunks = []
    while len(chunks) * a_chunk % series or len(chunks) < 40:
        first = len(chunks) * a_chunk
        chunks.append([framed(first + i, (first + i) % series, dice.uniform(45, 55)) for i in range(a_chunk)])
    joined = [b"".join(lines) for lines in chunks]
    spikes = [int((WARM_UP + (seconds - WARM_UP) * i / SPIKES) / CHUNK) for i in range(SPIKES)]
    told, begun, at = set(), time.time(), 0
    for number in range(int(seconds / CHUNK)):
        text = joined[number % len(chunks)]
        if at < len(spikes) and number >= spikes[at]:
            lines = chunks[number % len(chunks)]
            for i, one in enumerate(lines):
                device = one[one.index(b'"d-') : one.index(b'"d-') + 9]
                if device not in told:
                    told.add(device)
                    spiked = re.sub(rb'"value":[0-9.]+', b'"value":500.00', one)
                    text = b"".join(lines[:i] + [spiked] + lines[i + 1 :])
                    break
            at += 1
        pause = begun + number * CHUNK - time.time()
        if pause > 0:
            time.sleep(pause)
        text = text.replace(TIME, now_text())
        while text:
            text = text[os.write(descriptor, text) :]
    os.close(descriptor)


class Iot:
    def __init__(self, context):
        self.context = context
        with open(context.shipped("iot"), encoding="utf-8") as file:
            self.text = file.read()

    def pipeline(self, folder, source, plugins=(), settings=""):
        """The shipped file with another source; its path."""
        text = re.sub(r"(?s)\[sources.readings\]\n.*?\n\n", "[sources.readings]\n" + source + "\n\n", self.text, count=1)
        text = text.replace("[pipeline]\n", "[pipeline]\n" + settings, 1)
        text = text.replace('"formats"]', '"formats"' + "".join(f', "{name}"' for name in plugins) + "]", 1)
        path = os.path.join(folder, "iot.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def command(self, path):
        return [self.context.program("flowrun"), "run", path, "--admin", "off", "--log-format", "json", "--quiet"]

    def folder(self, name):
        folder = os.path.join(self.context.scratch, name)
        os.mkdir(folder)
        return folder

    def readings(self):
        path = os.path.join(self.context.scratch, "readings.ndjson")
        if not os.path.exists(path):
            made = f"generate dataset=fleet devices=250 every=10m fault_share=0.002 seed=1 rows={ROWS} ! file path={path} encoding=json"
            measure.run([self.context.program("flowrun"), "pipe", made], self.context.scratch)
        return path

    def flow(self):
        """From NDJSON to detection, windows, alerts and an archive with zstd."""
        readings, rates, runs = self.readings(), [], []
        for run in range(self.context.runs):
            folder = self.folder(f"iot-{run}")
            path = self.pipeline(folder, f'type = "file"\npath = "{readings}"\ndecoding = {{ type = "json", schema = {SCHEMA} }}')
            self.context.settle()
            done = measure.run(self.command(path), folder)
            ledger = done.ledger()
            if (ledger["archive"]["passed"], ledger["detected"]["failed"]) != (ROWS, 0) or ledger["alerts"]["created"] < 50:
                raise WrongAnswer(f"archived {ledger['archive']['passed']} of {ROWS}, {ledger['alerts']['created']} alerts")
            runs.append(done)
            rates.append(ROWS / done.seconds)
        return [Figure("file to archive, all included", measure.median(rates) / 1e6, "M readings/s", bar=0.7), *measure.times(runs, "two cores")]

    def checkpoints(self):
        """What a checkpoint every ten seconds costs, and one every second: beside a run without, in turns of two seconds."""
        kinds = {"without": None, "10 s": 10, "second": 1}
        groups, periods, seconds = 3, 3, 10
        found = {"10 s": [], "second": []}
        for group in range(groups):
            for rows in self.checkpoint_group(f"iot-checkpoints-{group}", list(kinds.values()), periods, seconds):
                # Seconds a row, and CPU seconds a row, beside those without.
                per_row = [(run[1] / run[0], run[2] / run[0]) for run in rows]
                for name, run in zip(found, per_row[1:]):
                    found[name].append([(run[i] / per_row[0][i] - 1) * 100 for i in (0, 1)])
        figures = []
        for name, pairs in found.items():
            wall, cpu = zip(*pairs)
            bar = 3 if name == "10 s" else None
            figures.append(Figure(f"a checkpoint every {name} costs", measure.median(wall), "%", bar=bar, ceiling=True, note=turns.spread(wall)))
            figures.append(Figure("the same, by CPU time a reading", measure.median(cpu), "%", note=turns.spread(cpu)))
        return figures

    def checkpoint_group(self, name, intervals, periods, seconds):
        """New runs, one an interval, which is in the seconds that it goes on for; None: no checkpoints. Of each period what each did."""
        made = 'type = "generate"\ndataset = "fleet"\ndevices = 250\nevery = "5s"\nfault_share = 0.00001\nseed = 1'
        folder = self.folder(name)
        runs, folders, did = [], [], []
        self.context.settle()
        try:
            for interval in intervals:
                folders.append(os.path.join(folder, f"every-{interval}"))
                os.mkdir(folders[-1])
                # Intervals go by the clock, and what falls due while a run is stopped comes when it goes on.
                clock = interval * len(intervals) if interval and interval > turns.SLICE else interval
                settings = f'checkpoint = {{ path = "state", interval = "{clock}s" }}\n' if interval else ""
                path = self.pipeline(folders[-1], made, settings=settings)
                runs.append(turns.Turn(self.context.program("flowrun"), path, folders[-1], "archive"))
            turns.period(runs, 1)  # new series learn
            did = [turns.period(runs, int(seconds / turns.SLICE)) for _ in range(periods)]
            for run in runs:
                ledger = run.finish().ledger()
                if not 0 < ledger["archive"]["passed"] == ledger["timed"]["passed"]:
                    raise WrongAnswer("not every reading was archived")
        finally:
            for run in runs:
                run.kill()
        for interval, kept in zip(intervals, folders):
            if not interval:
                continue
            taken = max(int(entry[11:21]) for entry in os.listdir(os.path.join(kept, "state")) if entry.endswith(".manifest"))
            if taken < periods * seconds // interval * 0.9:
                raise WrongAnswer(f"{taken} checkpoints in {periods * seconds} s, one every {interval} s")
        subprocess.run(["rm", "-rf", folder], check=True)
        return did

    def million(self):
        """A million series: memory, checkpoints included, and how long a restart takes until the first row."""
        folder = self.folder("iot-million")
        path = self.pipeline(folder, 'type = "generate"\ndataset = "fleet"\ndevices = 250000\nevery = "10m"\nseed = 1',
                             settings='checkpoint = { path = "state", interval = "5s" }\nstate_limit = "3GiB"\n')
        with open(path, encoding="utf-8") as file:
            text = file.read()
        # The detector and what leads there.
        head = text.partition("[transforms.detected]")[0]
        detected = 'type = "detect_anomaly"\ninputs = ["timed"]\nkey = ["device", "quantity"]\nvalue = "value"\nmax_keys = 1200000\n'
        with open(path, "w", encoding="utf-8") as file:
            file.write(head + "[transforms.detected]\n" + detected + '[sinks.out]\ntype = "discard"\ninputs = ["detected"]\n')
        self.context.settle()
        with measure.Running(self.command(path), folder) as running:
            watch = measure.MemoryWatch(running.pid, "/none", 0.2)
            watch.start()
            time.sleep(30)
            running.process.send_signal(signal.SIGKILL)
            running.process.wait()
            watch.join()
        shown = subprocess.run([self.context.program("flowrun"), "state", "show", "state", "detected"], cwd=folder,
                               capture_output=True, text=True, check=False).stdout
        if ": 1000000 keys" not in shown:
            raise WrongAnswer("the checkpoint does not have a million series:\n" + shown[-2000:])
        restarts = []
        for _ in range(3):
            self.context.settle()
            with measure.Running(self.command(path), folder) as running:
                while "Pipeline starts." not in running.text(running.err):
                    if running.process.poll() is not None or time.perf_counter() - running.started > PATIENCE:
                        raise WrongAnswer("flowrun does not go on:\n" + running.text(running.err)[-2000:])
                    time.sleep(0.005)
                restarts.append(time.perf_counter() - running.started)
                if "Going on where a checkpoint was taken" not in running.text(running.err):
                    raise WrongAnswer("no checkpoint was gone on from")
        return [
            Figure("a million series, memory at the peak", watch.peak_own / 2**30, "GiB", bar=4, ceiling=True),
            Figure("restart with them", measure.median(restarts), "s", bar=5, ceiling=True),
        ]

    def alerts(self, name, pipe, running, deadline):
        """How long each alert took from the writing of its reading, in milliseconds."""
        delays, rest = [], b""
        while time.time() < deadline:
            try:
                piece = os.read(pipe, 1 << 16)
            except BlockingIOError:
                piece = b""
            now = time.time()
            if not piece:
                if running.process.poll() is not None:
                    raise WrongAnswer("flowrun ended:\n" + running.text(running.err)[-2000:])
                time.sleep(0.0002)
                continue
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                alert = json.loads(line)
                if alert["state"] == "opened" and alert.get("severity") == "critical":
                    delays.append((now - seconds_of(alert["time"])) * 1000)
        if len(delays) < SPIKES * 0.95:
            raise WrongAnswer(f"{name}: {len(delays)} alerts of {SPIKES} readings that were far out")
        return sorted(delays)

    def latency(self, name, rate, delays):
        note = f"{rate:,} readings/s, {len(delays)} alerts"
        return [
            Figure(f"{name}: reading written to alert written, median", measure.median(delays), "ms", note=note),
            Figure(f"{name}: 99 of 100 within", delays[len(delays) * 99 // 100 - 1], "ms", bar=20, ceiling=True),
        ]

    def live(self, name, rate, series, source, plugins, begin, frame, settings=""):
        """Runs the flow on a live source; `begin` gives the descriptor to write readings to, each as `frame` makes it."""
        seconds = 14
        folder = self.folder("iot-" + name.replace(" ", "-").replace(",", ""))
        os.makedirs(os.path.join(folder, "out", "iot"))
        fifo = os.path.join(folder, "out", "iot", "alerts.ndjson")
        os.mkfifo(fifo)
        pipe = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        path = self.pipeline(folder, source(folder), plugins, settings)
        self.context.settle()
        with measure.Running(self.command(path), folder) as running:
            time.sleep(1)
            descriptor = begin(folder)
            feeder = multiprocessing.Process(target=feed, args=(descriptor, rate, series, seconds, frame))
            feeder.start()
            os.close(descriptor)
            try:
                delays = self.alerts(name, pipe, running, time.time() + seconds + 1)
            finally:
                feeder.join(PATIENCE)
                os.close(pipe)
            running.process.send_signal(signal.SIGKILL)
        if settings and not glob.glob(os.path.join(folder, "state", "journal", "readings", "journal-*.log")):
            raise WrongAnswer("there is no journal")
        return self.latency(name, rate, delays)

    def followed(self):
        def source(folder):
            return (f'type = "file"\npath = "{folder}/live.ndjson"\nfollow = true\nallow_missing = true\n'
                    f'decoding = {{ type = "json", schema = {SCHEMA} }}')

        def begin(folder):
            return os.open(os.path.join(folder, "live.ndjson"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        return self.live("followed file", 100_000, 1_000, source, (), begin, line)

    def broker(self):
        """At QoS 1, with the broker and the publisher on the same cores, and with the broker's settings as they come."""
        port = free_port()
        settings = os.path.join(self.context.scratch, "mosquitto.conf")
        with open(settings, "w", encoding="utf-8") as file:
            file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        try:
            broker = subprocess.Popen(["mosquitto", "-c", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            raise Skipped("there is no mosquitto here") from None

        def source(_):
            return (f'type = "mqtt"\nurl = "mqtt://127.0.0.1:{port}"\ntopics = ["readings"]\nqos = 1\n'
                    f'decoding = {{ type = "json", schema = {SCHEMA} }}')

        journal = 'checkpoint = { path = "state", interval = "10s" }\n'
        try:
            return [
                figure
                for name, settings in (("mqtt", ""), ("mqtt, with a journal", journal))
                for figure in self.live(name, 20_000, 400, source, ("mqtt",), lambda _: publisher(port).detach(), publication, settings)
            ]
        finally:
            broker.kill()
            broker.wait()
