"""What tests share that run flowrun: a folder to run in and its files, a command that runs, its log and its ledger."""

import json
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BINARY, PLUGINS, SOURCES = (os.path.abspath(os.environ["FLOWRUN_" + name]) for name in
                            ("BINARY", "PLUGIN_DIR", "SOURCE_DIR"))
# What the program was built with: it takes memory and time of its own.
SANITIZER = os.environ.get("FLOWRUN_SANITIZE", "")
PATIENCE = 4 if SANITIZER else 1
# Of what a test leaves to chance; the same seed, the same run.
SEED = int(os.environ.get("FLOWRUN_TEST_SEED", random.SystemRandom().randrange(1 << 31)))


def command(file, *arguments, admin="off"):
    """Runs a pipeline file with a log in JSON and nothing else on stderr."""
    return [BINARY, "run", file, "--plugin-path", PLUGINS, "--admin", admin, "--quiet", "--log-format", "json", *arguments]


def log_entries(text):
    """The log lines in a text; the last one may not be whole yet."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]


def ledger_of(entries):
    """The ledger's lines by their components, of the last run in the log."""
    return {entry["component"]: entry for entry in entries if entry["message"] == "Ledger of a component."}


def free_port():
    """A port of the loopback that nobody has now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class FlowCase(unittest.TestCase):
    """Each test has an empty folder `work`, in which the pipeline flow.toml runs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="flowrun-test-")  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.work = folder.name

    def path(self, *names):
        return os.path.join(self.work, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def write_rows(self, name, rows):
        self.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def rows(self, name):
        """The documents of a file that has one in each line."""
        with open(self.path(name), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def run_flow(self, *arguments, code=0):
        """Runs flow.toml to its end, demands the exit code, and returns what was logged."""
        done = subprocess.run(command("flow.toml", *arguments), cwd=self.work, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=120 * PATIENCE, check=False)
        text = done.stderr.decode("utf-8", "replace")
        self.assertEqual(done.returncode, code, text[-3000:])
        return text

    def run_accounted(self, *arguments):
        """The same for a run in which every row is accounted for; returns its ledger too."""
        text = self.run_flow(*arguments)
        entries = log_entries(text)
        self.assertEqual(entries[-1]["unaccounted_rows"], 0)
        return ledger_of(entries), text

    def start(self, *arguments, admin="off", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, environment=None):
        """A run of flow.toml in a process group of its own, logging to the file log. Killed at the test's end."""
        with open(self.path("log"), "ab") as log:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                command("flow.toml", *arguments, admin=admin), cwd=self.work, stdin=stdin, stdout=stdout, stderr=log,
                start_new_session=True, env={**os.environ, **(environment or {})})
        self.addCleanup(self.kill, process)
        return process

    @staticmethod
    def kill(process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, process, number=signal.SIGTERM):
        """Ends a run as a user does, and demands that it ends well."""
        process.send_signal(number)
        self.assertEqual(process.wait(60), 0, self.log()[-3000:])

    def log(self):
        return self.read("log") if os.path.exists(self.path("log")) else ""

    def entries(self):
        return log_entries(self.log())

    def find_log(self, words):
        """The first log line with these words, or None."""
        return next((entry for line in self.log().splitlines() if words in line for entry in log_entries(line)), None)

    def wait_for_log(self, words, process=None, seconds=60):
        self.wait_until(f"the log never said {words!r}", lambda: self.find_log(words), process, seconds)
        return self.find_log(words)

    def wait_until(self, what, holds, process=None, seconds=60):
        """`what` is said where it never holds, and where the process ends before it does."""
        limit = time.monotonic() + seconds
        while not holds():
            has_ended = process is not None and process.poll() is not None
            if has_ended and holds():
                return
            self.assertFalse(has_ended, f"{what}: the run ended\n{self.log()[-3000:]}")
            self.assertLess(time.monotonic(), limit, f"{what}\n{self.log()[-3000:]}")
            time.sleep(0.005)
