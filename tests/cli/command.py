"""What the tests of the commands share: running flowrun in an empty folder, and pipelines to run."""

import json
import os
import signal
import subprocess
import tempfile
import textwrap
import time
import unittest

BINARY = os.environ["FLOWRUN_BINARY"]
SOURCES = os.environ["FLOWRUN_SOURCE_DIR"]
TEST_PLUGINS = os.environ["FLOWRUN_TEST_PLUGIN_DIR"]
WEBLOGS = os.path.join(SOURCES, "pipelines", "weblogs.toml")

# Sensors without an end, at a rate that leaves the machine idle.
ENDLESS = """
    [pipeline]
    plugins = ["std"]
    on_error = "stop"
    [sources.readings]
    type = "generate"
    dataset = "sensors"
    rate = 2000
    [sinks.nowhere]
    type = "discard"
    inputs = ["readings"]
    """

# The same into a named pipe that nobody reads: what is read stays on its way.
STUCK = """
    [pipeline]
    plugins = ["std", "files"]
    memory_limit = "8MiB"
    on_error = "stop"
    [sources.readings]
    type = "generate"
    dataset = "sensors"
    [sinks.stuck]
    type = "file"
    path = "fifo"
    inputs = ["readings"]
    """

SHORT = """
    [pipeline]
    plugins = ["std"]
    on_error = "stop"
    [sources.readings]
    type = "generate"
    dataset = "sensors"
    rows = 1000
    [sinks.terminal]
    type = "stdout"
    inputs = ["readings"]
    """


class CommandTest(unittest.TestCase):
    """Each test runs in an empty working directory."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="flowrun-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(text))
        return name

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def flowrun(self, *arguments, environment=None):
        return subprocess.run([BINARY, *arguments], cwd=self.folder, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              env={**os.environ, **(environment or {})})

    def expect(self, code, *arguments, environment=None):
        """Runs the command, demands its exit code, and returns what it printed."""
        result = self.flowrun(*arguments, environment=environment)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def start(self, *arguments):
        """A running command whose log is JSON, once its pipeline runs. Killed at the test's end."""
        log = open(self.path("log"), "w", encoding="utf-8")
        self.addCleanup(log.close)
        process = subprocess.Popen([BINARY, *arguments, "--log-format", "json"], cwd=self.folder,
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.wait_for_log("Pipeline starts.")
        return process

    def log(self):
        return [json.loads(line) for line in self.read("log").splitlines() if line.endswith("}")]

    def find_log(self, message):
        return next((line for line in self.log() if line["message"].startswith(message)), None)

    def wait_for_log(self, message):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if (found := self.find_log(message)) is not None:
                return found
            time.sleep(0.01)
        self.fail(f"the log never said {message!r}:\n" + self.read("log"))

    def stop(self, process, number=signal.SIGINT):
        process.send_signal(number)
        return process.wait(timeout=60)
