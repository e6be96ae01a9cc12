"""What the tests of the commands share: running flowrun in an empty folder, and pipelines to run."""

import os
import signal
import subprocess
import textwrap

from flow_case import BINARY, SOURCES, FlowCase

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


class CommandTest(FlowCase):
    """Runs any command as its user does: without an address, plugins or a log of the test's own."""

    def write(self, name, text):
        super().write(name, textwrap.dedent(text))
        return name

    def flowrun(self, *arguments, environment=None):
        return subprocess.run([BINARY, *arguments], cwd=self.work, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              env={**os.environ, **(environment or {})})

    def expect(self, code, *arguments, environment=None):
        """Runs the command, demands its exit code, and returns what it printed."""
        result = self.flowrun(*arguments, environment=environment)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def start_command(self, *arguments):
        """A running command whose log is JSON, once its pipeline runs. Killed at the test's end."""
        with open(self.path("log"), "wb") as log:
            process = subprocess.Popen([BINARY, *arguments, "--log-format", "json"], cwd=self.work,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.addCleanup(self.kill, process)
        self.wait_for_log("Pipeline starts.", process)
        return process

    def code_after(self, process, number=signal.SIGINT):
        """Sends a signal and returns the exit code."""
        process.send_signal(number)
        return process.wait(timeout=60)
